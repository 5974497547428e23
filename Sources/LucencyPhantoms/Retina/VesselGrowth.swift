import LucencyFoundation

/// How vessels look and branch; millimetres.
public struct RetinaVessels: Sendable, Hashable {
    /// Width of the four main arteries and veins at the disc; those to the nasal side have 0.75 of it.
    public var arteryWidth = Interval(0.095, 0.125)
    public var veinWidth = Interval(0.13, 0.165)
    /// Thinner vessels are not drawn.
    public var thinnest = Interval(0.03, 0.03)
    /// How much vessels wind: 0 not at all, 1 as in most eyes.
    public var tortuosity = Interval(0.6, 1.5)
    /// How many branches there are: 1 as in most eyes.
    public var branching = Interval(0.9, 1.3)
    /// Height of the temporal arcades above and below the line through the fovea.
    public var arcadeHeight = Interval(3.0, 4.4)
    /// Thinning along a vessel between its branches, per millimetre.
    public var taper = Interval(0.005, 0.02)

    public init() {}

    func check() throws {
        try requireInterval(arteryWidth, "arteryWidth", within: 0.02...0.4)
        try requireInterval(veinWidth, "veinWidth", within: 0.02...0.4)
        try requireInterval(thinnest, "thinnest", within: 0.01...0.4)
        try requireInterval(tortuosity, "tortuosity", within: 0...4)
        try requireInterval(branching, "branching", within: 0...2)
        try requireInterval(arcadeHeight, "arcadeHeight", within: 1...8)
        try requireInterval(taper, "taper", within: 0...0.2)
        guard thinnest.upper <= min(arteryWidth.lower, veinWidth.lower) else {
            throw Diagnostic(
                .badArgument,
                "the thinnest vessels (\(thinnest.upper) mm) are wider than arteries or veins at the disc",
                remedy: "give a smaller `thinnest`")
        }
    }

    /// All vessels of an eye, the widest first.
    func grown(in eye: RetinaEye, _ draws: inout PhantomDraws) -> [RetinaVessel] {
        var growth = VesselGrowth(
            eye: eye, thinnest: draws.number("vessels.thinnest", in: thinnest) / 2,
            tortuosity: draws.number("vessels.tortuosity", in: tortuosity),
            branching: draws.number("vessels.branching", in: branching),
            taper: draws.number("vessels.taper", in: taper), random: draws.stream("vessels"))
        for kind in RetinaVessel.Kind.allCases {
            let name = kind == .artery ? "artery" : "vein"
            let width = draws.number("vessels.\(name)Width", in: kind == .artery ? arteryWidth : veinWidth)
            for (side, part) in [(-1.0, "superior"), (1.0, "inferior")] {
                let height = draws.number("vessels.\(name).\(part)Height", in: arcadeHeight)
                growth.plantArcades(kind, side: side, height: height, radius: width / 2)
            }
            growth.plantMacularTwigs(kind, radius: width / 2)
        }
        growth.grow()
        draws.note("vessels.count", .integer(growth.vessels.count))
        return growth.vessels
    }
}

/// A vessel from its origin to its end, with a radius at each point; millimetres.
struct RetinaVessel: Sendable {
    enum Kind: Int32, CaseIterable, Sendable { case artery = 1, vein = 2 }
    struct Point: Sendable {
        var x: Double
        var y: Double
        var radius: Double
    }

    let kind: Kind
    var points: [Point]
}

/// Grows vessels from the disc, the widest first, in small steps: heading on, winding a little, away from vessels of its
/// kind, towards the fovea within the arcades and outwards elsewhere. At a branching the radii obey Murray's law,
/// r₀³ = r₁³ + r₂³, and the angles follow from it (C. D. Murray, "The physiological principle of minimum work", PNAS 12
/// (1926) 207; "… applied to the angle of branching of arteries", J. Gen. Physiol. 9 (1926) 835, eq. 3).
struct VesselGrowth {
    private(set) var vessels: [RetinaVessel] = []
    private let eye: RetinaEye
    private let thinnest: Double
    private let tortuosity: Double
    private let branching: Double
    private let taper: Double
    private var random: PhiloxStream
    private var sprouts: [Sprout] = []
    private var neighbours: NearVessels

    private struct Sprout {
        let kind: RetinaVessel.Kind
        var place: RetinaVessel.Point
        var heading: Double
        /// The vessel that it leaves; −1 at the disc.
        let parent: Int
        /// Where a main vessel runs; nil for those that find their own way.
        var guide: Guide?
    }

    /// A cubic Bézier curve that goes on straight.
    private struct Guide {
        let a, b, c, d: SIMD2<Double>

        func callAsFunction(_ t: Double) -> SIMD2<Double> {
            guard t <= 1 else { return d + (d - c) * (3 * (t - 1)) }
            let s = 1 - t
            return a * (s * s * s) + b * (3 * s * s * t) + c * (3 * s * t * t) + d * (t * t * t)
        }
    }

    private static let step = 0.07
    /// How far from the middle vessels grow, mm: over the field of view, and around the disc where that lies outside.
    private let reach: Double

