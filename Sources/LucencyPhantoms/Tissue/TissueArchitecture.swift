import LucencyFoundation

/// Lays out epithelium, lumina, fat and vessels in the fields of one picture.
struct TissueArchitecture {
    let pattern: HistologyTissue.Pattern
    let traits: HistologyPatient.Traits
    let draws: PhantomDraws
    let fibres: FibreDirections
    private(set) var fields: TissueFields
    private var glands: [GlandShape] = []
    private let bend: TissueBend
    private let reach = 130.0

    init(
        pattern: HistologyTissue.Pattern, traits: HistologyPatient.Traits, fields: TissueFields,
        fibres: FibreDirections, draws: PhantomDraws
    ) {
        self.pattern = pattern
        self.traits = traits
        self.fields = fields
        self.draws = draws
        self.fibres = fibres
        bend = TissueBend(width: fields.width, height: fields.height, draws: draws)
    }

    private func smooth(_ name: String, _ spacing: Double) -> SmoothField {
        SmoothField(
            width: Int(fields.width) + 1, height: Int(fields.height) + 1, spacing: spacing,
            margin: TissueFields.margin + spacing, random: draws.stream(name))
    }

    /// The finished fields.
    mutating func laidOut(pool: ThreadPool) -> TissueFields {
        var random = draws.stream("architecture")
        switch pattern {
        case .ducts: layDucts(&random)
        case .slits:
            layGlands(&random, radius: 24...48, stretch: 1.8...6, thickness: 9...14, waves: 0.24, gap: 34, wanted: 1)
            loosen(everywhere: 0.8)
        case .tubules:
            layGlands(&random, radius: 20...46, stretch: 1...1.9, thickness: 11...15, waves: 0.09, gap: 4, wanted: 6)
        case .glands:
            let grade = min(max((traits.variation - 0.1) / 0.15, 0), 1)
            layGlands(
                &random, radius: 20...50, stretch: 1...2.4, thickness: 15...24, waves: 0.12 + 0.14 * grade, gap: 4,
                wanted: 5, unevenness: 0.25 + 0.4 * grade)
        case .nests: layNests(spacing: 42, fine: 0.45, share: random.uniform(in: -1.1...0), &random)
        case .sheets: layNests(spacing: 75, fine: 0.4, share: random.uniform(in: 0.1...1), &random)
        case .cords: layCords(&random)
        }
        layVessels(&random)
        let ripple = TissueNoise(random: draws.stream("wall"))
        for gland in glands { gland.paint(&fields, bend: bend, ripple: ripple) }
        layFat()
        fields.measureNearness(pool: pool)
        return fields
    }

    // MARK: Glands

    /// Glands where there is room; the first at the picture's middle, as one chooses a field of view.
    private mutating func layGlands(
        _ random: inout PhiloxStream, radius: ClosedRange<Double>, stretch: ClosedRange<Double>,
        thickness: ClosedRange<Double>, waves: Double, gap: Double, wanted: Double, unevenness: Double = 0.12
    ) {
        let wide = fields.width + 2 * reach, high = fields.height + 2 * reach
        let middle = (radius.lowerBound + radius.upperBound) / 2 + gap / 2
        let count = Int(wanted * wide * high / (4 * middle * middle)) + 2
        for attempt in 0..<count * 6 {
            let r = radius.lowerBound + (radius.upperBound - radius.lowerBound) * random.uniform() * random.uniform()
            let side = unitVector(random.uniform() * 2 * .pi)
            var gland = GlandShape(
                x: random.uniform() * wide - reach, y: random.uniform() * high - reach, radius: r,
                thickness: min(random.uniform(in: thickness), 0.85 * r))
            gland.stretch = random.uniform(in: stretch)
            gland.angle = random.uniform() * .pi
            gland.unevenness = unevenness
            gland.wave(waves, &random)
            if attempt == 0 {
                gland.x = fields.width / 2 + side.x * r
                gland.y = fields.height / 2 + side.y * r
            }
            let outer = r * (0.75 + 0.25 * gland.stretch)
            if glands.allSatisfy({ $0.isClear(gland.x, gland.y, radius: outer, gap: gap) }) { glands.append(gland) }
        }
    }

