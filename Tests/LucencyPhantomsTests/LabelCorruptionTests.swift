import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyPhantoms
import Testing

@Suite struct LabelCorruptionTests {
    /// Three discs of class 1, a bar of class 2, a speck of class 7 and a band of ignored pixels, at 0.5 mm.
    private func scene(depth: Int = 1, side: Int = 96) throws -> LabelMap {
        let discs = [(20, 20, 12), (70, 24, 9), (26, 68, 15)]
        let labels = (0..<depth * side * side).map { i -> Int32 in
            let x = i % side, y = i / side % side
            if y >= 90 { return -1 }
            if x == 50 && y == 50 { return 7 }
            if (60..<72).contains(x) && (45..<85).contains(y) { return 2 }
            return discs.contains { ($0.0 - x) * ($0.0 - x) + ($0.1 - y) * ($0.1 - y) <= $0.2 * $0.2 } ? 1 : 0
        }
        return try LabelMap(
            geometry: Geometry(size: GridSize(side, side, depth), spacing: [0.5, 0.5, 2], source: .stated(.mm)),
            labels: AlignedBuffer(labels), table: [1: LabelClass(name: "disc"), 2: LabelClass(name: "bar")])
    }

    /// Left of a line one class, right of it another.
    private func halves(_ width: Int, _ height: Int) throws -> LabelMap {
        try LabelMap(
            geometry: Geometry(size: GridSize(width, height)),
            labels: AlignedBuffer((0..<width * height).map { $0 % width < width / 2 ? 1 : 0 }))
    }

    private func applied(_ step: any LabelCorruptionStep, _ labels: LabelMap, seed: UInt64 = 1) throws -> LabelMap {
        try LabelCorruption([step])(labels, random: PhiloxStream(seed: seed))
    }

    private func count(_ labels: LabelMap, _ label: Int32) -> Int { labels.labels.array.filter { $0 == label }.count }

    private static let steps: [any LabelCorruptionStep] = [
        AnnotationNoise(), BoundaryJitter(), MorphologicalBias(), MorphologicalBias(bias: .pixels(-2)),
        MissingObjects(probability: 0.5), SpuriousObjects(), AffineShift(), PolygonSimplification(), Scribbles(),
        Points(), Boxes(),
    ]

    @Test(arguments: [1, 3]) func `every step changes something and keeps geometry, table and ignored pixels`(
        depth: Int
    ) throws {
        let labels = try scene(depth: depth)
        for step in Self.steps {
            let found = try applied(step, labels)
            #expect(found.geometry == labels.geometry)
            #expect(found.table == labels.table)
            #expect(found != labels, "\(step)")
            #expect(zip(labels.labels.array, found.labels.array).allSatisfy { $0 != -1 || $1 == -1 }, "\(step)")
            let known: Set<Int32> = [-1, 0, 1, 2, 7]
            #expect(known.isSuperset(of: found.presentLabels()))
        }
    }

    @Test func `a result depends on the item's name, not on threads`() throws {
        let labels = try scene(depth: 3), corruption = LabelCorruption(Self.steps)
        let threads = ThreadPool(threads: 3)
        for step in Self.steps {
            let one = LabelCorruption([step])
            let stream = PhiloxStream(seed: 9, stream: "spoil/patient1/slice3")
            #expect(try one(labels, random: stream) == one(labels, random: stream, pool: threads), "\(step)")
        }
        // Dilation by a fixed length, boxes and polygons are the same whatever the stream; the others together are not.
        let a = try corruption(labels, random: PhiloxStream(seed: 9, stream: "spoil/a"))
        #expect(try a == corruption(labels, random: PhiloxStream(seed: 9, stream: "spoil/a"), pool: threads))
        for step in [BoundaryJitter(), MissingObjects(probability: 0.5), Scribbles(), Points()]
            as [any LabelCorruptionStep]
        {
            let results = try (0..<6).map { try applied(step, labels, seed: UInt64($0)).labels.array }
            #expect(Set(results).count > 1, "\(step)")
        }
    }

