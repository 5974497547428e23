#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Chest {
    /// The right and the left dome.
    /// - Parameters:
    ///   - difference: how much lower the left one is.
    ///   - height: above the costophrenic angles.
    static func domes(top: Double, difference: Double, height: Double, cage: Double) -> [Dome] {
        Side.allCases.map { side in
            let x = (side == .right ? 0.5 : 0.54) * cage
            return Dome(
                top: top + (side == .right ? 0 : difference), x: x, z: 22, inward: (side == .right ? 2.4 : 3.5) * x,
                outward: 1.05 * cage - x,
                along: 112, height: height)
        }
    }

    /// The outlines of an adult.
    /// - Parameters:
    ///   - cage: half width of the rib cage.
    ///   - deep: its depth, times the usual one.
    ///   - wall: soft tissue at the side; `wallDepth` in front and behind together.
    ///   - neck: half width of the neck.
    ///   - drop: how much lower the shoulders are.
    init(
        cage: Double, deep: Double, wall: Double, wallDepth: Double, neck: Double, drop: Double, domes: [Dome]
    ) {
        // Quarter circles from the apex on.
        func arc(_ t: Double, _ power: Double = 2.1) -> Double {
            let s = min(max(t, 0), 1)
            return pow(1 - pow(1 - s, power), 1 / power)
        }
        let apex = 46.0
        let levels = [0, 0.7, 2, 5, 10, 18, 30, 45, 65, 90, 120, 155, 190, 230, 280, 340.0]
        func contour(_ value: (Double) -> Double) -> Contour { Contour(levels.map { ($0, value($0)) }) }
        let cageWidth = contour { y in apex + (cage - apex) * arc(y / 190, 1.97) + max(0, y - 195) * 0.045 }
        let cageDepth = contour { y in deep * (22 + 74 * arc(y / 215, 1.9)) }
        let cageBack = contour { y in deep * (-82 - 14 * arc(y / 150)) }
        let back = deep * -96
        let side = cage + wall
        func inner(_ upper: Double, _ lower: Double) -> Contour {
            contour { y in apex - (apex - upper) * arc(y / 34) + (lower - upper) * min(1, max(0, (y - 40) / 120)) }
        }
        let trunkDepth = wallDepth / 2
        self.init(
            cageWidth: cageWidth, cageDepth: cageDepth, cageBack: cageBack,
            innerRight: inner(15, 9), innerLeft: inner(15, 10),
            trunkWidth: Contour([
                (-120, neck), (-70, neck), (-48 + 0.4 * drop, neck + 5), (-32 + 0.6 * drop, neck + 22),
                (-18 + 0.8 * drop, neck + 54), (-6 + drop, 0.72 * side + 22), (8 + drop, 0.9 * side + 20),
                (28 + drop, side + 30), (50 + drop, side + 38), (80 + drop, side + 30), (110, side + 8),
                (140, side - 2), (200, side + 2), (270, side + 4), (340, side + 2),
            ]),
            trunkDepth: Contour([
                (-120, 62), (-60, 63), (-25, 65), (5, 68 + 0.2 * trunkDepth), (40, 70 * deep + 0.5 * trunkDepth),
                (90, 84 * deep + 0.8 * trunkDepth), (150, 93 * deep + trunkDepth), (230, 98 * deep + trunkDepth),
                (340, 100 * deep + trunkDepth),
            ]),
            trunkMiddle: Contour([
                (-120, back + 70), (-30, back + 60), (60, back + 78), (160, back + 95), (340, back + 98),
            ]),
            domes: domes)
    }
}