    init(
        eye: RetinaEye, thinnest: Double, tortuosity: Double, branching: Double, taper: Double, random: PhiloxStream
    ) {
        self.eye = eye
        self.thinnest = thinnest
        self.tortuosity = tortuosity
        self.branching = branching
        self.taper = taper
        self.random = random
        reach = max(eye.reach, hypotenuse(eye.center.x, eye.center.y) + 0.8)
        neighbours = NearVessels(reach: reach + 0.6)
    }

    // MARK: Origins

    /// A temporal arcade around the macula and the nasal one of the same side (−1 above, 1 below).
    mutating func plantArcades(_ kind: RetinaVessel.Kind, side: Double, height: Double, radius: Double) {
        func point(_ along: Double, _ up: Double) -> SIMD2<Double> {
            [eye.center.x + eye.temporal * along, eye.center.y + side * up]
        }
        let origin = point(kind == .artery ? -0.1 : -0.18, 0)
        let far = abs(eye.fovea.x - eye.center.x) + random.uniform(in: 0.2...1.2)
        let end = height + random.uniform(in: -0.3...0.5)
        let temporal = Guide(
            a: origin, b: point(0.35 + 0.25 * random.uniform(), 0.45 * height), c: point(0.42 * far, 1.02 * height),
            d: point(far, end))
        let out = random.uniform(in: 3.2...5), rise = random.uniform(in: 2.2...4.2)
        let nasal = Guide(
            a: origin, b: point(-0.5, 0.4 * rise), c: point(-0.4 * out, 0.75 * rise), d: point(-out, rise))
        for (guide, share) in [(temporal, 1.0), (nasal, 0.75)] {
            sprouts.append(
                Sprout(
                    kind: kind, place: RetinaVessel.Point(x: origin.x, y: origin.y, radius: radius * share),
                    heading: 0, parent: -1, guide: guide))
        }
    }

    /// Thin vessels from the disc straight to the macula.
    mutating func plantMacularTwigs(_ kind: RetinaVessel.Kind, radius: Double) {
        let count = kind == .artery ? 2 : 1 + random.int(in: 0...1)
        for number in 0..<count {
            let towards = eye.temporal > 0 ? 0 : Double.pi
            let angle = (number == 0 ? 0.45 : -0.45) * (kind == .artery ? 1 : 0.6) + random.normal() * 0.2
            let heading = towards + angle
            let share = random.uniform(in: 0.3...0.45)
            sprouts.append(
                Sprout(
                    kind: kind,
                    place: RetinaVessel.Point(x: eye.center.x, y: eye.center.y, radius: max(thinnest, radius * share)),
                    heading: heading, parent: -1, guide: nil))
        }
    }

    // MARK: Growth

    mutating func grow() {
        var grown = 0
        while !sprouts.isEmpty, grown < 60_000 {
            // Wide vessels come first, thin ones fill what they leave.
            var widest = 0
            for (index, sprout) in sprouts.enumerated() where sprout.place.radius > sprouts[widest].place.radius {
                widest = index
            }
            let sprout = sprouts.remove(at: widest)
            let number = vessels.count
            let points = sprout.guide == nil ? freely(sprout, number) : along(sprout, number)
            grown += points.count
            guard points.count > 3 else { continue }
            vessels.append(RetinaVessel(kind: sprout.kind, points: points))
            for point in points { neighbours.add(point, sprout.kind, vessel: number) }
        }
    }

    /// A main vessel follows its guide in waves.
    private mutating func along(_ sprout: Sprout, _ number: Int) -> [RetinaVessel.Point] {
        guard let guide = sprout.guide else { return [] }
        let waves = (0..<3).map { (order: Int) -> (length: Double, phase: Double, height: Double) in
            let scale = Double(order + 1)
            return (
                length: random.uniform(in: 1.1...1.8) * scale, phase: random.uniform(in: 0...(2 * Double.pi)),
                height: 0.026 * scale * tortuosity * random.normal()
            )
        }
        var points: [RetinaVessel.Point] = []
        var radius = sprout.place.radius, travelled = 0.0, t = 0.0, side = random.uniform() < 0.5 ? 1.0 : -1.0
        var branchAt = nextBranch(radius, first: true)
        while radius > thinnest, travelled < 4 * reach {
            let middle = guide(t), ahead = guide(t + 1e-3)
            let tangent = (ahead - middle) / max(1e-12, hypotenuse(ahead.x - middle.x, ahead.y - middle.y))
            let fade = smoothStep(travelled / 1.5)
            var offset = 0.0
            for wave in waves {
                offset += fade * wave.height * sine(2 * Double.pi * travelled / wave.length + wave.phase)
            }
            let place = RetinaVessel.Point(
                x: middle.x - tangent.y * offset, y: middle.y + tangent.x * offset, radius: radius)
            points.append(place)
            guard hypotenuse(place.x, place.y) < reach + 0.4 else { break }
            let speed = hypotenuse(ahead.x - middle.x, ahead.y - middle.y) / 1e-3
            t += Self.step / max(speed, 0.1)
            travelled += Self.step
            radius *= 1 - taper * Self.step
            if travelled > branchAt {
                let heading = arcTangent(tangent.y, tangent.x)
                radius = branched(sprout.kind, place, heading, side, number, isMain: true).radius
                if random.uniform() < 0.75 { side = -side }
                branchAt = travelled + nextBranch(radius, first: false)
            }
        }
        return points
    }

