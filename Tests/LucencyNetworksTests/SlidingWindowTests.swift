import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Testing

@Suite struct SlidingWindowTests {
    /// A prediction that looks at single pixels, so that tiles must agree wherever they overlap.
    func pointwise(_ tile: Tensor) throws -> Tensor {
        try Tensor([1, 2] + tile.shape.dimensions.dropFirst(2), tile.array.map { 3 * $0 - 1 } + tile.array)
    }

    func image(_ dimensions: [Int]) throws -> Tensor {
        var stream = PhiloxStream(seed: 1, stream: "image")
        return Tensor.uniform(try Shape(dimensions), from: &stream)
    }

    static let cases: [(size: [Int], tile: [Int], overlap: Double)] = [
        ([37, 53], [16, 24], 0.5), ([16, 24], [16, 24], 0.5), ([9, 80], [16, 16], 0.25), ([5, 3], [16, 16], 0.5),
        ([19, 21, 33], [8, 8, 16], 0.5), ([7, 40, 9], [8, 8, 8], 0), ([50], [8], 0.9), ([100, 31], [10, 31], 0),
    ]

    @Test(arguments: cases)
    func `every pixel is covered, and weights sum to one`(size: [Int], tile: [Int], overlap: Double) throws {
        for blending in SlidingWindow.Blending.allCases {
            for edges in EdgeExtension.allCases {
                var window = SlidingWindow(tile: tile)
                window.overlap = overlap
                window.blending = blending
                window.edges = edges
                let image = try image([2, 1] + size)
                let result = try window(image, predict: pointwise)
                #expect(result.shape.dimensions == [2, 2] + size)
                let expected = (0..<2).flatMap { number in
                    let one = Array(image.array[number * image.shape.count / 2..<(number + 1) * image.shape.count / 2])
                    return one.map { 3 * $0 - 1 } + one
                }
                for (a, b) in zip(result.array, expected) { #expect(abs(a - b) <= 1e-6 * 3) }
            }
        }
    }

    @Test func `a window that covers the image gives the whole-image prediction bit for bit`() throws {
        let network = UNet(classes: 3, channels: [8, 16])
        let predictor = try Predictor(network, parameters: network.parameters(seed: 1))
        let image = try image([1, 1, 32, 48])
        let whole = try predictor(image)
        #expect(try SlidingWindow(tile: [32, 48])(image, predict: { try predictor($0) }) == whole)
        // Bits, also of zeros.
        let zeros = try SlidingWindow(tile: [4])(Tensor([1, 1, 4], [0, -0.0, 1, -1])) { $0 }
        #expect(zeros.array.map(\.sign) == [.plus, .minus, .plus, .minus])
    }

    @Test func `slabs arrive in order, once each, and only as large as tiles`() throws {
        var window = SlidingWindow(tile: [8, 8, 8])
        window.overlap = 0.5
        let image = try image([1, 1, 61, 8, 20])
        var next = 0, asked: [Range<Int>] = []
        try window.run(
            size: [61, 8, 20],
            input: { range in
                asked.append(range)
                let plane = 8 * 20
                return try Tensor(
                    [1, 1, range.count, 8, 20],
                    image.array[range.lowerBound * plane..<range.upperBound * plane])
            },
            predict: { $0 }
        ) { range, planes in
            #expect(range.lowerBound == next)
            #expect(range.count <= 8)
            #expect(planes.shape.dimensions == [1, 1, range.count, 8, 20])
            next = range.upperBound
            for (a, b) in zip(planes.array, image.array[range.lowerBound * 160..<range.upperBound * 160]) {
                #expect(abs(a - b) <= 1e-6)
            }
        }
        #expect(next == 61)
        #expect(asked.allSatisfy { $0.count == 8 })
        #expect(zip(asked, asked.dropFirst()).allSatisfy { $0.lowerBound < $1.lowerBound })
    }

    @Test func `mirrored predictions are mirrored back and averaged`() throws {
        var window = SlidingWindow(tile: [6, 10])
        window.mirroredAxes = [0, 1]
        let image = try image([1, 1, 6, 10])
        var calls = 0
        // The prediction is the column's number: averaged with its mirror images it is the same everywhere.
        let result = try window(image) { tile in
            calls += 1
            return try Tensor([1, 1, 6, 10], (0..<60).map { Float($0 % 10) })
        }
        #expect(calls == 4)
        #expect(result.array.allSatisfy { $0 == 4.5 })
        // What commutes with mirroring is unchanged.
        let same = try window(image) { $0 }
        for (a, b) in zip(same.array, image.array) { #expect(abs(a - b) <= 1e-6) }
    }

    @Test func `the number of threads changes no bit`() throws {
        let network = UNet(classes: 2, channels: [8, 16])
        let image = try image([1, 1, 70, 50])
        let results = try [1, 2].map { threads in
            let pool = ThreadPool(threads: threads)
            let predictor = try Predictor(network, parameters: network.parameters(seed: 1), pool: pool)
            return try SlidingWindow(tile: [32, 32])(image, pool: pool, predict: { try predictor($0) })
        }
        #expect(results[0] == results[1])
    }

    @Test func `seams vanish: a blended prediction is closer to the whole-image one than a plain mean at tile borders`()
        throws
    {
        // A prediction that is wrong near the border of its tile.
        func wrongAtBorder(_ tile: Tensor) throws -> Tensor {
            try Tensor([1, 1, 16], (0..<16).map { $0 < 2 || $0 >= 14 ? 1 : 0 })
        }
        let image = try image([1, 1, 64])
        var window = SlidingWindow(tile: [16])
        let gaussian = try window(image, predict: wrongAtBorder).array[16..<48].max() ?? 1
        window.blending = .uniform
        let uniform = try window(image, predict: wrongAtBorder).array[16..<48].max() ?? 0
        #expect(gaussian < 0.1)
        #expect(uniform > 0.4)
    }

    @Test func `nonsense is refused`() throws {
        let image = try image([1, 1, 8, 8])
        var window = SlidingWindow(tile: [4])
        #expect(throws: Diagnostic.self) { try window(image) { $0 } }
        window.tile = [4, 0]
        #expect(throws: Diagnostic.self) { try window(image) { $0 } }
        window.tile = [4, 4]
        window.overlap = 1
        #expect(throws: Diagnostic.self) { try window(image) { $0 } }
        window.overlap = .nan
        #expect(throws: Diagnostic.self) { try window(image) { $0 } }
        window.overlap = 0.5
        window.mirroredAxes = [2]
        #expect(throws: Diagnostic.self) { try window(image) { $0 } }
        window.mirroredAxes = []
        #expect(throws: Diagnostic.self) {
            try window(image) { _ in try Tensor([1, 1, 3, 4], (0..<12).map(Float.init)) }
        }
    }
}