    @Test func `a later step's draws do not depend on an earlier step's settings`() throws {
        let labels = try scene()
        let few = LabelCorruption([SpuriousObjects(count: 0), MissingObjects(probability: 0.5)])
        let alone = LabelCorruption([MorphologicalBias(bias: .pixels(0)), MissingObjects(probability: 0.5)])
        for seed in 0..<5 {
            let random = PhiloxStream(seed: UInt64(seed))
            #expect(try few(labels, random: random) == alone(labels, random: random))
        }
    }

    // MARK: Noise

    @Test func `jitter of no amplitude changes nothing`() throws {
        let labels = try scene(depth: 2)
        #expect(try applied(BoundaryJitter(amplitude: .pixels(0)), labels) == labels)
    }

    @Test(arguments: [2.0, 5.0]) func `a straight border moves as far as the amplitude says`(amplitude: Double) throws {
        let width = 80, height = 3000
        let step = BoundaryJitter(amplitude: .pixels(amplitude), correlation: .pixels(15))
        let found = try applied(step, halves(width, height)).labels.array
        // The signed distance is how much longer the row's run of 1 became; a border that folds over counts its net length.
        let moves = (0..<height).map { y in
            Double(found[y * width..<(y + 1) * width].filter { $0 == 1 }.count - width / 2)
        }
        let square = moves.reduce(0) { $0 + $1 * $1 } / Double(height)
        let mean = moves.reduce(0) { $0 + abs($1) } / Double(height)
        #expect(abs(square.squareRoot() - amplitude) < 0.2 * amplitude)
        #expect(abs(mean - amplitude * (2 / Double.pi).squareRoot()) < 0.2 * amplitude)
        // Smooth: neighbouring rows move alike.
        let steps = zip(moves, moves.dropFirst()).map { abs($0 - $1) }.reduce(0, +) / Double(height)
        #expect(steps < 0.35 * amplitude)
    }

    @Test func `jitter in millimetres is jitter in pixels of that size`() throws {
        let labels = try scene()
        let millimetres = BoundaryJitter(amplitude: .millimetres(1), correlation: .millimetres(5))
        let pixels = BoundaryJitter(amplitude: .pixels(2), correlation: .pixels(10))
        #expect(try applied(millimetres, labels) == applied(pixels, labels))
    }

    @Test func `slices near to each other are displaced alike, far ones not`() throws {
        func similarity(_ spacing: Double) throws -> Double {
            let one = try halves(64, 64).labels.array
            let labels = try LabelMap(
                geometry: Geometry(size: GridSize(64, 64, 40), spacing: [1, 1, spacing], source: .stated(.mm)),
                labels: AlignedBuffer((0..<40).flatMap { _ in one }))
            let step = BoundaryJitter(amplitude: .millimetres(3), correlation: .millimetres(12))
            let found = try applied(step, labels).labels.array
            let differing = (0..<39 * 4096).filter { found[$0] != found[$0 + 4096] }.count
            return Double(differing) / 39 / 64
        }
        #expect(try similarity(1) < 0.8)
        #expect(try similarity(40) > 2)
    }

