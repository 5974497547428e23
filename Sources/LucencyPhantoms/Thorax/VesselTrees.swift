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
            let hilum = SIMD3(s * (side == .right ? 34 : 40), y, 0)
            // Where branches leave the stems, in mm from the hilum (out, down, forward), their direction, and their share
            // of the largest radius: upper lobe, middle lobe or lingula, lower lobe.
            let fans: [(SIMD3<Double>, SIMD3<Double>, Double)] = [
                (SIMD3(4, -16, -6), SIMD3(0.3, -1, -0.35), 0.6), (SIMD3(6, -18, 4), SIMD3(0.75, -0.8, 0.3), 0.56),
                (SIMD3(8, -10, 8), SIMD3(1, -0.35, 0.6), 0.58), (SIMD3(8, -8, -4), SIMD3(1, -0.5, -0.5), 0.45),
                (SIMD3(10, 12, 8), SIMD3(1, 0.25, 0.5), 0.5), (SIMD3(8, 22, 10), SIMD3(0.75, 0.7, 0.7), 0.48),
                (SIMD3(10, 14, -14), SIMD3(1, 0, -0.7), 0.48), (SIMD3(11, 34, -12), SIMD3(1, 0.4, -0.25), 0.52),
                (SIMD3(10, 46, -16), SIMD3(0.8, 0.75, 0.05), 0.56), (SIMD3(8, 52, -18), SIMD3(0.45, 1, -0.3), 0.6),
                (SIMD3(5, 50, -18), SIMD3(0.1, 1, -0.4), 0.52),
            ]
            for kind in 0..<2 {
                // Veins run flatter and join the heart lower.
                let shift = kind == 0 ? .zero : SIMD3(s * -6, 12 * scale, 10)
                for (offset, way, share) in fans {
                    let jitter = SIMD3(random.normal(), random.normal(), random.normal())
                    var turn = way + 0.22 * jitter
                    if kind == 1 { turn.y *= 0.7 }
                    let direction = unit(turn * SIMD3(s, 1, 1)) ?? SIMD3(s, 0, 0)
                    grow(
                        Bud(
                            position: hilum + offset * SIMD3(s, scale, 1) + shift + 2 * jitter, direction: direction,
                            radius: anatomy.hilarRadius * share * (kind == 0 ? 0.95 : 0.82), hasBronchus: kind == 0,
                            generation: 0),
                        side, hilum, anatomy, &random)
                }
            }
            // The pulmonary artery itself and its descending branch.
            let r = anatomy.hilarRadius
            let trunk = splinePoints(
                [
                    SIMD3(s * 14, y - (side == .right ? 2 : 16), 14), hilum + SIMD3(0, -6, 2),
                    hilum + SIMD3(s * 7, 10, -8),
                    hilum + SIMD3(s * 10, 34, -14), hilum + SIMD3(s * 7, 56, -18),
                ], steps: 5)
            vessels.append(
                Tube(
                    trunk.enumerated().map { i, p in
                        let radius = 1.2 * r * (1.05 - 0.55 * Double(i) / Double(trunk.count - 1))
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
            let length = (9 + 7 * bud.radius) * (0.7 + 0.6 * random.uniform())
            let steps = max(2, Int(length / 5))
            var position = bud.position, direction = bud.direction, points = [position], isOutside = false
            for _ in 0..<steps {
                let outward = unit(position - hilum) ?? direction
                let turn = SIMD3(random.normal(), random.normal(), random.normal()) * 0.15
                direction = unit(direction + 0.05 * outward + turn) ?? direction
                let next = position + direction * (length / Double(steps))
                let isInside =
                    anatomy.chest.isInLung(next, side, margin: 2 + 2 * bud.radius) && !anatomy.isInHeart(next)
                if bud.generation > 0, !isInside {
                    isOutside = true
                    break
                }
                position = next
                points.append(position)
            }
            made += points.count - 1
            if points.count > 1 {
                let last = 0.95 * bud.radius
                vessels.append(
                    Tube(
                        points.enumerated().map { i, p in
                            let radius = bud.radius + (last - bud.radius) * Double(i) / Double(points.count - 1)
                            return Tube.Node(position: p, across: radius, upright: radius, wall: 0)
                        }))
                if bud.hasBronchus, bud.radius > 1.5 {
                    let beside = (unit(cross(direction, SIMD3(0, 0, 1))) ?? SIMD3(1, 0, 0)) * (1.9 * bud.radius)
                    bronchi.append(
                        Tube(points.map { $0 + beside }, radius: bud.radius, wall: 0.5 + 0.12 * bud.radius))
                }
            }
            if isOutside {
                // What would leave the lung goes on as a thinner branch that turns back inside.
                guard bud.radius > 0.6, points.count > 1 else { continue }
                let inward = unit(hilum + SIMD3(side.sign * 45, 10, 0) - position) ?? direction
                let bent = unit(
                    direction + 0.8 * inward + SIMD3(random.normal(), random.normal(), random.normal()) * 0.4)
                buds.append(
                    Bud(
                        position: position, direction: bent ?? direction, radius: 0.62 * bud.radius, hasBronchus: false,
                        generation: bud.generation + 1))
                continue
            }
            // The larger branch turns little, the smaller one much.
            let share = 0.5 + 0.42 * random.uniform()
            let large = 0.97 * bud.radius * pow(share, 1.0 / 3), small = 0.97 * bud.radius * pow(1 - share, 1.0 / 3)
            let sideways =
                unit(cross(direction, SIMD3(random.normal(), random.normal(), random.normal()))) ?? SIMD3(0, 0, 1)
            let angle = 0.55 + 0.5 * random.uniform()
            for (radius, tilt) in [(large, -angle * (1 - share) * 0.9), (small, angle * (0.45 + share))] {
                buds.append(
                    Bud(
                        position: position, direction: unit(direction * cos(tilt) + sideways * sin(tilt)) ?? direction,
                        radius: radius, hasBronchus: bud.hasBronchus, generation: bud.generation + 1))
            }
        }
    }
}
