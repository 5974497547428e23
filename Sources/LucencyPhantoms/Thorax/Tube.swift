/// A bent tube with an elliptical section: a chain of straight elliptical cylinders, cut where they meet by the plane
/// that halves the angle, so that neither gaps nor overlaps arise.
package struct Tube: Sendable {
    struct Node: Sendable {
        var position: SIMD3<Double>
        /// Half axis in the horizontal direction across the tube.
        var across: Double
        /// Half axis perpendicular to that and the tube.
        var upright: Double
        /// Thickness of the wall; the lumen's axes are shorter by this.
        var wall: Double
    }

    var nodes: [Node]

    init(_ nodes: [Node]) { self.nodes = nodes }

    /// A round tube.
    package init(_ positions: [SIMD3<Double>], radius: Double, wall: Double = 0) {
        nodes = positions.map { Node(position: $0, across: radius, upright: radius, wall: wall) }
    }

    /// A round tube with half spheres as ends; the positions are its ends' middles and those between.
    static func capped(_ positions: [SIMD3<Double>], radius: Double, wall: Double) -> Tube {
        var tube = Tube(positions, radius: radius, wall: wall)
        guard positions.count > 1, let first = positions.first, let last = positions.last,
            let back = unit(first - positions[1]), let on = unit(last - positions[positions.count - 2])
        else { return tube }
        for step in [0.35, 0.65, 0.85, 0.96, 1] {
            let narrow = radius * max(0.02, 1 - step * step).squareRoot()
            let node = { Node(position: $0, across: narrow, upright: narrow, wall: min(wall, narrow)) }
            tube.nodes.insert(node(first + back * (step * radius)), at: 0)
            tube.nodes.append(node(last + on * (step * radius)))
        }
        return tube
    }

    /// Calls `body` with a pixel's index, and the lengths of its ray within the outer surface and within the lumen, once
    /// for each cylinder that the ray meets.
    ///
    /// Tubes thinner than a pixel are drawn a pixel wide with shorter chords, which keeps their volume.
    @inline(__always)
    package func forEachPixel(_ grid: ThoraxGrid, _ body: (Int, Double, Double) -> Void) {
        guard nodes.count > 1 else { return }
        for i in 0..<nodes.count - 1 {
            guard let part = Cylinder(nodes, i) else { continue }
            part.forEachPixel(grid, body)
        }
    }
}

/// One straight part of a tube.
struct Cylinder: Sendable {
    private let origin: SIMD3<Double>
    private let step: SIMD3<Double>
    private let u: SIMD3<Double>
    private let w: SIMD3<Double>
    private let startNormal: SIMD3<Double>
    private let endNormal: SIMD3<Double>
    /// Half axes and wall at the start, and how they change up to the end.
    private let size: SIMD3<Double>
    private let growth: SIMD3<Double>

    /// The part from a node to the next one; nil where both are at the same place or the tube has no width.
    init?(_ nodes: [Tube.Node], _ i: Int) {
        let a = nodes[i], b = nodes[i + 1]
        func direction(_ from: Int, _ to: Int) -> SIMD3<Double>? {
            guard from >= 0, to < nodes.count else { return nil }
            return unit(nodes[to].position - nodes[from].position)
        }
        guard let axis = unit(b.position - a.position) else { return nil }
        origin = a.position
        step = b.position - a.position
        u = unit(cross(axis, SIMD3(0, 1, 0))) ?? SIMD3(1, 0, 0)
        w = cross(axis, u)
        startNormal = unit(axis + (direction(i - 1, i) ?? axis)) ?? axis
        endNormal = unit(axis + (direction(i + 1, i + 2) ?? axis)) ?? axis
        size = SIMD3(a.across, a.upright, a.wall)
        growth = SIMD3(b.across, b.upright, b.wall) - size
        guard min(a.across, b.across) > 0, min(a.upright, b.upright) > 0 else { return nil }
    }

    @inline(__always)
    func forEachPixel(_ grid: ThoraxGrid, _ body: (Int, Double, Double) -> Void) {
        let least = 0.6 * grid.pixel
        let largest = max(max(size.x, size.y), max(size.x + growth.x, size.y + growth.y), least)
        let end = origin + step, margin = 1.6 * largest
        let columns = grid.columns(min(origin.x, end.x) - margin, max(origin.x, end.x) + margin)
        let inPlane = step.x * step.x + step.y * step.y, inverse = inPlane > 1e-6 ? 1 / inPlane : 0
        for row in grid.rows(min(origin.y, end.y) - margin, max(origin.y, end.y) + margin) {
            let dy = grid.y(row) - origin.y, start = row &* grid.count
            for column in columns {
                let dx = grid.x(column) - origin.x
                // A tapering part has at each pixel the size of the place beside it.
                let t = inverse > 0 ? min(max((dx * step.x + dy * step.y) * inverse, 0), 1) : 0.5
                let size = size + growth * t
                let wide = max(size.x, least), tall = max(size.y, least)
                let outer = chord(dx, dy, wide, tall).length
                guard outer > 0 else { continue }
                let lumenAcross = size.x - size.z, lumenUpright = size.y - size.z
                let hasLumen = size.z > 0 && lumenAcross > 0 && lumenUpright > 0
                let inner = hasLumen ? chord(dx, dy, lumenAcross, lumenUpright).length : 0
                body(start &+ column, outer * (size.x * size.y / (wide * tall)), inner)
            }
        }
    }

    /// What the ray has in common with the part, z counted from its origin.
    @inline(__always)
    func chord(_ dx: Double, _ dy: Double, _ across: Double, _ upright: Double) -> Chord {
        let au = u.z / across, aw = w.z / upright
        let bu = (dx * u.x + dy * u.y) / across, bw = (dx * w.x + dy * w.y) / upright
        let a = au * au + aw * aw, b = au * bu + aw * bw, c = bu * bu + bw * bw - 1
        var found = Chord(lower: -1e4, upper: 1e4)
        if a < 1e-12 {
            guard c < 0 else { return .empty }
        } else {
            let discriminant = b * b - a * c
            guard discriminant > 0 else { return .empty }
            let root = discriminant.squareRoot()
            found = Chord(lower: (-b - root) / a, upper: (-b + root) / a)
        }
        // Beyond the first cut and before the second.
        let first = startNormal.x * dx + startNormal.y * dy
        let last = endNormal.x * (dx - step.x) + endNormal.y * (dy - step.y) - endNormal.z * step.z
        found = found.beyond(offset: first, slope: startNormal.z)
        return found.beyond(offset: -last, slope: -endNormal.z)
    }
}

extension Chord {
    /// The part where `offset + slope · z` is positive.
    @inline(__always)
    fileprivate func beyond(offset: Double, slope: Double) -> Chord {
        if abs(slope) < 1e-9 { return offset > 0 ? self : .empty }
        let z = -offset / slope
        return slope > 0
            ? Chord(lower: max(lower, z), upper: upper) : Chord(lower: lower, upper: min(upper, z))
    }
}

@inline(__always)
func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
    SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

/// The vector with length 1; nil for a vector without direction.
@inline(__always)
func unit(_ v: SIMD3<Double>) -> SIMD3<Double>? {
    let length = (v * v).sum().squareRoot()
    return length > 1e-9 ? v / length : nil
}
