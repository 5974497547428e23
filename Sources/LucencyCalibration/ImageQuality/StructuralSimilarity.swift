import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The structural similarity index, SSIM (Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
/// structural similarity", 2004): the mean over windows of
/// `((2 μx μy + C₁)(2 σxy + C₂)) / ((μx² + μy² + C₁)(σx² + σy² + C₂))`, C₁ = (0.01 L)², C₂ = (0.03 L)². 1 for equal images.
///
/// By default as its authors compute it: a Gaussian window of 11 × 11 with σ = 1.5, biased covariances, full windows only, no
/// down-sampling. The same as scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`, and as
/// torchmetrics. Other conventions give other numbers, which are not comparable.
public struct StructuralSimilarity: Hashable, Sendable {
    public enum Window: String, CaseIterable, Hashable, Codable, Sendable {
        /// 11 × 11, σ = 1.5.
        case gaussian
        /// 7 × 7, all alike, with unbiased covariances (× 49/48): the default of scikit-image.
        case uniform
    }

    /// What lies beyond the image's edge.
    public enum Border: String, CaseIterable, Hashable, Codable, Sendable {
        /// Nothing: the mean is over full windows.
        case valid
        /// The image mirrored, its edge repeated; the mean is over all pixels.
        case symmetric
        /// Zeros; the mean is over all pixels. Common in code that trains with SSIM; edges then look alike.
        case zero
    }

    public var window: Window
    public var border: Border

    public init(window: Window = .gaussian, border: Border = .valid) {
        self.window = window
        self.border = border
    }

    /// The least side of an image.
    public var smallestSide: Int { taps.count }

    /// Mean SSIM, and the mean of its second factor alone (contrast and structure), which `MultiScaleSimilarity` takes.
    struct Means {
        var similarity: Double
        var contrastStructure: Double
    }

    /// - Parameter range: L, the distance from the least to the greatest possible value, such as 255 or 1.
    /// - Throws: `Diagnostic` when the planes differ in size, are smaller than the window, or the range is not positive.
    public func callAsFunction(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> Double {
        try means(test, reference, range: range, pool: pool).similarity
    }

    /// The index of every window, as a plane; with `.valid` it is smaller than the images.
    /// - Throws: as `callAsFunction`.
    public func map(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> QualityPlane {
        let size = try mapSize(test, reference, range: range)
        var map = [Double](repeating: 0, count: size.width * size.height)
        map.withUnsafeMutableBufferPointer { _ = sweep(test, reference, range: range, map: $0, pool: pool) }
        return QualityPlane(checked: size.width, size.height, map)
    }

    /// - Throws: as `callAsFunction`.
    func means(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double, pool: ThreadPool
    ) throws(Diagnostic) -> Means {
        let size = try mapSize(test, reference, range: range)
        let sums = sweep(test, reference, range: range, map: nil, pool: pool)
        let count = Double(size.width * size.height)
        return Means(similarity: sums.similarity / count, contrastStructure: sums.contrastStructure / count)
    }

    private var taps: [Double] {
        switch window {
        case .uniform: return Array(repeating: 1.0 / 7, count: 7)
        case .gaussian:
            let weights = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
    }

    private func mapSize(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double
    ) throws(Diagnostic) -> (width: Int, height: Int) {
        try test.requireSize(of: reference)
        guard range > 0, range.isFinite else {
            throw Diagnostic(
                .badArgument, "a data range of \(range) is not possible", remedy: "take 255 for bytes, or 1 for 0...1")
        }
        let side = taps.count
        guard test.width >= side, test.height >= side else {
            throw Diagnostic(
                .badArgument,
                "SSIM has windows of \(side) × \(side) pixels, and the image has \(test.width) × \(test.height)"
            )
        }
        return border == .valid ? (test.width - side + 1, test.height - side + 1) : (test.width, test.height)
    }

    /// Where each tap finds its pixel along an axis: from the first window's first tap to the last one's last; −1 is a zero.
    private func places(_ length: Int, reach: Int) -> [Int] {
        guard border != .valid else { return Array(0..<length) }
        return (-reach..<length + reach).map { place in
            if place >= 0, place < length { return place }
            return border == .zero ? -1 : place < 0 ? -place - 1 : 2 * length - place - 1
        }
    }

    /// The sums over all windows, in bands of rows, so that memory is that of a band and the sum the same on any pool.
    private func sweep(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double, map: UnsafeMutableBufferPointer<Double>?,
        pool: ThreadPool
    ) -> Means {
        let taps = self.taps, reach = taps.count / 2
        let columns = places(test.width, reach: reach), rows = places(test.height, reach: reach)
        let width = columns.count - 2 * reach, height = rows.count - 2 * reach
        let bandRows = 32, bands = (height + bandRows - 1) / bandRows
        let c1 = (0.01 * range) * (0.01 * range), c2 = (0.03 * range) * (0.03 * range)
        let unbiased = window == .uniform ? Double(taps.count * taps.count) / Double(taps.count * taps.count - 1) : 1
        var sums = [Means](repeating: Means(similarity: 0, contrastStructure: 0), count: bands)
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums, map = map
            pool.forEach(bands) { band in
                let first = band * bandRows, end = min(height, first + bandRows)
                let across = BandSums(
                    test, reference, rows: rows[first..<end + 2 * reach], columns: columns, taps: taps, width: width)
                for row in first..<end {
                    across.down(row - first, taps) { x, mx, my, xx, yy, xy in
                        let contrast =
                            (2 * unbiased * (xy - mx * my) + c2) / (unbiased * (xx - mx * mx + yy - my * my) + c2)
                        let value = (2 * mx * my + c1) / (mx * mx + my * my + c1) * contrast
                        sums[band].similarity += value
                        sums[band].contrastStructure += contrast
                        map?[row &* width &+ x] = value
                    }
                }
            }
        }
        return sums.reduce(into: Means(similarity: 0, contrastStructure: 0)) { total, part in
            total.similarity += part.similarity
            total.contrastStructure += part.contrastStructure
        }
    }
}

/// Rows of x, y, x², y² and xy, filtered along x.
private struct BandSums {
    private let width: Int
    private let rows: Int
    /// Five planes of `rows × width`.
    private let planes: [Double]

    init(
        _ test: QualityPlane, _ reference: QualityPlane, rows: ArraySlice<Int>, columns: [Int], taps: [Double],
        width: Int
    ) {
        (self.width, self.rows) = (width, rows.count)
        let count = rows.count
        var planes = [Double](repeating: 0, count: 5 * count * width)
        var lines = [Double](repeating: 0, count: 5 * columns.count)
        let long = columns.count
        planes.withUnsafeMutableBufferPointer { planes in
            lines.withUnsafeMutableBufferPointer { lines in
                for (place, row) in rows.enumerated() where row >= 0 {
                    let start = row &* test.width
                    for (at, column) in columns.enumerated() {
                        let x = column < 0 ? 0 : test.values[start &+ column]
                        let y = column < 0 ? 0 : reference.values[start &+ column]
                        lines[at] = x
                        lines[long &+ at] = y
                        lines[2 &* long &+ at] = x * x
                        lines[3 &* long &+ at] = y * y
                        lines[4 &* long &+ at] = x * y
                    }
                    for plane in 0..<5 {
                        let from = plane &* long, to = (plane &* count &+ place) &* width
                        for (tap, weight) in taps.enumerated() {
                            for at in 0..<width { planes[to &+ at] += weight * lines[from &+ tap &+ at] }
                        }
                    }
                }
            }
        }
        self.planes = planes
    }

    /// Filters along y at one window row and hands over each column's five means.
    func down(
        _ row: Int, _ taps: [Double], _ body: (Int, Double, Double, Double, Double, Double) -> Void
    ) {
        let size = rows &* width
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 5 * width) { means in
            means.initialize(repeating: 0)
            planes.withUnsafeBufferPointer { planes in
                for plane in 0..<5 {
                    for (tap, weight) in taps.enumerated() {
                        let from = plane &* size &+ (row &+ tap) &* width, to = plane &* width
                        for x in 0..<width { means[to &+ x] += weight * planes[from &+ x] }
                    }
                }
            }
            for x in 0..<width {
                body(
                    x, means[x], means[width &+ x], means[2 &* width &+ x], means[3 &* width &+ x],
                    means[4 &* width &+ x])
            }
        }
    }
}
