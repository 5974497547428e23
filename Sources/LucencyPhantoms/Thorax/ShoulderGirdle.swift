#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Clavicles, scapulae and upper arms.
struct ShoulderGirdle: Sendable {
    /// Right and left.
    let clavicles: [Tube]
    /// Borders, spines and processes of the scapulae.
    let scapulaTubes: [Tube]
    /// Outlines of the thin plates, right and left.
    let plates: [[SIMD2<Double>]]
    let humeri: [Tube]

    init(_ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) {
        var clavicles: [Tube] = [], tubes: [Tube] = [], plates: [[SIMD2<Double>]] = []
        var humeri: [Tube] = []
        var random = draws.stream("shoulders")
        for side in Side.allCases {
            let s = side.sign, drop = anatomy.shoulderDrop, joint = anatomy.shoulders[side.rawValue]
            let rise = anatomy.clavicleRises[side.rawValue] - 0.7 * drop
            let reach = joint.x * s - 8
            func at(_ x: Double, _ y: Double, _ z: Double) -> SIMD3<Double> { SIMD3(s * x, y, z) }
            // The inner half bends to the front, the outer one to the back.
            let wave = 5 + 2 * random.normal(), inner = 44 + 2 * random.normal()
            let line = splinePoints(
                [
                    at(16, inner, 42), at(48, inner - 0.16 * rise + wave, 52),
                    at(88, inner - 0.48 * rise + 0.4 * wave, 42), at(124, inner - 0.82 * rise - 0.5 * wave, 20),
                    at(reach - 12, inner - rise, 2), at(reach, inner - rise + 3, -2),
                ], steps: 9)
            let r = anatomy.clavicleRadius
            clavicles.append(
                Tube(
                    line.enumerated().map { i, position in
                        let t = Double(i) / Double(line.count - 1)
                        // Thick at the sternum, flat at the acromion.
                        let end = bell(t / 0.13), flat = smoothStep((t - 0.6) / 0.4)
                        return Tube.Node(
                            position: position, across: r * (0.95 + 0.55 * end + 0.75 * flat),
                            upright: r * (0.95 + 0.75 * end + 0.15 * flat), wall: 1.1 + 1.1 * bell((t - 0.5) / 0.3))
                    }))

            let overlap = anatomy.scapulaOverlaps[side.rawValue]
            func blade(_ x: Double, _ y: Double) -> SIMD2<Double> {
                SIMD2(s * (x - overlap + anatomy.cage - 138), y + drop)
            }
            let superior = blade(112, 26), inferior = blade(138, 172), glenoid = blade(163, 66), neck = blade(156, 84)
            let medial = [blade(112, 26), blade(116, 60), blade(123, 110), blade(132, 156), blade(138, 172)]
            let lateral = [inferior, blade(144, 160), blade(150, 128), blade(154, 100), neck, glenoid]
            let upper = [blade(160, 50), blade(140, 34), superior]
            let corners = Array(medial + lateral.dropFirst() + upper.dropLast())
            let rounded = splinePoints(
                corners.map { SIMD3($0.x, $0.y, 0) } + [SIMD3(corners[0].x, corners[0].y, 0)], steps: 4)
            plates.append(rounded.dropLast().map { SIMD2($0.x, $0.y) })
            func tube(_ points: [SIMD2<Double>], _ z: Double, _ radius: Double, _ wall: Double) -> Tube {
                Tube.capped(
                    splinePoints(points.enumerated().map { SIMD3($1.x, $1.y, z + 2 * Double($0)) }, steps: 6),
                    radius: radius, wall: wall)
            }
            tubes.append(tube(medial, -95, 1.5, 0.9))
            tubes.append(tube(lateral, -88, 3.2, 1.5))
            tubes.append(tube(upper, -80, 1.4, 0.4))
            // Spine of the scapula up to the acromion, the coracoid process, and the glenoid's rim.
            let tip = SIMD2(s * (reach + 4), line[line.count - 1].y + 4)
            let root = blade(116, 62)
            let bend = (root + tip) / 2 + SIMD2(s * 8, 6)
            tubes.append(tube([root, bend, SIMD2(s * (reach - 4), tip.y + 14)], -100, 3, 0.9))
            tubes.append(
                tube([SIMD2(s * (reach - 16), tip.y + 17), SIMD2(s * (reach + 9), tip.y + 4), tip], -20, 5.5, 1.1))
            tubes.append(tube([blade(160, 52), blade(164, 42), blade(171, 46)], -20, 5, 1))
            let socket = [blade(165, 48), blade(161.5, 57), blade(161, 66), blade(163, 77)]
            tubes.append(tube(socket, -28, 2.6, 1.5))
            tubes.append(tube([blade(164.5, 50), blade(166.5, 58), blade(167, 66), blade(165, 75)], -28, 1.8, 1.2))

            let angle = anatomy.armAngles[side.rawValue]
            let along = SIMD3(s * sin(angle), cos(angle), 0.0)
            humeri.append(Self.humerus(joint, along, outward: SIMD3(s * cos(angle), -sin(angle), 0)))
        }
        self.clavicles = clavicles
        scapulaTubes = tubes
        self.plates = plates
        self.humeri = humeri
    }

    /// A ball in the shoulder joint that goes over into the shaft, whose wall grows thicker downwards.
    private static func humerus(_ joint: SIMD3<Double>, _ along: SIMD3<Double>, outward: SIMD3<Double>) -> Tube {
        let ball = 22.5
        let neck = Contour([(8, 21), (20, 18.5), (34, 14.5), (55, 11.8), (85, 10.5), (300, 10.5)])
        let wall = Contour([(0, 0.6), (20, 0.9), (50, 2.4), (90, 3.6), (300, 3.6)])
        let shift = Contour([(-10, 0), (30, 5), (60, 6)])
        let stations =
            (0..<40).map { -ball * cos(Double($0) * 0.049) } + stride(from: 8.6, to: 90, by: 1.2)
            + stride(from: 90.0, through: 300, by: 15)
        return Tube(
            stations.map { t in
                let radius = t < 8 ? max(0.3, ball * ball - t * t).squareRoot() : neck(t)
                return Tube.Node(
                    position: joint + outward * shift(t) + along * t, across: radius, upright: radius,
                    wall: min(radius, wall(t)))
            })
    }

    /// Calls `body` with a pixel's index and how far inside of a scapula's plate it lies, in mm.
    func forEachPlatePixel(_ grid: ThoraxGrid, _ body: (Int, Double) -> Void) {
        for outline in plates {
            guard let first = outline.first else { continue }
            var low = first, high = first
            for p in outline {
                low = pointwiseMin(low, p)
                high = pointwiseMax(high, p)
            }
            for row in grid.rows(low.y, high.y) {
                for column in grid.columns(low.x, high.x) {
                    let p = SIMD2(grid.x(column), grid.y(row))
                    let depth = Self.depth(of: p, in: outline)
                    if depth > 0 { body(row &* grid.count &+ column, depth) }
                }
            }
        }
    }

    /// Distance to the outline of a point inside; 0 outside.
    private static func depth(of p: SIMD2<Double>, in outline: [SIMD2<Double>]) -> Double {
        var isInside = false, nearest = Double.infinity
        var b = outline[outline.count - 1]
        for a in outline {
            if (a.y > p.y) != (b.y > p.y), p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x { isInside.toggle() }
            let edge = b - a, t = min(max(((p - a) * edge).sum() / max(1e-9, (edge * edge).sum()), 0), 1)
            let off = p - a - edge * t
            nearest = min(nearest, (off * off).sum())
            b = a
        }
        return isInside ? nearest.squareRoot() : 0
    }
}