    /// Large ducts, and lobules: acini close together in loose stroma.
    private mutating func layDucts(_ random: inout PhiloxStream) {
        let wide = fields.width + 2 * reach, high = fields.height + 2 * reach
        var lobules: [(x: Double, y: Double, radius: Double)] = []
        let count = max(2, Int(wide * high / 40_000))
        for attempt in 0..<count * 5 where lobules.count + glands.count < count {
            var x = random.uniform() * wide - reach, y = random.uniform() * high - reach
            let isLobule = random.uniform() < 0.6
            let radius = isLobule ? random.uniform(in: 55...120) : random.uniform(in: 24...60)
            let side = unitVector(random.uniform() * 2 * .pi), stretch = random.uniform(in: 1...2.6)
            if attempt == 0 {
                x = fields.width / 2 + side.x * radius * (isLobule ? 0.4 : 0.9)
                y = fields.height / 2 + side.y * radius * (isLobule ? 0.4 : 0.9)
            }
            let outer = isLobule ? radius : radius * (0.75 + 0.25 * stretch)
            guard glands.allSatisfy({ $0.isClear(x, y, radius: outer, gap: 18) }),
                lobules.allSatisfy({ hypotenuse($0.x - x, $0.y - y) > $0.radius + outer + 16 })
            else { continue }
            if isLobule {
                lobules.append((x, y, radius))
            } else {
                var duct = GlandShape(x: x, y: y, radius: radius, thickness: random.uniform(in: 12...17))
                duct.stretch = stretch
                duct.angle = random.uniform() * .pi
                duct.wave(0.12, count: 5, &random)
                glands.append(duct)
            }
        }
        for lobule in lobules {
            var acini: [GlandShape] = []
            for _ in 0..<Int(lobule.radius * lobule.radius / 18) {
                let far = lobule.radius * random.uniform().squareRoot()
                let way = unitVector(random.uniform() * 2 * .pi)
                let r = random.uniform(in: 11...20)
                var acinus = GlandShape(
                    x: lobule.x + far * way.x, y: lobule.y + far * way.y, radius: r,
                    thickness: r - random.uniform(in: 1...5))
                acinus.stretch = random.uniform(in: 1...1.8)
                acinus.angle = random.uniform() * .pi
                acinus.unevenness = 0.2
                acinus.wave(0.08, &random)
                if acini.allSatisfy({ $0.isClear(acinus.x, acinus.y, radius: r * 1.1, gap: 3.5) }) {
                    acini.append(acinus)
                }
            }
            glands += acini
            let box = lobule.radius + 40
            fields.forPoints(lobule.x - box, lobule.y - box, lobule.x + box, lobule.y + box) { fields, index, x, y in
                let inside = (lobule.radius + 16 - hypotenuse(x - lobule.x, y - lobule.y)) / 14
                fields.loose[index] = max(fields.loose[index], smoothStep(Float(inside)))
            }
        }
    }

    private mutating func loosen(everywhere value: Float) {
        for index in fields.loose.indices { fields.loose[index] = max(fields.loose[index], value) }
    }

    private mutating func layVessels(_ random: inout PhiloxStream) {
        let wide = fields.width + 2 * reach, high = fields.height + 2 * reach
        for _ in 0..<Int(wide * high / 14_000) {
            var vessel = GlandShape(
                kind: .vessel, x: random.uniform() * wide - reach, y: random.uniform() * high - reach,
                radius: 5 + 12 * random.uniform() * random.uniform(), thickness: 1.8)
            vessel.stretch = random.uniform(in: 1...3)
            vessel.angle = random.uniform() * .pi
            let outer = vessel.radius * (0.75 + 0.25 * vessel.stretch)
            if glands.allSatisfy({ $0.isClear(vessel.x, vessel.y, radius: outer, gap: 3) }) { glands.append(vessel) }
        }
    }

    // MARK: Tumour

    /// Depths of the region where a field is above 0: value over slope, a distance near the border.
    private func depths(_ field: [Float], scale: Float) -> [Float] {
        let columns = fields.columns, rows = fields.rows, pitch = Float(fields.pitch)
        return field.indices.map { index in
            let column = index % columns, row = index / columns
            let left = max(0, column - 1), right = min(columns - 1, column + 1)
            let up = max(0, row - 1), down = min(rows - 1, row + 1)
            let dx = (field[row * columns + right] - field[row * columns + left]) / (Float(right - left) * pitch)
            let dy = (field[down * columns + column] - field[up * columns + column]) / (Float(down - up) * pitch)
            return min(max(field[index] / max(scale, (dx * dx + dy * dy).squareRoot()), -60), 60)
        }
    }

    /// Where one points the microscope: near the picture's middle there is tumour.
    private struct Focus {
        let x: Double
        let y: Double

        /// What lifts a field to 0.5 here, and less farther away.
        func lift(_ px: Double, _ py: Double, from value: Double) -> Double {
            max(0, 0.5 - value) * bell(hypotenuse(px - x, py - y) / 45)
        }
    }

    private func focus(_ random: inout PhiloxStream) -> Focus {
        let way = unitVector(random.uniform() * 2 * .pi), far = 0.3 * min(80, min(fields.width, fields.height))
        return Focus(x: fields.width / 2 + way.x * far, y: fields.height / 2 + way.y * far)
    }