    /// A branch finds its way.
    private mutating func freely(_ sprout: Sprout, _ number: Int) -> [RetinaVessel.Point] {
        var points = [sprout.place], place = sprout.place, heading = sprout.heading
        var travelled = 0.0, bend = 0.0, side = random.uniform() < 0.5 ? 1.0 : -1.0
        var branchAt = nextBranch(place.radius, first: true)
        let stopsAt = eye.avascular + random.uniform(in: 0...0.5)
        let isInner = abs(place.y - eye.fovea.y) < 5 && (place.x - eye.center.x) * eye.temporal > 0.3
        let longest = (2 + 120 * place.radius) * random.uniform(in: 0.6...1.3)
        while place.radius >= thinnest, travelled < longest {
            // Winding: a bend that changes slowly.
            bend = 0.88 * bend + 0.28 * tortuosity * random.normal()
            var turn = bend * Self.step
            let toFovea = (x: eye.fovea.x - place.x, y: eye.fovea.y - place.y)
            let distance = hypotenuse(toFovea.x, toFovea.y)
            if distance < stopsAt { break }
            if isInner, distance < 3.6 {
                turn += Self.step * 0.4 * sine(arcTangent(toFovea.y, toFovea.x) - heading)
            } else {
                let outwards = arcTangent(place.y - eye.center.y, place.x - eye.center.x)
                turn += Self.step * 0.25 * sine(outwards - heading)
            }
            let isLeaving = travelled < 0.7
            let origin = isLeaving ? sprout.parent : -2
            if let near = neighbours.nearest(place, sprout.kind, but: number, origin) {
                if near.distance < 0.1 + place.radius, !isLeaving { break }
                let away = arcTangent(place.y - near.y, place.x - near.x)
                let closeness = 1 - near.distance / NearVessels.range
                turn += Self.step * 1.5 * closeness * sine(away - heading)
            }
            heading += turn
            let direction = unitVector(heading)
            place.x += Self.step * direction.x
            place.y += Self.step * direction.y
            place.radius *= 1 - (taper + 0.03) * Self.step
            points.append(place)
            travelled += Self.step
            guard hypotenuse(place.x, place.y) < reach + 0.4 else { break }
            if travelled > branchAt {
                let after = branched(sprout.kind, place, heading, side, number, isMain: false)
                place.radius = after.radius
                heading -= side * after.deflection
                if random.uniform() < 0.7 { side = -side }
                branchAt = travelled + nextBranch(place.radius, first: false)
            }
        }
        // Whatever made it stop, it ends thin.
        let tail = min(points.count, 16)
        for step in 0..<tail {
            let index = points.count - 1 - step
            points[index].radius -= max(0, points[index].radius - thinnest) * (1 - Double(step) / Double(tail))
        }
        return points
    }

    /// The way to the next branch: shorter in thin vessels.
    private mutating func nextBranch(_ radius: Double, first: Bool) -> Double {
        guard branching > 0 else { return .infinity }
        let typical = (first ? 0.7 : 0.5) + 9 * radius
        return typical * random.uniform(in: 0.5...1.6) / branching
    }

    /// Lets a branch sprout to one side, and says what becomes of the vessel itself.
    private mutating func branched(
        _ kind: RetinaVessel.Kind, _ place: RetinaVessel.Point, _ heading: Double, _ side: Double, _ number: Int,
        isMain: Bool
    ) -> (radius: Double, deflection: Double) {
        let r0 = place.radius
        var r2 = r0 * (isMain ? random.uniform(in: 0.28...0.72) : random.uniform(in: 0.55...0.9))
        if r2 < thinnest { r2 = thinnest * random.uniform(in: 1.02...1.3) }
        guard r2 < 0.97 * r0 else { return (r0, 0) }
        let r1 = cubeRoot(r0 * r0 * r0 - r2 * r2 * r2)
        func angle(_ r: Double, _ other: Double) -> Double {
            let cosine = (r0 * r0 * r0 * r0 + r * r * r * r - other * other * other * other) / (2 * r0 * r0 * r * r)
            return min(max(arcCosine(cosine), 0), 1.35)
        }
        let leaving = min(max(angle(r2, r1) * random.uniform(in: 0.75...1.15), 0.4), 1.45)
        sprouts.append(
            Sprout(
                kind: kind, place: RetinaVessel.Point(x: place.x, y: place.y, radius: r2),
                heading: heading + side * leaving, parent: number, guide: nil))
        return (r1, angle(r1, r2))
    }
}

private func cubeRoot(_ x: Double) -> Double { x > 0 ? exponential(logarithm(x) / 3) : 0 }
