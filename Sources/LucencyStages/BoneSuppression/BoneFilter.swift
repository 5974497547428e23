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
    private func values(_ film: Image) -> [Double] {
        let scale = 1 / (high - low)
        return film.pixels.array.map { min(max((Double($0) - low) * scale, 0), 1) }
    }

    /// Planes of the derivatives.
    private func planes(_ values: [Double], _ size: GridSize, pool: ThreadPool) -> [[Double]] {
        let zoom = Double(size.x) / Double(width)
        let found = Lock<[Int: [[Double]]]>([:])
        pool.forEach(scales.count) { index in
            let jets = Self.jets(of: values, size, sigma: max(0.5, scales[index] * zoom))
            found.withLock { $0[index] = jets }
        }
        let jets = found.withLock { $0 }
        return scales.indices.flatMap { jets[$0] ?? [] } + [values, [Double](repeating: 1, count: values.count)]
    }

    /// G, Gx, Gy, Gxx, Gxy, Gyy, each times σ to the power of its order.
    private static func jets(of values: [Double], _ size: GridSize, sigma: Double) -> [[Double]] {
        let reach = Int((4 * sigma).rounded(.up)), places = (-reach...reach).map(Double.init)
        var smooth = places.map { exp(-$0 * $0 / (2 * sigma * sigma)) }
        let sum = smooth.reduce(0, +)
        smooth = smooth.map { $0 / sum }
        let first = zip(places, smooth).map { -$0 / sigma * $1 }
        let second = zip(places, smooth).map { ($0 * $0 / (sigma * sigma) - 1) * $1 }
        let kernels = [smooth, first, second]
        let rows = kernels.map { filtered(values, size, $0, along: true) }
        return [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)].map { x, y in
            filtered(rows[x], size, kernels[y], along: false)
        }
    }

    /// Edges are mirrored, the last pixel twice.
    private static func filtered(_ values: [Double], _ size: GridSize, _ taps: [Double], along: Bool) -> [Double] {
        let (length, lines) = along ? (size.x, size.y) : (size.y, size.x)
        let (step, jump) = along ? (1, size.x) : (size.x, 1)
        let reach = taps.count / 2
        let places = (0..<length + 2 * reach).map { index -> Int in
            let place = (((index - reach) % (2 * length)) + 2 * length) % (2 * length)
            return place < length ? place : 2 * length - 1 - place
        }
        var line = [Double](repeating: 0, count: places.count), result = values
        for number in 0..<lines {
            for (index, place) in places.enumerated() { line[index] = values[number * jump + place * step] }
            line.withUnsafeBufferPointer { line in
                taps.withUnsafeBufferPointer { taps in
                    for x in 0..<length {
                        var sum = 0.0
                        for k in taps.indices { sum += taps[taps.count &- 1 &- k] * line[x &+ k] }
                        result[number * jump + x * step] = sum
                    }
                }
            }
        }
        return result
    }

    /// 1, x, y, x², xy, y², with x and y from -1 to 1.
    private static func polynomial(_ index: Int, _ size: GridSize) -> [Double] {
        let x = (Double(index % size.x) + 0.5) / Double(size.x) * 2 - 1
        let y = (Double(index / size.x) + 0.5) / Double(size.y) * 2 - 1
        return [1, x, y, x * x, x * y, y * y]
    }

    private static func require(_ film: Image) throws(Diagnostic) {
        guard film.channels == 1, film.size.z == 1 else {
            throw Diagnostic(
                .channelMismatch,
                "bone suppression takes gray films of one slice, this has \(film.channels) channel(s)"
                    + " and \(film.size.z) slice(s)", remedy: "make it gray first (`gray`)")
        }
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
        try Self.require(film)
        try Self.require(softTissue)
        try film.geometry.requireMatch(softTissue.geometry, "film and soft tissue")
        let size = film.size, c = values(film), s = values(softTissue)
        let planes = planes(c, size, pool: pool), n = count
        var sums = Sums(products: .init(repeating: 0, count: n * n), bone: .init(repeating: 0, count: n))
        var row = [Double](repeating: 0, count: n)
        for index in Swift.stride(from: 0, to: c.count, by: stride) {
            fill(&row, planes, index, size)
            let target = c[index] - s[index]
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

    private func fill(_ row: inout [Double], _ planes: [[Double]], _ index: Int, _ size: GridSize) {
        let polynomial = Self.polynomial(index, size)
        var place = 0
        for plane in planes {
            for term in polynomial {
                row[place] = plane[index] * term
                place += 1
            }
        }
    }

    /// The weights of least squared error plus `ridge` (in parts of the features' mean square) times their own squares, by
    /// Cholesky's decomposition.
    mutating func solve(_ sums: Sums, ridge: Double) throws(Diagnostic) {
        let n = count
        var a = sums.products
        let mean = (0..<n).reduce(0) { $0 + a[$1 * n + $1] } / Double(n)
        for i in 0..<n { a[i * n + i] += ridge * mean }
        for i in 0..<n {
            for j in 0...i {
                var value = a[i * n + j]
                for k in 0..<j { value -= a[i * n + k] * a[j * n + k] }
                if i == j {
                    guard value > 0, value.isFinite else {
                        throw Diagnostic(
                            .undefinedResult, "the films do not determine a filter",
                            remedy: "give more films, or a larger `ridge`")
                    }
                    a[i * n + i] = value.squareRoot()
                } else {
                    a[i * n + j] = value / a[j * n + j]
                }
            }
        }
        var w = sums.bone
        for i in 0..<n {
            for k in 0..<i { w[i] -= a[i * n + k] * w[k] }
            w[i] /= a[i * n + i]
        }
        for i in (0..<n).reversed() {
            for k in i + 1..<max(n, i + 1) { w[i] -= a[k * n + i] * w[k] }
            w[i] /= a[i * n + i]
        }
        weights = w
    }

    /// Bone of a plane, in parts of the window.
    private func bone(_ values: [Double], _ size: GridSize, pool: ThreadPool) -> [Double] {
        let planes = planes(values, size, pool: pool)
        return values.indices.map { index in
            let polynomial = Self.polynomial(index, size)
            var sum = 0.0, place = 0
            for plane in planes {
                var weight = 0.0
                for term in polynomial {
                    weight += term * weights[place]
                    place += 1
                }
                sum += weight * plane[index]
            }
            return sum
        }
    }

    /// - Throws: `Diagnostic` for films that are not gray planes, and filters that are none.
    func callAsFunction(_ film: Image, pool: ThreadPool) throws -> (Image, Image, Image) {
        try check()
        try Self.require(film)
        guard weights.count == count else {
            throw Diagnostic(
                .badValue, "the filter has \(weights.count) weights in place of \(count)", remedy: Self.remedy)
        }
        let size = film.size, c = values(film)
        func mirrored(_ values: [Double]) -> [Double] {
            values.indices.map { values[$0 / size.x * size.x + size.x - 1 - $0 % size.x] }
        }
        let one = bone(c, size, pool: pool), other = mirrored(bone(mirrored(c), size, pool: pool))
        let span = high - low
        func image(_ value: (Int) -> Double) throws -> Image {
            let pixels = AlignedBuffer(c.indices.map { Float(value($0)) })
            return try Image(geometry: film.geometry, pixels: pixels)
        }
        let soft = try image { (c[$0] - (one[$0] + other[$0]) / 2) * span + low }
        let old = film.pixels.array, new = soft.pixels.array
        return (
            try Image(geometry: film.geometry, pixels: soft.pixels, origin: film.origin),
            try image { Double(old[$0]) - Double(new[$0]) },
            try image { abs(one[$0] - other[$0]) / 2.0.squareRoot() * span }
        )
    }
}

extension BoneFilter: FittedValue {
    static var kind: String { "bone-filter" }
    static var title: String { "a filter of bones" }
    static var remedy: String { "fit one: train.bone-filter" }
}
