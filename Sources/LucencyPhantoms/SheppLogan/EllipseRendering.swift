import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A grid of square pixels about the origin: x to the right, y up.
struct CentredGrid: Sendable {
    let width: Int
    let height: Int
    let spacing: Double

    func x(of column: Int) -> Double { (Double(column) - Double(width - 1) / 2) * spacing }
    func y(of row: Int) -> Double { (Double(height - 1) / 2 - Double(row)) * spacing }
}

/// Coordinates in which an ellipse is the unit disc.
struct UnitDisc {
    private let center: SIMD2<Double>
    /// What a step to the right, and one up, are there.
    private let right: SIMD2<Double>
    private let up: SIMD2<Double>

    init(_ ellipse: SheppLogan.Ellipse) {
        let c = cos(ellipse.angle), s = sin(ellipse.angle)
        center = SIMD2(ellipse.x, ellipse.y)
        right = SIMD2(c / ellipse.a, -s / ellipse.b)
        up = SIMD2(s / ellipse.a, c / ellipse.b)
    }

    /// A step.
    func vector(_ dx: Double, _ dy: Double) -> SIMD2<Double> { dx * right + dy * up }

    /// A point.
    func callAsFunction(_ x: Double, _ y: Double) -> SIMD2<Double> { vector(x - center.x, y - center.y) }

    /// Whether a point lies inside or on the border.
    func contains(_ x: Double, _ y: Double) -> Bool {
        let point = self(x, y)
        return (point * point).sum() <= 1
    }
}

/// How much of a pixel lies in an ellipse, exactly: in coordinates in which the ellipse is the unit disc, pixels are
/// parallelograms of one shape.
struct EllipseCoverage {
    let disc: UnitDisc
    /// Half of a pixel's sides.
    private let right: SIMD2<Double>
    private let up: SIMD2<Double>
    private let reach: Double
    private let area: Double

    init(_ ellipse: SheppLogan.Ellipse, spacing: Double) {
        disc = UnitDisc(ellipse)
        right = disc.vector(spacing / 2, 0)
        up = disc.vector(0, spacing / 2)
        func length(_ v: SIMD2<Double>) -> Double { (v * v).sum().squareRoot() }
        reach = max(length(right + up), length(right - up))
        area = 4 * Self.cross(right, up)
    }

    private static func cross(_ p: SIMD2<Double>, _ q: SIMD2<Double>) -> Double { p.x * q.y - p.y * q.x }

    /// The fraction of the pixel around a point, 0...1.
    func callAsFunction(_ x: Double, _ y: Double) -> Double {
        let middle = disc(x, y), distance = (middle * middle).sum().squareRoot()
        if distance >= 1 + reach { return 0 }
        if distance <= 1 - reach { return 1 }
        let a = middle - right - up, b = middle + right - up, c = middle + right + up, d = middle - right + up
        return min(max((Self.wedge(a, b) + Self.wedge(b, c) + Self.wedge(c, d) + Self.wedge(d, a)) / area, 0), 1)
    }

    /// The signed area that the unit disc shares with the triangle of its centre and an edge: triangles where the edge is
    /// inside, sectors where it is outside.
    static func wedge(_ p: SIMD2<Double>, _ q: SIMD2<Double>) -> Double {
        func sector(_ p: SIMD2<Double>, _ q: SIMD2<Double>) -> Double { atan2(cross(p, q), (p * q).sum()) / 2 }
        // Where |p + t (q − p)| = 1.
        let d = q - p, square = (d * d).sum(), half = (p * d).sum()
        let discriminant = half * half - square * ((p * p).sum() - 1)
        guard discriminant > 0, square > 0 else { return sector(p, q) }
        let root = discriminant.squareRoot(), enter = (-half - root) / square, leave = (-half + root) / square
        guard enter < 1, leave > 0 else { return sector(p, q) }
        let first = enter > 0 ? p + enter * d : p, last = leave < 1 ? p + leave * d : q
        return (enter > 0 ? sector(p, first) : 0) + cross(first, last) / 2 + (leave < 1 ? sector(last, q) : 0)
    }
}

extension [SheppLogan.Ellipse] {
    /// The sum of the ellipses on a grid of square pixels whose middle is the origin, rows downwards.
    /// - Parameters:
    ///   - spacing: of pixels, in the ellipses' unit.
    ///   - antialiased: the mean over each pixel's area, exact; the value at its centre otherwise.
    /// - Returns: `height × width` values.
    public func values(
        width: Int, height: Int, spacing: Double, antialiased: Bool = true, pool: ThreadPool = .serial
    ) -> AlignedBuffer<Float> {
        let grid = CentredGrid(width: width, height: height, spacing: spacing)
        let shapes = map { (value: $0.value, coverage: EllipseCoverage($0, spacing: spacing)) }
        return AlignedBuffer(count: width * height) { target in
            nonisolated(unsafe) let target = target
            pool.forEach(height) { row in
                let y = grid.y(of: row)
                for column in 0..<width {
                    let x = grid.x(of: column)
                    var sum = 0.0
                    for shape in shapes {
                        if antialiased {
                            sum += shape.value * shape.coverage(x, y)
                        } else if shape.coverage.disc.contains(x, y) {
                            sum += shape.value
                        }
                    }
                    target[row &* width &+ column] = Float(sum)
                }
            }
        }
    }

    /// The label of the region at the centre of each pixel: that of the last ellipse that holds it.
    public func labels(width: Int, height: Int, spacing: Double, pool: ThreadPool = .serial) -> AlignedBuffer<Int32> {
        let grid = CentredGrid(width: width, height: height, spacing: spacing)
        let shapes = map { (region: $0.region, disc: UnitDisc($0)) }
        return AlignedBuffer(count: width * height) { target in
            nonisolated(unsafe) let target = target
            pool.forEach(height) { row in
                let y = grid.y(of: row)
                for column in 0..<width {
                    let x = grid.x(of: column)
                    let region = shapes.last { $0.disc.contains(x, y) }?.region ?? .air
                    target[row &* width &+ column] = region.rawValue
                }
            }
        }
    }
}
