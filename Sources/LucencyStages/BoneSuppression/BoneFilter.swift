import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A linear filter that finds the bone of a film: Gaussian derivatives up to the second order at several scales, weighted by
/// ridge regression. After the supervised filters of Loog, van Ginneken and Schilham, "Filter learning: application to
/// suppression of bony structures from chest radiographs", Medical Image Analysis 10 (2006), which regress the same
/// derivatives by nearest neighbours; here they are weighted linearly, and the weights vary over the film as a polynomial of the
/// second degree, as ribs run differently from place to place.
struct BoneFilter: Codable, Hashable, Sendable {
    /// σ of the derivatives, in pixels of a film as wide as `width`.
    var scales: [Double]
    /// Pixels from side to side of the films learnt from: others are answered at the same scale of the body.
    var width: Int
    var low: Double
    var high: Double
    /// Weights of the features: each derivative with each term of the polynomial.
    var weights: [Double] = []

    /// Derivatives at a scale, the film itself, and 1.
    static func jets(_ scales: Int) -> Int { 6 * scales + 2 }
    static let terms = 6
    var count: Int { Self.jets(scales.count) * Self.terms }

    func check() throws(Diagnostic) {
        let isAscending = zip(scales, scales.dropFirst()).allSatisfy { $0 < $1 }
        guard !scales.isEmpty, scales.count <= 8, isAscending, scales.allSatisfy({ $0 >= 0.5 && $0 <= 64 }) else {
            throw Diagnostic(
                .badValue, "the scales \(scales) cannot be used", remedy: "take 1 to 8 ascending ones of 0.5 to 64 px")
        }
        guard width > 0, low < high, (high - low).isFinite, weights.allSatisfy(\.isFinite) else {
            throw Diagnostic(.badValue, "this is no filter of bones", remedy: BoneFilter.remedy)
        }
    }

    /// The film from 0 to 1.
    private func values(_ film: Image) throws(Diagnostic) -> AlignedBuffer<Float> {
        let tensor = try FilmWindow(low: low, high: high).tensor(film)
        return AlignedBuffer(tensor.array.map { ($0 + 1) / 2 })
    }

