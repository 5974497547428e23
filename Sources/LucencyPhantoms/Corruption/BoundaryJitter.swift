import LucencyFoundation
import LucencyImaging

/// A hand that trembles: borders move to and fro by a smooth random displacement field.
///
/// The field lies in the slice, because contours are drawn slice by slice; slices nearer to each other than the correlation
/// length are displaced alike. All classes move together, so no gaps open between them.
public struct BoundaryJitter: LabelCorruptionStep, Hashable {
    /// Root mean square of the distance by which a straight border moves; its mean is √(2/π) of that.
    public var amplitude: Length
    /// Distance from which displacements are independent: spacing of the random numbers that a cubic B-spline joins.
    public var correlation: Length

    public init(amplitude: Length = .pixels(1.5), correlation: Length = .pixels(12)) {
        self.amplitude = amplitude
        self.correlation = correlation
    }

    public func check() throws {
        try requireLength(amplitude, "an amplitude")
        try requireLength(correlation, "a correlation length", above: true)
        if correlation.unit == .px { try requirePixel(correlation.value) }
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size
        var reach = [0.0, 0, 0], spacing = [1.0, 1, 1]
        for axis in 0..<size.dimensions {
            reach[axis] = try amplitude.pixels(along: axis, of: labels.geometry)
            spacing[axis] = try correlation.pixels(along: axis, of: labels.geometry)
        }
        // Beyond a million pixels, everything is alike.
        spacing = spacing.map { min($0, 1e6) }
        try requirePixel(min(spacing[0], spacing[1]))
        guard reach[0] > 0 || reach[1] > 0 else { return labels }
        let fields = SliceFields(size: size, spacing: spacing, count: 2, random: &random)
        let slices = (0..<size.z).map { fields.slice($0) }
        let (reachX, reachY, stretch) = (reach[0], reach[1], fields.stretch)
        return try labels.moved(pool: pool) { x, y, z in
            let u = Double(x), v = Double(y) * stretch
            let dx = reachX * slices[z][0](u, v), dy = reachY * slices[z][1](u, v)
            return (Double(x) + dx, Double(y) + dy, z)
        }
    }
}

extension BoundaryJitter {
    private func requirePixel(_ pixels: Double) throws(Diagnostic) {
        guard pixels >= 1 else {
            throw Diagnostic(
                .badArgument, "a correlation length of \(correlation) is less than a pixel",
                remedy: "give at least a pixel")
        }
    }
}

/// Smooth random fields over the slices of a grid, smooth from slice to slice too.
struct SliceFields: Sendable {
    /// Layers of fields, `spacing` apart: a seed for each field.
    private let layers: [[UInt64]]
    private let width: Int
    private let height: Int
    private let planeSpacing: Double
    private let spacing: Double
    /// The fields take y times this, so that they may vary at another rate along y.
    let stretch: Double

    /// - Parameter spacing: of the random numbers along x, y, z, in pixels.
    init(size: GridSize, spacing: [Double], count: Int, random: inout PhiloxStream) {
        let stretch = spacing[0] / spacing[1]
        let layers = size.z == 1 ? 1 : Int(Double(size.z) / max(spacing[2], 0.25)) + 5
        self.layers = (0..<layers).map { _ in (0..<count).map { _ in random.next() } }
        width = size.x
        height = Int((Double(size.y) * stretch).rounded(.up))
        planeSpacing = spacing[0]
        self.spacing = max(spacing[2], 0.25)
        self.stretch = stretch
    }

    /// The fields of a slice.
    func slice(_ z: Int) -> [SmoothField] {
        guard layers.count > 1 else { return layers[0].map(field) }
        let place = Double(z) / spacing, first = min(Int(place), layers.count - 4)
        let weights = SmoothField.weights(place - Double(first))
        // The mean square of cubic B-spline weights is 151/315.
        let gain = (315.0 / 151).squareRoot()
        return layers[0].indices.map { number in
            SmoothField(blending: (0..<4).map { (self.field(layers[first + $0][number]), weights[$0] * gain) })
        }
    }

    private func field(_ seed: UInt64) -> SmoothField {
        SmoothField(width: width, height: height, spacing: planeSpacing, random: PhiloxStream(seed: seed))
    }
}
