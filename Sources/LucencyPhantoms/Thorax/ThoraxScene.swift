import LucencyFoundation

/// Everything in one patient, in space.
struct ThoraxScene: Sendable {
    struct Nodule: Sendable {
        /// As in the record; those that found no room leave gaps.
        var number: Int
        var shape: Ellipsoid
        var contrast: Double
    }

    let anatomy: ThoraxAnatomy
    let ribs: RibCage
    let spine: Spine
    let girdle: ShoulderGirdle
    let airways: Airways
    let trees: VesselTrees
    let nodules: [Nodule]
    /// Round bits of calcified rib cartilage.
    let flecks: [Ellipsoid]

    init(_ anatomy: ThoraxAnatomy, nodules settings: ThoraxNodules, _ draws: inout PhantomDraws) {
        self.anatomy = anatomy
        ribs = RibCage(anatomy, draws)
        spine = Spine(anatomy, draws)
        girdle = ShoulderGirdle(anatomy, draws)
        airways = Airways(anatomy, draws)
        trees = VesselTrees(anatomy, draws)
        flecks = Self.flecks(ribs, anatomy, draws)
        nodules = Self.nodules(settings, anatomy, ribs, &draws)
    }

    private static func flecks(_ ribs: RibCage, _ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) -> [Ellipsoid] {
        var random = draws.stream("cartilage"), flecks: [Ellipsoid] = []
        for rib in ribs.ribs where rib.cartilage.count > 1 {
            for _ in 0..<40 {
                let t = random.uniform(), chance = random.uniform(), radius = random.uniform(in: 0.7...2.4)
                // Calcification begins next to the rib, and in the first rib.
                let wanted = anatomy.calcification * (rib.number % 12 == 1 ? 1.6 : 1.1 - t)
                let off = SIMD3(random.normal(), random.normal(), random.normal()) * 2.4
                let along = random.uniform(in: 1...2.6)
                guard chance < wanted else { continue }
                let place = t * Double(rib.cartilage.count - 1), index = min(Int(place), rib.cartilage.count - 2)
                let a = rib.cartilage[index], b = rib.cartilage[index + 1]
                flecks.append(
                    Ellipsoid(
                        center: a + (b - a) * (place - Double(index)) + off,
                        axes: SIMD3(radius * along, radius, radius), angle: 0.4))
            }
        }
        return flecks
    }

    /// Places nodules in the lungs, each at least its radius away from the lung's outside where there is room.
    private static func nodules(
        _ settings: ThoraxNodules, _ anatomy: ThoraxAnatomy, _ ribs: RibCage, _ draws: inout PhantomDraws
    ) -> [Nodule] {
        let count = draws.count("nodules.number", in: settings.number)
        var nodules: [Nodule] = []
        for index in 0..<max(0, count) {
            let name = "nodules.\(index + 1)"
            let diameter = draws.number(name + ".diameter", in: settings.diameter)
            let contrast = draws.number(name + ".contrast", in: settings.contrast)
            let radius = diameter / 2 / anatomy.size
            var random = draws.stream(name + ".place")
            var center: SIMD3<Double>?
            for _ in 0..<3000 where center == nil {
                let side = Side.allCases[random.int(in: 0...1)]
                let p = SIMD3(
                    side.sign * random.uniform() * 1.1 * anatomy.cage, random.uniform() * 1.1 * anatomy.lungHeight,
                    random.uniform(in: -100...110))
                guard anatomy.chest.isInLung(p, side, margin: radius + 2),
                    isVisible(p, reach: radius + 1, side, anatomy),
                    !nodules.contains(where: { ($0.shape.center - p).xy.length < $0.shape.axes.x + radius + 4 })
                else { continue }
                center = p
            }
            guard let center else {
                draws.note(name + ".center", .null)
                continue
            }
            let flat = random.uniform(in: 0.85...1)
            let shape = Ellipsoid(
                center: center, axes: SIMD3(radius, radius * flat, radius), angle: random.uniform(in: 0...3.14))
            nodules.append(Nodule(number: index + 1, shape: shape, contrast: contrast))
            let real = center * anatomy.size
            draws.note(name + ".center", [.number(real.x), .number(real.y), .number(real.z)])
            draws.note(name + ".underRib", .number(Self.covered(shape, by: ribs)))
        }
        return nodules
    }

    /// Whether a disc lies neither before nor behind the diaphragm, the heart and the great vessels.
    private static func isVisible(
        _ p: SIMD3<Double>, reach: Double, _ side: Side, _ anatomy: ThoraxAnatomy
    ) -> Bool {
        (0...12).allSatisfy { k in
            let direction = k == 0 ? (x: 0, y: 0) : unitVector(Double(k) * .pi / 6)
            let x = p.x + reach * direction.x, y = p.y + reach * direction.y, distance = x * side.sign
            let section = anatomy.chest.section(y)
            return distance > section.inner[side.rawValue] + 1 && distance < section.cage
                && y < anatomy.chest.domes[side.rawValue].silhouette(distance)
                && !anatomy.heart.contains { !$0.chord(x, y).isEmpty }
                && !anatomy.vessels.contains { !$0.chord(x, y).isEmpty }
        }
    }

    /// The part of a nodule's shadow that ribs cross.
    private static func covered(_ shape: Ellipsoid, by ribs: RibCage) -> Double {
        let side = 32, pixel = 2.1 * shape.axes.x / Double(side)
        let half = pixel * Double(side) / 2
        let grid = ThoraxGrid(count: side, pixel: pixel, left: shape.center.x - half, top: shape.center.y - half)
        var mask = [Bool](repeating: false, count: side * side)
        for rib in ribs.ribs { rib.tube.forEachPixel(grid) { index, _, _ in mask[index] = true } }
        var area = 0, hidden = 0
        shape.forEachPixel(grid) { index, _ in
            area += 1
            hidden += mask[index] ? 1 : 0
        }
        return Double(hidden) / Double(max(1, area))
    }
}

extension SIMD3<Double> {
    fileprivate var xy: SIMD2<Double> { SIMD2(x, y) }
}

extension SIMD2<Double> {
    fileprivate var length: Double { (self * self).sum().squareRoot() }
}