    /// Planes of the derivatives: G, Gx, Gy, Gxx, Gxy, Gyy of each scale, each times σ to the power of its order, then the film
    /// and 1.
    private func planes(_ values: AlignedBuffer<Float>, _ size: GridSize, pool: ThreadPool) -> [AlignedBuffer<Float>] {
        let zoom = Double(size.x) / Double(width)
        let jets = scales.flatMap { scale in
            let sigma = max(0.5, scale * zoom)
            let filters = (0...2).map { order in
                LineFilter(
                    weights: LineFilter.gaussian(sigma: sigma, order: order).weights.map { weight in
                        weight * pow(sigma, Double(order))
                    })
            }
            let rows = filters.map { values.filtered([$0], size: size, pool: pool) }
            return [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)].map { x, y in
                rows[x].filtered([nil, filters[y]], size: size, pool: pool)
            }
        }
        return jets + [values, AlignedBuffer(repeating: 1, count: values.count)]
    }

    /// 1, x, y, x², xy, y², with x and y from -1 to 1.
    private static func polynomial(_ index: Int, _ size: GridSize) -> [Double] {
        let x = (Double(index % size.x) + 0.5) / Double(size.x) * 2 - 1
        let y = (Double(index / size.x) + 0.5) / Double(size.y) * 2 - 1
        return [1, x, y, x * x, x * y, y * y]
    }

    /// Sums of squares and products of features and bone, at every `stride`-th pixel.
    struct Sums: Sendable {
        var products: [Double]
        var bone: [Double]

        mutating func add(_ other: Sums) {
            for index in products.indices { products[index] += other.products[index] }
            for index in bone.indices { bone[index] += other.bone[index] }
        }
    }

    func sums(_ film: Image, _ softTissue: Image, stride: Int, pool: ThreadPool) throws -> Sums {
        try film.geometry.requireMatch(softTissue.geometry, "film and soft tissue")
        let size = film.size, c = try values(film), s = try values(softTissue)
        let planes = planes(c, size, pool: pool), n = count
        var sums = Sums(products: .init(repeating: 0, count: n * n), bone: .init(repeating: 0, count: n))
        var row = [Double](repeating: 0, count: n)
        for index in Swift.stride(from: 0, to: c.count, by: stride) {
            fill(&row, planes, index, size)
            let target = Double(c[index] - s[index])
            sums.products.withUnsafeMutableBufferPointer { products in
                row.withUnsafeBufferPointer { row in
                    for i in 0..<n {
                        let value = row[i]
                        for j in 0...i { products[i &* n &+ j] += value * row[j] }
                    }
                }
            }
            for i in 0..<n { sums.bone[i] += target * row[i] }
        }
        return sums
    }

    private func fill(_ row: inout [Double], _ planes: [AlignedBuffer<Float>], _ index: Int, _ size: GridSize) {
        let polynomial = Self.polynomial(index, size)
        var place = 0
        for plane in planes {
            for term in polynomial {
                row[place] = Double(plane[index]) * term
                place += 1
            }
        }
    }

    /// The weights of least squared error plus `ridge` (in parts of the features' mean square) times their own squares.
    mutating func solve(_ sums: Sums, ridge: Double) throws(Diagnostic) {
        let n = count
        var matrix = sums.products
        let mean = (0..<n).reduce(0) { $0 + matrix[$1 * n + $1] } / Double(n)
        for i in 0..<n { matrix[i * n + i] += ridge * mean }
        guard let weights = PositiveSystem.solve(matrix, sums.bone) else {
            throw Diagnostic(
                .undefinedResult, "the films do not determine a filter", remedy: "give more films, or a larger `ridge`")
        }
        self.weights = weights
    }

    /// Bone of a plane, in parts of the window.
    private func bone(_ values: AlignedBuffer<Float>, _ size: GridSize, pool: ThreadPool) -> [Double] {
        let planes = planes(values, size, pool: pool)
        return (0..<values.count).map { index in
            let polynomial = Self.polynomial(index, size)
            var sum = 0.0, place = 0
            for plane in planes {
                var weight = 0.0
                for term in polynomial {
                    weight += term * weights[place]
                    place += 1
                }
                sum += weight * Double(plane[index])
            }
            return sum
        }
    }

    /// Soft tissue and bone are the mean of what the filter makes of the film and of its mirror image; their difference is the
    /// uncertainty.
    /// - Throws: `Diagnostic` for films that are not gray planes or do not fit the window, and filters that are none.
    func callAsFunction(_ film: Image, pool: ThreadPool) throws -> SuppressedFilm {
        try check()
        guard weights.count == count else {
            throw Diagnostic(
                .badValue, "the filter has \(weights.count) weights in place of \(count)", remedy: Self.remedy)
        }
        let size = film.size, c = try values(film)
        func mirror(_ index: Int) -> Int { index / size.x * size.x + size.x - 1 - index % size.x }
        let one = bone(c, size, pool: pool)
        let other = bone(AlignedBuffer((0..<c.count).map { c[mirror($0)] }), size, pool: pool)
        func plane(_ value: (Int) -> Double) throws -> Tensor {
            try Tensor([1, size.y, size.x], (0..<c.count).map { Float(value($0)) })
        }
        // From parts of the window to -1...1.
        let mean = try plane { 2 * (Double(c[$0]) - (one[$0] + other[mirror($0)]) / 2) - 1 }
        let deviation = try plane { 2 * abs(one[$0] - other[mirror($0)]) / 2.0.squareRoot() }
        return try SuppressedFilm(film, mean: mean, deviation: deviation, FilmWindow(low: low, high: high))
    }
}

extension BoneFilter: FittedValue {
    static var kind: String { "bone-filter" }
    static var title: String { "a filter of bones" }
    static var remedy: String { "fit one: train.bone-filter" }
}
