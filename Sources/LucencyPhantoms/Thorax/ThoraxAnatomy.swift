import LucencyFoundation

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
        let domes = Chest.domes(
            top: lungHeight, difference: draws.number("organs.domeDifference", in: organs.domeDifference),
            height: draws.number("organs.domeHeight", in: organs.domeHeight), cage: cage)
        chest = Chest(
            cage: cage, deep: deep, wall: wall, wallDepth: wallDepth, neck: neck, drop: drop, domes: domes)

        let ratio = draws.number("organs.cardiothoracicRatio", in: organs.cardiothoracicRatio)
        let knob = draws.number("organs.aorticKnobRadius", in: organs.aorticKnobRadius)
        (heart, vessels) = Mediastinum.shapes(width: 2 * cage * ratio, knob: knob, lungHeight: lungHeight)

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

    /// Whether a point lies in one of the heart's chambers.
    func isInHeart(_ p: SIMD3<Double>) -> Bool {
        heart.contains { chamber in
            guard abs(p.z - chamber.center.z) < chamber.axes.z else { return false }
            let chord = chamber.chord(p.x, p.y)
            return p.z > chord.lower && p.z < chord.upper
        }
    }
}