    /// Irregular solid nests, a few with holes: where a smooth field is high.
    private mutating func layNests(spacing: Double, fine: Double, share: Double, _ random: inout PhiloxStream) {
        let coarse = smooth("nests", spacing), detail = smooth("nests.detail", spacing / 2.9)
        let holes = smooth("holes", 19)
        let focus = focus(&random)
        let start = coarse(focus.x, focus.y) + fine * detail(focus.x, focus.y) + share
        var field = fields.epithelium, hole = fields.epithelium
        for row in 0..<fields.rows {
            for column in 0..<fields.columns {
                let (x, y) = fields.place(column, row), index = row * fields.columns + column
                field[index] = Float(coarse(x, y) + fine * detail(x, y) + share + focus.lift(x, y, from: start))
                hole[index] = Float(holes(x, y) - 1.75)
            }
        }
        fields.epithelium = depths(field, scale: Float(0.4 / spacing))
        let open = depths(hole, scale: 0.02)
        for index in open.indices { fields.lumen[index] = min(open[index], fields.epithelium[index] - 9) }
    }

    /// Cords along the fibres: where stretched noise passes through 0, broken where a smooth field is low.
    private mutating func layCords(_ random: inout PhiloxStream) {
        let lines = TissueNoise(random: draws.stream("cords"))
        let breaks = smooth("cords.breaks", 22), tumour = smooth("cords.where", 160)
        var field = fields.epithelium
        let focus = focus(&random)
        let start = 0.8 * breaks(focus.x, focus.y) + 0.7 * tumour(focus.x, focus.y) + 0.45
        var level = field
        for row in 0..<fields.rows {
            for column in 0..<fields.columns {
                let (x, y) = fields.place(column, row), index = row * fields.columns + column
                let (along, across) = fibres.coordinates(x, y, nearness: 0)
                level[index] = abs(
                    lines(along / 46, across / 17) + 0.45 * lines(along / 21 + 9.3, across / 13 + 4.1) + 0.06)
                field[index] = Float(
                    min(1, 0.8 * breaks(x, y) + 0.7 * tumour(x, y) + 0.45 + focus.lift(x, y, from: start)))
            }
        }
        let distance = depths(level, scale: 0.022)
        let half = Float(0.62 * traits.diameter)
        for index in field.indices {
            fields.epithelium[index] = min(half - distance[index], 14 * field[index])
        }
    }

    // MARK: Fat

    /// Whole fat cells: a Voronoi diagram of jittered seeds, those whose seed lies where a smooth field is high.
    private mutating func layFat() {
        guard traits.fat > 0 else { return }
        let side = 52.0, offset = reach
        let region = smooth("fat", 190)
        let columns = Int((fields.width + 2 * offset) / side) + 3, rows = Int((fields.height + 2 * offset) / side) + 3
        var random = draws.stream("fat.cells")
        // The share of a normal field above a threshold, roughly.
        let threshold = 1.25 - 2.4 * traits.fat
        let seeds = (0..<columns * rows).map { cell in
            let x = (Double(cell % columns) + random.uniform(in: 0.1...0.9)) * side - offset
            let y = (Double(cell / columns) + random.uniform(in: 0.1...0.9)) * side - offset
            return (x: x, y: y, isFat: region(x, y) > threshold && fields.corner(x, y)(fields.epithelium) < -24)
        }
        guard seeds.contains(where: \.isFat) else { return }
        for row in 0..<fields.rows {
            for column in 0..<fields.columns {
                let index = row * fields.columns + column
                let place = fields.place(column, row), (x, y) = bend(place.x, place.y)
                let c = Int((x + offset) / side), r = Int((y + offset) / side)
                let near = max(0, r - 2)...max(0, min(rows - 1, r + 2))
                let across = max(0, c - 2)...max(0, min(columns - 1, c + 2))
                var first = (d: Double.infinity, cell: 0)
                for j in near {
                    for i in across {
                        let cell = j * columns + i, d = hypotenuse(seeds[cell].x - x, seeds[cell].y - y)
                        if d < first.d { first = (d, cell) }
                    }
                }
                guard seeds[first.cell].isFat else { continue }
                // The smooth minimum of the distances to all neighbours: round corners.
                var sum = 0.0
                for j in near {
                    for i in across where j * columns + i != first.cell {
                        let seed = seeds[j * columns + i]
                        sum += exponential(-(hypotenuse(seed.x - x, seed.y - y) - first.d) / 2 / 2.5)
                    }
                }
                let inside = Float(min(-2.5 * logarithm(max(sum, 1e-9)) - 0.55, 38 - first.d))
                fields.fat[index] = min(inside, -fields.epithelium[index] - 8, -fields.blood[index] - 4)
            }
        }
    }
}
