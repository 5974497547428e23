#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One patient: everything about the anatomy that is drawn, and the shapes that follow. Lengths in mm for size 1; y = 0
/// is the level of the lungs' apices. The usual proportions were measured on radiographs of adults.
struct ThoraxAnatomy: Sendable {
    let size: Double
    let chest: Chest
    let heart: [Ellipsoid]
    let vessels: [Ellipsoid]
    /// Heads of the ribs and upper edges of the vertebrae T1…T12, then L1, L2.
    let levels: [Double]
    let lungHeight: Double
    let cage: Double
    /// Per side: the shoulder joint and the direction of the arm.
    let shoulders: [SIMD3<Double>]
    let armAngles: [Double]
    let shoulderDrop: Double
    let breasts: [Ellipsoid]
    let stomachGas: Ellipsoid?
    let unevenness: Double
    let lungDensity: Double
    let lungTexture: Double
    let hilarRadius: Double
    let thinnestVessel: Double
    let ribHeight: Double
    let ribThickness: Double
    let ribCortex: Double
    let ribSlope: Double
    let spongiosa: Double
    let vertebraWidth: Double
    let clavicleRadius: Double
    let clavicleRises: [Double]
    let scapulaOverlaps: [Double]
    let calcification: Double

    init(
        body: ThoraxBody, organs: ThoraxOrgans, skeleton: ThoraxSkeleton, _ draws: inout PhantomDraws
    ) {
        func both(_ name: String, _ interval: Interval, spread: Double) -> [Double] {
            let middle = draws.number(name, in: interval)
            let half = spread * (interval.upper - interval.lower)
            let difference = draws.number(name + ".difference", in: Interval(-half, half))
            return [middle - difference / 2, middle + difference / 2]
        }
        size = draws.number("body.patientSize", in: body.patientSize)
        unevenness = draws.number("body.unevenness", in: body.unevenness)
        lungHeight = draws.number("organs.lungHeight", in: organs.lungHeight)
        cage = draws.number("organs.cageHalfWidth", in: organs.cageHalfWidth)
        lungDensity = draws.number("organs.lungDensity", in: organs.lungDensity)
        lungTexture = draws.number("organs.lungTexture", in: organs.lungTexture)
        hilarRadius = draws.number("organs.hilarVesselRadius", in: organs.hilarVesselRadius)
        thinnestVessel = draws.number("organs.thinnestVessel", in: organs.thinnestVessel)
        ribHeight = draws.number("skeleton.ribHeight", in: skeleton.ribHeight)
        ribThickness = draws.number("skeleton.ribThickness", in: skeleton.ribThickness)
        ribCortex = draws.number("skeleton.ribCortex", in: skeleton.ribCortex)
        ribSlope = draws.number("skeleton.ribSlope", in: skeleton.ribSlope)
        spongiosa = draws.number("skeleton.spongiosa", in: skeleton.spongiosa)
        vertebraWidth = draws.number("skeleton.vertebraWidth", in: skeleton.vertebraWidth)
        clavicleRadius = draws.number("skeleton.clavicleRadius", in: skeleton.clavicleRadius)
        calcification = draws.number("skeleton.cartilageCalcification", in: skeleton.cartilageCalcification)
        clavicleRises = both("skeleton.clavicleRise", skeleton.clavicleRise, spread: 0.15)
        scapulaOverlaps = both("skeleton.scapulaOverlap", skeleton.scapulaOverlap, spread: 0.3)
        armAngles = both("body.armAngle", body.armAngle, spread: 0.3).map { $0 * .pi / 180 }
        let drop = draws.number("body.shoulderDrop", in: body.shoulderDrop)
        shoulderDrop = drop

        let wall = draws.number("body.chestWall", in: body.chestWall)
        let wallDepth = draws.number("body.wallDepth", in: body.wallDepth)
        let neck = draws.number("body.neckHalfWidth", in: body.neckHalfWidth)
        let deep = draws.number("organs.cageDepth", in: organs.cageDepth)
        let domes = Self.domes(
            top: lungHeight, difference: draws.number("organs.domeDifference", in: organs.domeDifference),
            height: draws.number("organs.domeHeight", in: organs.domeHeight), cage: cage)
        chest = Self.chest(
            cage: cage, deep: deep, wall: wall, wallDepth: wallDepth, neck: neck, drop: drop, domes: domes)

        let ratio = draws.number("organs.cardiothoracicRatio", in: organs.cardiothoracicRatio)
        let knob = draws.number("organs.aorticKnobRadius", in: organs.aorticKnobRadius)
        (heart, vessels) = Self.heart(width: 2 * cage * ratio, knob: knob, lungHeight: lungHeight)

        let stretch = 0.5 + 0.5 * lungHeight / 232
        levels = (0...14).map { i -> Double in
            let growing: Double = 0.375 * Double(i * (i - 1))
            return stretch * (-6 + 18.6 * Double(i) + growing)
        }

        let outer = cage + 42
        shoulders = Side.allCases.map { SIMD3($0.sign * outer, 52 + drop, -18) }
        let hasBreasts = draws.chance("body.breasts", body.breastChance)
        let breast = draws.number("body.breastDepth", in: body.breastDepth)
        let breastLevel = draws.number("body.breastLevel", in: Interval(-14, 22))
        breasts = hasBreasts
            ? Self.breasts(depth: breast, x: 0.66 * cage, y: lungHeight - 28 + breastLevel) : []
        let gas = draws.chance("body.stomachGas", body.stomachGasChance)
        let gasSize = draws.number("body.stomachGasSize", in: Interval(14, 30))
        let gasShift = draws.number("body.stomachGasShift", in: Interval(-14, 14))
        stomachGas = gas ? Self.stomachGas(domes[1], size: gasSize, shift: gasShift) : nil
    }

