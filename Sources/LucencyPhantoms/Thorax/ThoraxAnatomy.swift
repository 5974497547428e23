#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A breast: a layer on the skin that is thickest below its middle and thins out upwards.
struct Breast: Sendable, Hashable {
    var x: Double
    var y: Double
    /// Half axes of the outline.
    var width: Double
    var height: Double
    var depth: Double

    /// Its thickness on the ray at (x, y).
    @inline(__always)
    func thickness(_ px: Double, _ py: Double) -> Double {
        let u = (px - x) / width, v = (py - y) / height
        let rest = 1 - u * u - v * v
        return rest > 0 ? depth * rest.squareRoot() * smoothStep((v + 0.95) / 1.5) : 0
    }
}

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
    let breasts: [Breast]
    let stomachGas: Ellipsoid?
    /// The pectoral muscles, as layers on the chest.
    let muscles: [Ellipsoid]
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
        let breastX = 0.62 * cage, breastY = lungHeight - 30 + breastLevel
        let breastWidth = 0.36 * cage + 0.5 * breast, breastHeight = 52 + 0.5 * breast
        breasts =
            !hasBreasts
            ? []
            : Side.allCases.map {
                Breast(x: $0.sign * breastX, y: breastY, width: breastWidth, height: breastHeight, depth: breast)
            }
        let muscle = draws.number("body.muscleDepth", in: body.muscleDepth)
        let muscleX = 0.82 * cage, muscleY = 92 + 0.6 * drop
        muscles = Side.allCases.map {
            Ellipsoid(
                center: SIMD3($0.sign * muscleX, muscleY, 0), axes: SIMD3(78, 50, muscle / 2), angle: $0.sign * -0.75)
        }
        let gas = draws.chance("body.stomachGas", body.stomachGasChance)
        let gasSize = draws.number("body.stomachGasSize", in: Interval(14, 30))
        let gasShift = draws.number("body.stomachGasShift", in: Interval(-14, 14))
        stomachGas = gas ? Self.stomachGas(domes[1], size: gasSize, shift: gasShift) : nil
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
                top: top + (side == .right ? 0 : difference), x: x, z: 22, inward: (side == .right ? 2.4 : 3.5) * x,
                outward: 1.05 * cage - x,
                along: 112, height: height)
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
        return Chest(
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

    /// The heart's chambers and the great vessels that shape the silhouette.
    private static func heart(
        width: Double, knob: Double, lungHeight: Double
    ) -> (heart: [Ellipsoid], vessels: [Ellipsoid]) {
        let base = lungHeight + 13
        let right = 0.33 * width, left = 0.67 * width
        let heart = [
            // Left ventricle, right atrium, left atrium and outflow tract.
            Ellipsoid(
                center: SIMD3(left - 0.5 * width, base - 0.33 * width, 30),
                axes: SIMD3(0.55 * width, 0.37 * width, 46), angle: 0.66),
            Ellipsoid(center: SIMD3(34 - right, base - 46, 28), axes: SIMD3(33, 52, 40), angle: -0.12),
            Ellipsoid(
                center: SIMD3(0.26 * width, base - 70, 25), axes: SIMD3(0.25 * width, 0.5 * width, 42), angle: -0.55),
        ]
        let knobY = 0.27 * lungHeight + 8
        let vessels = [
            // Aortic arch, pulmonary trunk, ascending aorta, superior vena cava, descending aorta, vessels of the neck.
            Ellipsoid(center: SIMD3(21, knobY, 0), axes: SIMD3(knob + 1, knob + 5, 32)),
            Ellipsoid(center: SIMD3(19, knobY + 40, 20), axes: SIMD3(20, 30, 20), angle: -0.2),
            Ellipsoid(center: SIMD3(-9, knobY + 36, 30), axes: SIMD3(20, 56, 20)),
            Ellipsoid(center: SIMD3(2, knobY + 62, 0), axes: SIMD3(26, 80, 26)),
            Ellipsoid(center: SIMD3(-19, knobY + 14, 15), axes: SIMD3(10, 70, 9), angle: 0.03),
            Ellipsoid(center: SIMD3(18, knobY + 92, -45), axes: SIMD3(knob, 120, knob), angle: 0.04),
            // Inferior vena cava and the fat between heart and diaphragm.
            Ellipsoid(center: SIMD3(0.14 * width, base - 6, 15), axes: SIMD3(0.46 * width, 20, 45), angle: 0.06),
            Ellipsoid(center: SIMD3(1, knobY - 62, 0), axes: SIMD3(37, 84, 24), angle: 0.03),
        ]
        return (heart, vessels)
    }
}
