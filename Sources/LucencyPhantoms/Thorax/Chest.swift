#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The patient's side; on the film the right one is at the left.
enum Side: Int, Sendable, CaseIterable {
    case right = 0, left = 1
    /// The sign of x.
    var sign: Double { self == .right ? -1 : 1 }
    var name: String { self == .right ? "right" : "left" }
}

/// The shapes of trunk, rib cage, lungs and diaphragm, as horizontal sections by level. Sections are closed curves
/// `(|x|/a)³ + (z/b)² = 1`: flat in front and behind, round at the sides.
struct Chest: Sendable {
    /// The outlines at a level.
    struct Section: Sendable {
        /// Inside of the rib cage: half width, half depth, middle.
        var cage: Double
        var depth: Double
        var middle: Double
        /// Distance of each lung's inner border from the midline.
        var inner: SIMD2<Double>
        /// The trunk: half width, half depth, middle.
        var trunk: Double
        var trunkDepth: Double
        var trunkMiddle: Double
    }

    /// One half of the diaphragm: a dome that is a paraboloid.
    struct Dome: Sendable {
        var top: Double
        /// Distance of its highest place from the midline, and its depth.
        var x: Double
        var z: Double
        /// Distance at which it has fallen by `height`: towards the midline, outwards, along z.
        var inward: Double
        var outward: Double
        var along: Double
        var height: Double

        /// The height of its silhouette at a distance from the midline.
        func silhouette(_ x: Double) -> Double {
            let u = (x - self.x) / (x < self.x ? inward : outward)
            return top + height * u * u
        }

        /// What lies below the dome, on the ray at (x, y).
        func chord(_ x: Double, _ y: Double) -> Chord {
            let above = (y - silhouette(x)) / height
            guard above > 0 else { return .empty }
            let half = along * above.squareRoot()
            return Chord(lower: z - half, upper: z + half)
        }
    }

    let cageWidth: Contour
    let cageDepth: Contour
    let cageBack: Contour
    let innerRight: Contour
    let innerLeft: Contour
    let trunkWidth: Contour
    let trunkDepth: Contour
    let trunkMiddle: Contour
    let domes: [Dome]
    /// How softly the lungs end towards the mediastinum, mm.
    static let taper = 40.0

    func section(_ y: Double) -> Section {
        let depth = cageDepth(y)
        return Section(
            cage: cageWidth(y), depth: depth, middle: cageBack(y) + depth, inner: SIMD2(innerRight(y), innerLeft(y)),
            trunk: trunkWidth(y), trunkDepth: trunkDepth(y), trunkMiddle: trunkMiddle(y))
    }

    /// The lung at a distance from the midline, without heart and diaphragm.
    @inline(__always)
    static func lung(_ section: Section, _ side: Side, _ x: Double) -> Chord {
        let inner = section.inner[side.rawValue]
        guard x > inner, x < section.cage else { return .empty }
        let u = x / section.cage
        var half = section.depth * (1 - u * u * u).squareRoot()
        let inside = (x - inner) / taper
        if inside < 1 { half *= (1 - (1 - inside) * (1 - inside)).squareRoot() }
        return Chord(lower: section.middle - half, upper: section.middle + half)
    }

    @inline(__always)
    static func trunk(_ section: Section, _ x: Double) -> Chord {
        let u = abs(x) / section.trunk
        guard u < 1 else { return .empty }
        let half = section.trunkDepth * (1 - u * u * u).squareRoot()
        return Chord(lower: section.trunkMiddle - half, upper: section.trunkMiddle + half)
    }

    /// Whether a point lies in a lung, at least `margin` away from its outside.
    func isInLung(_ p: SIMD3<Double>, _ side: Side, margin: Double) -> Bool {
        guard p.y > 2 + margin else { return false }
        let x = p.x * side.sign, section = section(p.y - 0.6 * margin)
        let lung = Self.lung(section, side, x + (x > section.cage / 2 ? margin : -margin))
        guard p.z > lung.lower + margin, p.z < lung.upper - margin else { return false }
        let below = domes[side.rawValue].chord(x, p.y + margin)
        return below.isEmpty || p.z < below.lower || p.z > below.upper
    }
}