    private static func breasts(depth: Double, x: Double, y: Double) -> [Ellipsoid] {
        let axes = SIMD3(48 + 0.65 * depth, 44 + 0.55 * depth, 18 + depth)
        return Side.allCases.map { side in
            Ellipsoid(center: SIMD3(side.sign * x, y, 100), axes: axes, angle: side.sign * 0.25)
        }
    }

    private static func stomachGas(_ dome: Chest.Dome, size: Double, shift: Double) -> Ellipsoid {
        let x = dome.x + shift, y = dome.silhouette(x) + 9 + 0.75 * size
        return Ellipsoid(
            center: SIMD3(x, y, -20), axes: SIMD3(1.25 * size, 0.75 * size, 0.9 * size), angle: 0.15)
    }

    private static func domes(top: Double, difference: Double, height: Double, cage: Double) -> [Chest.Dome] {
        Side.allCases.map { side in
            let x = (side == .right ? 0.5 : 0.54) * cage
            return Chest.Dome(
                top: top + (side == .right ? 0 : difference), x: x, z: 22, inward: 1.45 * x, outward: 1.05 * cage - x,
                along: 78, height: height)
        }
    }

    private static func chest(
        cage: Double, deep: Double, wall: Double, wallDepth: Double, neck: Double, drop: Double, domes: [Chest.Dome]
    ) -> Chest {
        // Quarter circles from the apex on.
        func arc(_ t: Double, _ power: Double = 2.1) -> Double {
            let s = min(max(t, 0), 1)
            return pow(1 - pow(1 - s, power), 1 / power)
        }
        let apex = 44.0
        let levels = [0, 0.7, 2, 5, 10, 18, 30, 45, 65, 90, 120, 155, 190, 230, 280, 340.0]
        func contour(_ value: (Double) -> Double) -> Contour { Contour(levels.map { ($0, value($0)) }) }
        let cageWidth = contour { y in apex + (cage - apex) * arc(y / 195) + max(0, y - 195) * 0.045 }
        let cageDepth = contour { y in deep * (22 + 74 * arc(y / 215, 1.9)) }
        let cageBack = contour { y in deep * (-82 - 14 * arc(y / 150)) }
        let back = deep * -96
        let side = cage + wall
        func inner(_ upper: Double, _ lower: Double) -> Contour {
            contour { y in apex - (apex - upper) * arc(y / 34) + (lower - upper) * min(1, max(0, (y - 40) / 120)) }
        }
        let trunkDepth = wallDepth / 2
        return Chest(
            cageWidth: cageWidth, cageDepth: cageDepth, cageBack: cageBack,
            innerRight: inner(21, 17), innerLeft: inner(23, 19),
            trunkWidth: Contour([
                (-120, neck), (-70, neck), (-48 + 0.4 * drop, neck + 5), (-32 + 0.6 * drop, neck + 22),
                (-18 + 0.8 * drop, neck + 54), (-6 + drop, 0.72 * side + 22), (8 + drop, 0.9 * side + 20),
                (28 + drop, side + 30), (50 + drop, side + 38), (80 + drop, side + 30), (110, side + 8),
                (140, side - 2), (200, side + 2), (270, side + 4), (340, side + 2),
            ]),
            trunkDepth: Contour([
                (-120, 54), (-60, 56), (-25, 60), (5, 68 + 0.2 * trunkDepth), (40, 70 * deep + 0.5 * trunkDepth),
                (90, 84 * deep + 0.8 * trunkDepth), (150, 93 * deep + trunkDepth), (230, 98 * deep + trunkDepth),
                (340, 100 * deep + trunkDepth),
            ]),
            trunkMiddle: Contour([(-120, back + 70), (-30, back + 60), (60, back + 78), (160, back + 95), (340, back + 98)]),
            domes: domes)
    }

    /// The heart's chambers and the great vessels that shape the silhouette.
    private static func heart(
        width: Double, knob: Double, lungHeight: Double
    ) -> (heart: [Ellipsoid], vessels: [Ellipsoid]) {
        let base = lungHeight - 6
        let right = 0.31 * width, left = 0.69 * width
        let heart = [
            // Left ventricle, right atrium, left atrium and outflow tract.
            Ellipsoid(
                center: SIMD3(left - 57, base - 44, 30), axes: SIMD3(0.43 * width + 14, 0.36 * width, 46), angle: 0.72),
            Ellipsoid(center: SIMD3(14 - right + 16, base - 48, 28), axes: SIMD3(31, 47, 40), angle: -0.1),
            Ellipsoid(center: SIMD3(10, base - 86, 25), axes: SIMD3(34, 44, 40), angle: 0.5),
        ]
        let knobY = 0.27 * lungHeight + 6
        let vessels = [
            // Aortic arch, pulmonary trunk, ascending aorta, superior vena cava, descending aorta, vessels of the neck.
            Ellipsoid(center: SIMD3(19, knobY, 0), axes: SIMD3(knob + 2, knob + 4, 32)),
            Ellipsoid(center: SIMD3(19, knobY + 42, 20), axes: SIMD3(18, 24, 20), angle: 0.5),
            Ellipsoid(center: SIMD3(-9, knobY + 32, 30), axes: SIMD3(19, 50, 20)),
            Ellipsoid(center: SIMD3(-17, knobY + 18, 15), axes: SIMD3(9, 62, 10), angle: 0.03),
            Ellipsoid(center: SIMD3(16, knobY + 92, -45), axes: SIMD3(0.9 * knob, 118, 0.9 * knob), angle: 0.05),
            Ellipsoid(center: SIMD3(0, knobY - 40, 0), axes: SIMD3(27, 58, 38)),
        ]
        return (heart, vessels)
    }
}
