import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Support
import Testing

@Suite("Fourier transform")
struct FourierTransformTests {
    @Test(
        "Spectra are NumPy's, for odd, even, prime and unit sizes in two and three dimensions, and return",
        arguments: FourierBackEnd.available)
    func numpy(backEnd: FourierBackEnd) throws {
        let fixture = try TestFiles.json(TestFiles.fixture("LucencyFourierTests", "dft.json"))
        let cases = try #require(fixture["cases"]?.arrayValue)
        #expect(cases.count == 8)
        for item in cases {
            let input = try #require(item["x"])
            let shape = [1, 1, 1].dropFirst(input.tensorShape.count) + input.tensorShape
            let size = GridSize(shape[shape.startIndex + 2], shape[shape.startIndex + 1], shape[shape.startIndex])
            let transform = try FourierTransform(size: size, backEnd: backEnd)
            let values = input.tensorData.map { Float($0) }
            let spectrum = try transform.forward(AlignedBuffer(values))
            #expect(spectrum.width == size.x / 2 + 1)
            var re: [Float] = [], im: [Float] = []
            for z in 0..<size.z {
                for y in 0..<size.y {
                    for x in 0..<spectrum.width {
                        re.append(spectrum[x, y, z].x)
                        im.append(spectrum[x, y, z].y)
                    }
                }
            }
            expectClose(re, try #require(item["re"]).tensorData, 1e-5)
            expectClose(im, try #require(item["im"]).tensorData, 1e-5)
            expectClose(try transform.inverse(spectrum).array, values.map(Double.init), 1e-6)
        }
    }

    @Test("The inverse leaves the spectrum it is given alone", arguments: FourierBackEnd.available)
    func inverseKeepsInput(backEnd: FourierBackEnd) throws {
        let transform = try FourierTransform(size: GridSize(9, 4), backEnd: backEnd)
        let spectrum = try transform.forward(Samples.noise(GridSize(9, 4)).pixels)
        let copy = spectrum
        _ = try transform.inverse(spectrum)
        #expect(spectrum == copy)
        #expect(spectrum[2, 1] != .zero)
    }

    @Test(
        "Threads and repetition change nothing", arguments: FourierBackEnd.available,
        [GridSize(121, 90), GridSize(64, 31, 12), GridSize(1, 500)])
    func threads(backEnd: FourierBackEnd, size: GridSize) throws {
        let transform = try FourierTransform(size: size, backEnd: backEnd)
        let values = try Samples.noise(size).pixels
        let one = try transform.forward(values)
        #expect(try transform.forward(values) == one)
        #expect(try transform.forward(values, pool: ThreadPool(threads: 3)) == one)
        #expect(try transform.inverse(one) == transform.inverse(one, pool: ThreadPool(threads: 3)))
    }

    @Test("Transforms on many threads at once share the planner safely", arguments: FourierBackEnd.available)
    func concurrentPlanning(backEnd: FourierBackEnd) throws {
        let pool = ThreadPool(threads: 4)
        try pool.forEach(300) { index in
            let size = GridSize(index % 150 + 1, index / 2 + 1)
            let values = AlignedBuffer<Float>(repeating: 1, count: size.count)
            let spectrum = try FourierTransform(size: size, backEnd: backEnd).forward(values)
            guard abs(spectrum[0, 0].x - Float(size.count)) < 0.5 else {
                throw Diagnostic(.undefinedResult, "the sum of \(size) ones came out as \(spectrum[0, 0].x)")
            }
        }
    }

    @Test("Good sizes are the next with factors 2, 3, 5 and 7 only")
    func goodSizes() {
        func smooth(_ number: Int) -> Bool {
            var n = number
            for factor in [2, 3, 5, 7] { while n % factor == 0 { n /= factor } }
            return n == 1
        }
        for length in 1...3000 {
            let good = FourierTransform.goodSize(atLeast: length)
            #expect(good >= length && smooth(good) && !(length..<good).contains(where: smooth))
        }
        #expect(FourierTransform.goodSize(atLeast: 0) == 1)
        #expect(FourierTransform.goodSize(atLeast: .max) == .max)
    }

    @Test("Wrong sizes are refused")
    func refusals() throws {
        #expect(refusal { try FourierTransform(size: GridSize(0, 4)) } != nil)
        #expect(refusal { try FourierTransform(size: GridSize(.max, 4)) }?.code == .tooLarge)
        let transform = try FourierTransform(size: GridSize(4, 4))
        #expect(refusal { try transform.forward(AlignedBuffer([1, 2])) }?.code == .sizeMismatch)
        let other = try FourierTransform(size: GridSize(5, 4)).forward(AlignedBuffer(repeating: 0, count: 20))
        #expect(refusal { try transform.inverse(other) }?.code == .sizeMismatch)
    }
}
