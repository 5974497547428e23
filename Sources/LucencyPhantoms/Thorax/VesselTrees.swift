import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Arteries and veins of the lungs: trees that grow from the hila towards the pleura and fork by Murray's law
/// (r₀³ = r₁³ + r₂³, J. Gen. Physiol. 9, 1926), and the bronchi beside the arteries.
struct VesselTrees: Sendable {
    private(set) var vessels: [Tube] = []
    private(set) var bronchi: [Tube] = []

    private struct Bud {
        var position: SIMD3<Double>
        var direction: SIMD3<Double>
        var radius: Double
        var hasBronchus: Bool
        var generation: Int
    }

    private static let limit = 5000

    init(_ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) {
        let scale = anatomy.lungHeight / 232
        for side in Side.allCases {
            var random = draws.stream("vessels.\(side.name)")
            let s = side.sign, y = (side == .right ? 118.0 : 108) * scale
            let hilum = SIMD3(s * (side == .right ? 36 : 42), y, 2)
            // Segments: direction outwards and down, towards the front, share of the largest radius.
            let fans: [(Double, Double, Double, Double)] = [
                (0.35, -1, -0.25, 0.62), (0.75, -0.75, 0.3, 0.58), (1, -0.3, 0.55, 0.6), (1, 0.15, 0.35, 0.56),
                (0.95, 0.5, -0.4, 0.62), (0.75, 0.85, 0.1, 0.68), (0.42, 1, -0.3, 0.7), (0.12, 1, -0.45, 0.6),
                (1, -0.1, -0.7, 0.5), (0.5, 0.9, 0.6, 0.5),
            ]
            for kind in 0..<2 {
                // Veins join the heart lower and run flatter.
                let start = hilum + (kind == 0 ? .zero : SIMD3(s * -3, 20 * scale, 8))
                for fan in fans {
                    var turn = SIMD3(random.normal(), random.normal(), random.normal()) * 0.16
                    if kind == 1 { turn.y -= 0.22 * fan.1 }
                    let direction = unit(SIMD3(s * fan.0, fan.1, fan.2) + turn) ?? SIMD3(s, 0, 0)
                    grow(
                        Bud(
                            position: start + direction * 2, direction: direction,
                            radius: anatomy.hilarRadius * fan.3 * (kind == 0 ? 1 : 0.86), hasBronchus: kind == 0,
                            generation: 0),
                        side, hilum, anatomy, &random)
                }
            }
            // The pulmonary artery itself and its descending branch.
            let r = anatomy.hilarRadius
            let trunk = splinePoints(
                [
                    SIMD3(s * 14, y - (side == .right ? 2 : 16), 14), SIMD3(s * 32, y - 8, 4), hilum + SIMD3(s * 2, 10, -6),
                    hilum + SIMD3(s * 8, 38, -16),
                ], steps: 5)
            vessels.append(
                Tube(
                    trunk.enumerated().map { i, p in
                        let radius = 1.3 * r * (1.05 - 0.45 * Double(i) / Double(trunk.count - 1))
                        return Tube.Node(position: p, across: radius, upright: radius, wall: 0)
                    }))
        }
    }

    private mutating func grow(
        _ root: Bud, _ side: Side, _ hilum: SIMD3<Double>, _ anatomy: ThoraxAnatomy, _ random: inout PhiloxStream
    ) {
        var buds = [root], made = 0
        while let bud = buds.popLast(), made < Self.limit {
            guard bud.radius > anatomy.thinnestVessel else { continue }
            // A branch's length grows less than in proportion to its radius.
            let length = (7.5 + 5.5 * bud.radius) * (0.7 + 0.6 * random.uniform())
            let steps = max(2, Int(length / 5))
            var position = bud.position, direction = bud.direction, points = [position], isOutside = false
            for _ in 0..<steps {
                let outward = unit(position - hilum) ?? direction
                let turn = SIMD3(random.normal(), random.normal(), random.normal()) * 0.13
                direction = unit(direction + 0.10 * outward + turn) ?? direction
                let next = position + direction * (length / Double(steps))
                if bud.generation > 0, !anatomy.chest.isInLung(next, side, margin: 2 + 2 * bud.radius) {
                    isOutside = true
                    break
                }
                position = next
                points.append(position)
            }
            made += points.count - 1
            if points.count > 1 {
                let last = 0.9 * bud.radius
                vessels.append(
                    Tube(
                        points.enumerated().map { i, p in
                            let radius = bud.radius + (last - bud.radius) * Double(i) / Double(points.count - 1)
                            return Tube.Node(position: p, across: radius, upright: radius, wall: 0)
                        }))
                if bud.hasBronchus, bud.radius > 1.1 {
                    let beside = (unit(cross(direction, SIMD3(0, 0, 1))) ?? SIMD3(1, 0, 0)) * (1.9 * bud.radius)
                    bronchi.append(
                        Tube(points.map { $0 + beside }, radius: bud.radius, wall: 0.5 + 0.12 * bud.radius))
                }
            }
            if isOutside {
                // What would leave the lung goes on as a thinner branch that turns back inside.
                guard bud.radius > 0.6, points.count > 1 else { continue }
                let inward = unit(hilum + SIMD3(side.sign * 45, 10, 0) - position) ?? direction
                let bent = unit(direction + 0.8 * inward + SIMD3(random.normal(), random.normal(), random.normal()) * 0.4)
                buds.append(
                    Bud(
                        position: position, direction: bent ?? direction, radius: 0.62 * bud.radius, hasBronchus: false,
                        generation: bud.generation + 1))
                continue
            }
            // The larger branch turns little, the smaller one much.
            let share = 0.5 + 0.42 * random.uniform()
            let large = 0.9 * bud.radius * pow(share, 1.0 / 3), small = 0.9 * bud.radius * pow(1 - share, 1.0 / 3)
            let sideways =
                unit(cross(direction, SIMD3(random.normal(), random.normal(), random.normal()))) ?? SIMD3(0, 0, 1)
            let angle = 0.5 + 0.35 * random.uniform()
            for (radius, tilt) in [(large, -angle * (1 - share) * 0.9), (small, angle * (0.45 + share))] {
                buds.append(
                    Bud(
                        position: position, direction: unit(direction * cos(tilt) + sideways * sin(tilt)) ?? direction,
                        radius: radius, hasBronchus: bud.hasBronchus, generation: bud.generation + 1))
            }
        }
    }
}
