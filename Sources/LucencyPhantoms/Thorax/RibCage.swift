#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Twelve pairs of ribs: tubes on the inside of the chest wall, which descend from the spine around the side to the
/// front, and the cartilages of the upper ten.
struct RibCage: Sendable {
    struct Rib: Sendable {
        /// 1…12 the right ones from above, 13…24 the left ones.
        let number: Int32
        let tube: Tube
        /// From the rib's front end to the sternum or the rib above.
        let cartilage: [SIMD3<Double>]
    }

    let ribs: [Rib]

    /// Where ribs end, as an angle from the back (0) around the side (π/2) to the front (π).
    private static let ends = [0.85, 0.865, 0.875, 0.875, 0.87, 0.86, 0.845, 0.815, 0.775, 0.73, 0.47, 0.28]
    /// Descent from back to front, were it to reach π.
    private static let drops = [50, 74, 90, 99, 105, 110, 113, 114, 112, 106, 92, 80.0]
    /// Width of the first two in relation to the cage at their level.
    private static let widths = [0.72, 0.93, 1, 1, 1, 1, 1, 1, 1, 1, 0.97, 0.9]

    init(_ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) {
        var random = draws.stream("ribs")
        var ribs: [Rib] = []
        for side in Side.allCases {
            for i in 0..<12 {
                let jitter = random.normal() * 1.3, twist = 1 + 0.05 * random.normal()
                let end = (Self.ends[i] + 0.012 * random.normal()) * .pi
                let drop = Self.drops[i] * anatomy.ribSlope * twist
                func point(_ t: Double) -> SIMD3<Double> {
                    // Close to the spine the angle advances slowly, because there x grows as its power 2/3.
                    let start = 0.011, angle = (start + (1 - start) * pow(t, 1.35)) * end
                    let s = sin(angle), c = cos(angle)
                    let y = anatomy.levels[i] + jitter + drop * (1 - c) / 2 + 9 * s * s - 5 * bell((t - 0.16) / 0.12)
                    let section = anatomy.chest.section(max(y, 6))
                    let a = (section.cage + 3.5) * Self.widths[i], b = (section.depth + 3.5) * (i == 0 ? 0.86 : 1)
                    // The neck of the rib lies in front of the transverse process.
                    let neck = 16 * bell(t / 0.1)
                    return SIMD3(side.sign * a * pow(s * s, 1.0 / 3), y, section.middle - b * c + neck)
                }
                let steps = i < 10 ? 56 : 32
                let nodes = (0...steps).map { k -> Tube.Node in
                    let t = Double(k) / Double(steps)
                    // Narrow at the neck, broad and thin towards the front end; the first rib lies flat, the second half so.
                    let broad = 0.78 + 0.22 * smoothStep(t / 0.2) + 0.12 * smoothStep((t - 0.6) / 0.4)
                    let flat = i == 0 ? SIMD2(1.5, 0.5) : i == 1 ? SIMD2(1.1, 0.85) : SIMD2(1, 1)
                    let last = i >= 10 ? 0.55 + 0.25 * (1 - t) : 1
                    // Compact bone is thickest behind, thin at the side and in front.
                    let shell = 1.2 - 0.6 * smoothStep((t - 0.2) / 0.6) - 0.15 * smoothStep((t - 0.94) / 0.06)
                    return Tube.Node(
                        position: point(t), across: anatomy.ribThickness / 2 * last * flat.x * (1.05 - 0.25 * t),
                        upright: anatomy.ribHeight / 2 * broad * last * flat.y,
                        wall: anatomy.ribCortex * (i == 0 ? 0.55 : 1) * shell)
                }
                ribs.append(
                    Rib(
                        number: Int32(side.rawValue * 12 + i + 1), tube: Tube(nodes),
                        cartilage: i < 10 ? Self.cartilage(i, side, from: point(1), after: point(0.97)) : []))
            }
        }
        self.ribs = ribs
    }

    /// Cartilages first follow the rib, then turn inwards and, below the fourth, up.
    private static func cartilage(
        _ i: Int, _ side: Side, from start: SIMD3<Double>, after: SIMD3<Double>
    ) -> [SIMD3<Double>] {
        let ahead = (unit(start - after) ?? .zero) * 16
        let sternum = SIMD3(side.sign * (i < 7 ? 17.0 : 26 + 9 * Double(i - 7)), 0, start.z + 14)
        let rise = i < 2 ? -4.0 : Double(i - 2) * 7
        var end = sternum
        end.y = start.y - rise
        return splinePoints([start, start + ahead, end], steps: 8)
    }
}
