import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reconstructs a plane from its line integrals: each projection is filtered with a ramp and smeared back over the plane
/// along its rays (Kak and Slaney, "Principles of Computerized Tomographic Imaging", 1988, section 3.3).
///
/// The projections must be spread evenly over half a turn or whole turns. Between bins, filtered values are interpolated
/// linearly. The same result comes out for any number of threads.
public struct FilteredBackProjection: Hashable, Sendable {
    public var window: RampWindow
    /// Leaves at 0 what lies further from the rotation axis than half the image's shorter side, as a scanner does.
    public var circle: Bool

    public init(window: RampWindow = .ramLak, circle: Bool = true) {
        self.window = window
        self.circle = circle
    }

    /// - Parameters:
    ///   - geometry: the plane's grid; its spacing must be stated. Only its size and spacing count.
    ///   - axis: the pixel (x, y) of the rotation axis; the grid's middle where left out.
    /// - Returns: values in the unit that was integrated along the rays.
    /// - Throws: `Diagnostic` when the grid is no plane, its spacing is assumed, or it is too large for the scan.
    public func callAsFunction(
        _ sinogram: Sinogram, onto geometry: Geometry, axis: SIMD2<Double>? = nil, pool: ThreadPool = .serial
    ) throws -> Image {
        let size = geometry.size
        guard size.isPlanar else {
            throw Diagnostic(
                .badArgument, "a sinogram is of one plane, not of \(size)", remedy: "reconstruct slice by slice")
        }
        try geometry.requireStatedSpacing(for: "filtered back-projection")
        let axis = axis ?? SIMD2(Double(size.x - 1) / 2, Double(size.y - 1) / 2)
        guard axis.x.isFinite, axis.y.isFinite else {
            throw Diagnostic(.badArgument, "a rotation axis at pixel (\(axis.x), \(axis.y)) is not possible")
        }
        let plane = Plane(geometry: geometry, axis: axis, circle: circle)
        let filtered = try FilteredProjections(sinogram, window: window, reach: plane.reach, pool: pool)
        let scale = Double.pi / (Double(sinogram.beam.angles.count) * sinogram.beam.binWidth)
        let directions = sinogram.beam.angles.map { (cos: cos($0), sin: sin($0)) }
        let pixels = AlignedBuffer<Float>(count: size.count) { target in
            target.initialize(repeating: 0)
            nonisolated(unsafe) let target = target
            pool.forEach(size.y) { row in
                let columns = plane.columns(in: row)
                guard !columns.isEmpty else { return }
                withUnsafeTemporaryAllocation(of: Double.self, capacity: columns.count) { sums in
                    sums.initialize(repeating: 0)
                    let x = plane.x(of: columns.lowerBound), y = plane.y(of: row)
                    for (view, direction) in directions.enumerated() {
                        filtered.add(
                            view, from: x * direction.cos + y * direction.sin, step: plane.pixelWidth * direction.cos,
                            to: sums)
                    }
                    for i in 0..<columns.count {
                        target[row &* size.x &+ columns.lowerBound &+ i] = Float(sums[i] * scale)
                    }
                }
            }
        }
        return try Image(geometry: geometry, pixels: pixels)
    }
}

/// Where the pixels of a plane lie from the rotation axis: x to the right, y up, in mm.
private struct Plane {
    let size: GridSize
    let pixelWidth: Double
    let pixelHeight: Double
    let axis: SIMD2<Double>
    /// Beyond this distance nothing is wanted; nil for everything.
    let radius: Double?

    init(geometry: Geometry, axis: SIMD2<Double>, circle: Bool) {
        size = geometry.size
        pixelWidth = geometry.spacing.x
        pixelHeight = geometry.spacing.y
        self.axis = axis
        radius = circle ? min(Double(size.x) * pixelWidth, Double(size.y) * pixelHeight) / 2 : nil
    }

    func x(of column: Int) -> Double { (Double(column) - axis.x) * pixelWidth }
    func y(of row: Int) -> Double { (axis.y - Double(row)) * pixelHeight }

    /// The distance of the furthest pixel that is wanted.
    var reach: Double {
        let x = max(abs(x(of: 0)), abs(x(of: size.x - 1))), y = max(abs(y(of: 0)), abs(y(of: size.y - 1)))
        return min(radius ?? .infinity, (x * x + y * y).squareRoot())
    }

    /// Columns of a row that are wanted.
    func columns(in row: Int) -> Range<Int> {
        guard let radius else { return 0..<size.x }
        // A hair of room, so that pixels on the circle do not depend on rounding.
        let limit = radius * radius * (1 + 1e-12), y = y(of: row)
        func isInside(_ column: Int) -> Bool { x(of: column) * x(of: column) + y * y <= limit }
        guard let first = (0..<size.x).first(where: isInside), let last = (0..<size.x).last(where: isInside) else {
            return 0..<0
        }
        return first..<last + 1
    }
}