    @Test func `bias moves borders by its length, over background only`() throws {
        let labels = try scene()
        let wide = try applied(MorphologicalBias(bias: .millimetres(1.5)), labels)
        #expect(
            try wide.labels
                == Morphology(.dilate(StructuringElement(.ball, radius: .pixels(3))))(
                    labels.ignoringNothing()
                ).labels.ignored(like: labels))
        #expect(zip(labels.labels.array, wide.labels.array).allSatisfy { $0 == 0 || $0 == $1 })
        let tight = try applied(MorphologicalBias(bias: .pixels(-3), classes: [1]), labels)
        #expect(count(tight, 2) == count(labels, 2))
        #expect(count(tight, 1) < count(labels, 1))
        #expect(zip(labels.labels.array, tight.labels.array).allSatisfy { $0 == $1 || ($0 == 1 && $1 == 0) })
        #expect(try applied(MorphologicalBias(bias: .pixels(0)), labels) == labels)
        // With a spread, label maps differ.
        let spread = MorphologicalBias(bias: .pixels(0), spread: .pixels(2))
        let areas = try (0..<12).map { count(try applied(spread, labels, seed: UInt64($0)), 1) }
        #expect((areas.min() ?? 0) < count(labels, 1) && (areas.max() ?? 0) > count(labels, 1))
    }

    @Test func `all objects are missing at probability 1 and none at 0`() throws {
        let labels = try scene(depth: 2)
        #expect(try applied(MissingObjects(probability: 1), labels).presentLabels() == [-1, 0])
        #expect(try applied(MissingObjects(probability: 0), labels) == labels)
        let bars = try applied(MissingObjects(probability: 1, classes: [2]), labels)
        #expect(bars.presentLabels() == [-1, 0, 1, 7])
        #expect(count(bars, 1) == count(labels, 1))
    }

    @Test func `an object is missing as a whole, as often as the probability says`() throws {
        let labels = try scene()
        let areas = Set(try ComponentRuns(labels, .labels, .full).pixelCounts)
        var missing = 0
        for seed in 0..<200 {
            let found = try applied(MissingObjects(probability: 0.3), labels, seed: UInt64(seed))
            let left = try ComponentRuns(found, .labels, .full)
            #expect(areas.isSuperset(of: left.pixelCounts))
            // Six components with the ignored band, which stays.
            missing += 6 - left.values.count
        }
        #expect(abs(Double(missing) / 1000 - 0.3) < 0.05)
    }

    @Test func `spurious objects lie on background and are as many and as large as asked for`() throws {
        let empty = try LabelMap(
            geometry: Geometry(size: GridSize(400, 400)), labels: AlignedBuffer(repeating: 0, count: 160_000))
        let step = SpuriousObjects(count: 3, smallest: .pixels(6), largest: .pixels(6), label: 4)
        for seed in 0..<8 {
            let found = try applied(step, empty, seed: UInt64(seed))
            #expect(found.presentLabels() == [0, 4])
            let objects = try ComponentRuns(found, .labels, .full)
            #expect(objects.values.count <= 3)
            #expect(Double(count(found, 4)) < 3 * 1.1 * .pi * 36)
        }
        let labels = try scene()
        let found = try applied(SpuriousObjects(count: 20, label: 2), labels)
        #expect(zip(labels.labels.array, found.labels.array).allSatisfy { $0 == $1 || ($0 == 0 && $1 == 2) })
    }

    @Test func `an affine shift turns about the middle and moves by no more than its range`() throws {
        let labels = try scene()
        let turn = AffineShift(translation: .pixels(0), rotation: Interval(90, 90), scale: 1)
        let turned = try applied(turn, labels.withoutIgnore())
        // A quarter turn is exact: (x, y) comes from (y, side − 1 − x) or its opposite.
        let side = 96, before = labels.withoutIgnore().labels.array, after = turned.labels.array
        #expect((0..<side * side).allSatisfy { after[$0] == before[(side - 1 - $0 % side) * side + $0 / side] })
        let still = AffineShift(translation: .pixels(0), rotation: 0, scale: 1)
        #expect(try applied(still, labels) == labels)
        for seed in 0..<10 {
            let step = AffineShift(translation: .millimetres(2), rotation: 0, scale: 1)
            let found = try applied(step, labels.withoutIgnore(), seed: UInt64(seed))
            let place = found.labels.array.firstIndex(of: 7) ?? 0
            #expect(abs(place % side - 50) <= 4 && abs(place / side - 50) <= 4)
        }
        let double = AffineShift(translation: .pixels(0), rotation: 0, scale: 2)
        let grown = try applied(double, halves(60, 60)), same = try halves(60, 60)
        #expect(grown == same)
        #expect(abs(Double(count(try applied(double, labels.withoutIgnore()), 2)) / 1920 - 0.95) < 0.3)
    }

    @Test func `polygons keep outlines within their tolerance and have fewer corners`() throws {
        let labels = try scene()
        #expect(try applied(PolygonSimplification(tolerance: .pixels(0)), labels) == labels)
        let found = try applied(PolygonSimplification(tolerance: .pixels(3)), labels)
        // Pixels that changed lie within 3 px and half a diagonal of the old border.
        for label: Int32 in [1, 2] {
            let inside = try distances(labels, to: { $0 != label }),
                outside = try distances(labels, to: { $0 == label })
            for (index, pair) in zip(labels.labels.array, found.labels.array).enumerated() where pair.0 != pair.1 {
                if pair.0 == label { #expect(inside[index] <= 3.8) }
                if pair.1 == label { #expect(outside[index] <= 3.8) }
            }
        }
        // The bar is a rectangle already.
        #expect(zip(labels.labels.array, found.labels.array).allSatisfy { $0 != 2 || $1 == 2 })
        #expect(count(found, 1) != count(labels, 1))
    }

    @Test func `polygons keep holes`() throws {
        let ring = try LabelMap(
            geometry: Geometry(size: GridSize(64, 64)),
            labels: AlignedBuffer(
                (0..<4096).map { i -> Int32 in
                    let d = (i % 64 - 32) * (i % 64 - 32) + (i / 64 - 32) * (i / 64 - 32)
                    return d < 700 && d > 150 ? 3 : 0
                }))
        let found = try applied(PolygonSimplification(tolerance: .pixels(2)), ring)
        #expect(found.labels[32 * 64 + 32] == 0)
        #expect(try ComponentRuns(found, .labels, .full).values == [3])
        #expect(found != ring)
    }

    // MARK: Weak labels

    @Test(arguments: [1, 2]) func `scribbles and points carry true labels only and mark every class`(depth: Int) throws
    {
        let labels = try scene(depth: depth)
        let weak: [any LabelCorruptionStep] = [
            Scribbles(), Scribbles(width: .millimetres(2), fraction: 0), Points(), Points(radius: .pixels(0)),
            Points(perObject: false),
        ]
        for step in weak {
            for seed in 0..<5 {
                let found = try applied(step, labels, seed: UInt64(seed))
                #expect(zip(found.labels.array, labels.labels.array).allSatisfy { $0 == -1 || $0 == $1 })
                #expect(found.presentLabels() == [-1, 0, 1, 2, 7], "\(step)")
                let marked = found.labels.array.filter { $0 != -1 }.count
                #expect(Double(marked) < 0.15 * Double(labels.labels.count))
            }
        }
        let bare = try applied(Scribbles(background: false), labels)
        #expect(bare.presentLabels() == [-1, 1, 2, 7])
        #expect(try applied(Points(background: 0), labels).presentLabels() == [-1, 1, 2, 7])
    }

    @Test func `scribbles run along the middle of a bar`() throws {
        let labels = try scene()
        let step = Scribbles(strokes: 1, width: .pixels(1), fraction: 1, background: false)
        var longest = 0
        for seed in 0..<5 {
            let found = try applied(step, labels, seed: UInt64(seed)).labels.array
            let columns = (0..<96 * 96).filter { found[$0] == 2 }.map { $0 % 96 }
            let rows = Set((0..<96 * 96).filter { found[$0] == 2 }.map { $0 / 96 })
            longest = max(longest, rows.count)
            let mean = Double(columns.reduce(0, +)) / Double(columns.count)
            #expect(abs(mean - 65.5) < 2.5)
        }
        #expect(longest > 20)
    }

    @Test func `every object gets its points`() throws {
        let labels = try scene()
        let found = try applied(Points(count: 2, background: 0, radius: .pixels(0)), labels)
        let objects = try Components()(labels.withoutIgnore())
        for object in objects.presentLabels() where object != 0 {
            let marked = zip(objects.labels.array, found.labels.array).filter { $0 == object && $1 != -1 }.count
            #expect(marked == min(2, objects.labels.array.count { $0 == object }))
        }
    }

    @Test func `boxes are the objects' bounding boxes`() throws {
        let labels = try scene(depth: 2).withoutIgnore()
        let found = try applied(Boxes(), labels)
        #expect(found.labels[(20 - 12) * 96 + 20 - 12] == 1)
        #expect(count(found, 1) == 2 * (25 * 25 + 19 * 19 + 31 * 31))
        #expect(count(found, 2) == count(labels, 2))
        #expect(count(found, 7) == 2)
        let wide = try applied(Boxes(margin: .millimetres(2)), labels)
        // 1 pixel of 2 mm along z (cut by the grid), 4 pixels of 0.5 mm within slices.
        #expect(count(wide, 7) == 2 * 81)
        let overlapping = try LabelMap(
            geometry: Geometry(size: GridSize(9, 9)),
            labels: AlignedBuffer((0..<81).map { $0 % 9 == 0 || $0 / 9 == 0 ? 1 : $0 == 40 ? 2 : 0 }))
        let boxed = try applied(Boxes(), overlapping)
        #expect(boxed.labels[40] == 2)
        #expect(count(boxed, 1) == 80)
    }

    // MARK: Refusals and the ignore value

    @Test func `ignored pixels can get a value that files hold`() throws {
        let labels = try scene()
        let corruption = LabelCorruption([Scribbles()], ignoreValue: 255)
        let found = try corruption(labels, random: PhiloxStream(seed: 1))
        #expect(found.presentLabels() == [0, 1, 2, 7, 255])
        let plain = try applied(Scribbles(), labels)
        #expect(zip(found.labels.array, plain.labels.array).allSatisfy { $0 == $1 || ($0 == 255 && $1 == -1) })
        let changes = try LabelCorruption.changes(from: labels, to: found, ignoreValue: 255)
        #expect(changes.presentLabels() == [0])
        for value in [7, 2] {
            let clash = LabelCorruption([Scribbles()], ignoreValue: value)
            let error = #expect(throws: Diagnostic.self) { try clash(labels, random: PhiloxStream(seed: 1)) }
            #expect(error?.code == .badLabel)
        }
        for value in [0, -2] {
            #expect(throws: Diagnostic.self) { try LabelCorruption([], ignoreValue: value).check() }
        }
    }

    @Test func `the value of ignored pixels has a name where labels have names`() throws {
        let labels = try scene(), corruption = LabelCorruption([Scribbles()], ignoreValue: 255)
        let table = try corruption(labels, random: PhiloxStream(seed: 1)).table
        #expect(table[255]?.name == "ignored" && table[1]?.name == "disc" && table.count == 3)
        #expect(try corruption(halves(30, 30), random: PhiloxStream(seed: 1)).table.isEmpty)
    }

    @Test func `spurious objects get a label that the table knows`() throws {
        let step = SpuriousObjects(count: 3, label: 77)
        let error = #expect(throws: Diagnostic.self) { try applied(step, scene()) }
        #expect(error?.code == .badLabel && error?.remedy?.contains("1 (disc), 2 (bar)") == true)
        #expect(try applied(step, halves(40, 40)).presentLabels().contains(77))
    }

    @Test func `the value of ignored pixels is none of the classes that steps name`() throws {
        let steps: [any LabelCorruptionStep] = [
            AnnotationNoise(order: [2, 9]), MissingObjects(classes: [9]), MorphologicalBias(classes: [9]),
            SpuriousObjects(label: 9),
        ]
        for step in steps {
            let error = #expect(throws: Diagnostic.self) { try LabelCorruption([step], ignoreValue: 9).check() }
            #expect(error?.code == .badArgument && error?.message.contains("9 is the value of ignored pixels") == true)
            try LabelCorruption([step], ignoreValue: 10).check()
        }
    }

    @Test func `changed pixels are those whose label differs`() throws {
        let labels = try scene()
        let found = try applied(MissingObjects(probability: 1, classes: [2]), labels)
        let changes = try LabelCorruption.changes(from: labels, to: found, ignoreValue: -1)
        #expect(zip(changes.labels.array, labels.labels.array).allSatisfy { ($0 == 1) == ($1 == 2) })
        #expect(throws: Diagnostic.self) {
            try LabelCorruption.changes(from: labels, to: halves(9, 9), ignoreValue: -1)
        }
    }

    @Test func `a length in millimetres needs a stated spacing`() throws {
        let labels = try halves(30, 30)
        let steps: [any LabelCorruptionStep] = [
            BoundaryJitter(amplitude: .millimetres(1)), MorphologicalBias(bias: .millimetres(1)),
            SpuriousObjects(count: 1, smallest: .millimetres(1), largest: .millimetres(2)),
            AffineShift(translation: .millimetres(1)), PolygonSimplification(tolerance: .millimetres(1)),
            Scribbles(width: .millimetres(1)), Points(radius: .millimetres(1)), Boxes(margin: .millimetres(1)),
        ]
        for step in steps {
            let error = #expect(throws: Diagnostic.self, "\(step)") { try applied(step, labels) }
            #expect(error?.code == .assumedSpacing)
        }
    }

    @Test func `lengths beyond all measure are no danger`() throws {
        let far = Length(1e300, .m), labels = try scene()
        let steps: [any LabelCorruptionStep] = [
            BoundaryJitter(amplitude: far, correlation: far), MorphologicalBias(bias: far),
            MorphologicalBias(bias: Length(-1e300, .m)), SpuriousObjects(count: 2, smallest: far, largest: far),
            AffineShift(translation: far), PolygonSimplification(tolerance: far), Scribbles(width: far),
            Points(radius: far), Boxes(margin: far),
        ]
        for step in steps { #expect(try applied(step, labels).size == labels.size) }
        let flat = try LabelMap(
            geometry: Geometry(size: GridSize(40, 40), spacing: [1e-200, 1e200, 1], source: .stated(.mm)),
            labels: AlignedBuffer((0..<1600).map { $0 % 7 == 0 ? 1 : 0 }))
        for step in Self.steps { #expect(try applied(step, flat).size == flat.size) }
    }

    @Test func `grids of one pixel and maps of one label are no danger`() throws {
        for label: Int32 in [-1, 0, 3] {
            for size in [GridSize(1, 1), GridSize(1, 9), GridSize(9, 1), GridSize(5, 5, 3)] {
                let labels = try LabelMap(
                    geometry: Geometry(size: size), labels: AlignedBuffer(repeating: label, count: size.count))
                for step in Self.steps { #expect(try applied(step, labels).size == size) }
            }
        }
    }

    @Test func `impossible settings are refused`() throws {
        let steps: [any LabelCorruptionStep] = [
            BoundaryJitter(amplitude: .pixels(-1)), BoundaryJitter(correlation: .pixels(0)),
            BoundaryJitter(correlation: .pixels(0.5)), BoundaryJitter(amplitude: .pixels(.nan)),
            MorphologicalBias(bias: .pixels(.infinity)), MorphologicalBias(spread: .pixels(-1)),
            MorphologicalBias(bias: .pixels(1), spread: .millimetres(1)), MissingObjects(probability: 2),
            SpuriousObjects(count: Interval(3, 1)), SpuriousObjects(smallest: .pixels(9), largest: .pixels(3)),
            SpuriousObjects(smallest: .pixels(1), largest: .millimetres(3)), SpuriousObjects(label: 0),
            AffineShift(translation: .pixels(-1)), AffineShift(rotation: Interval(0, 500)), AffineShift(scale: 0),
            PolygonSimplification(tolerance: .pixels(-1)), Scribbles(strokes: 0), Scribbles(width: .pixels(0)),
            Scribbles(fraction: Interval(0.5, 1.5)), Points(count: 0), Points(background: -1),
            Points(radius: .pixels(-1)), Boxes(margin: .pixels(-1)), MissingObjects(classes: [0]),
            MissingObjects(classes: [1, 1]), MorphologicalBias(classes: [-1]), MorphologicalBias(classes: [1 << 40]),
        ]
        for step in steps {
            let error = #expect(throws: Diagnostic.self, "\(step)") { try applied(step, scene()) }
            #expect(error?.code == .badArgument)
        }
        // Told without a label map, where no spacing is needed.
        #expect(throws: Diagnostic.self) { try BoundaryJitter(correlation: .pixels(0.5)).check() }
    }

    private func distances(_ labels: LabelMap, to isTarget: (Int32) -> Bool) throws -> [Double] {
        let whole = Region(x: 0, y: 0, z: 0, size: labels.size)
        return DistanceTransform.squared(to: Mask(labels, in: whole, where: isTarget), spacing: [1, 1, 1]).array
            .map { $0.squareRoot() }
    }
}

extension LabelMap {
    /// Background in place of ignored pixels.
    fileprivate func withoutIgnore() -> LabelMap {
        let labels = AlignedBuffer(labels.array.map { max($0, 0) })
        return (try? LabelMap(geometry: geometry, labels: labels, table: table)) ?? self
    }

    /// Another label, 99, in place of ignored pixels, so that nothing grows over them.
    fileprivate func ignoringNothing() -> LabelMap {
        let labels = AlignedBuffer(labels.array.map { $0 == -1 ? 99 : $0 })
        return (try? LabelMap(geometry: geometry, labels: labels, table: table)) ?? self
    }
}

extension AlignedBuffer<Int32> {
    fileprivate func ignored(like other: LabelMap) -> AlignedBuffer<Int32> {
        AlignedBuffer(zip(array, other.labels.array).map { $1 == -1 ? -1 : $0 == 99 ? 0 : $0 })
    }
}
