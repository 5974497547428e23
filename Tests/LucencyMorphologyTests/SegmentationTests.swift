import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct SegmentationTests {
    private func fixture(_ key: String) throws -> JSONValue {
        try #require(Fixture.json("segmentation.json")[key])
    }
    private func cases(_ key: String, _ count: Int) throws -> [JSONValue] {
        let cases = try #require(fixture(key).arrayValue)
        #expect(cases.count == count)
        return cases
    }
    private func numbers(_ tensor: JSONValue?) throws -> [Int32] { try #require(tensor).tensorData.map { Int32($0) } }
    private func row(_ values: [Float]) throws -> Image {
        try Image(geometry: Geometry(size: GridSize(values.count, 1)), pixels: AlignedBuffer(values))
    }

    // MARK: Thresholds

    @Test func globalLevelsAreScikitImages() throws {
        for entry in try cases("levels", 3) {
            let image = try Fixture.image(entry["image"])
            let isWhole = image.pixels.array.allSatisfy { $0 == $0.rounded() }
            func expect(_ level: Double?, _ key: String, within tolerance: Double) throws {
                let expected = try #require(entry[key]?.doubleValue)
                #expect(abs((level ?? .nan) - expected) <= tolerance, "\(key)")
            }
            try expect(Threshold(.li).level(of: image), "li", within: isWhole ? 1e-4 : 1e-6)
            // Real values fall into the same bins but for rounding.
            try expect(Threshold(.triangle).level(of: image), "triangle", within: isWhole ? 0 : 5e-4)
            for classes in 2...4 {
                guard let expected = entry["multi\(classes)"]?.arrayValue?.compactMap(\.doubleValue) else { continue }
                let levels = try Threshold(.multiOtsu(classes: classes)).classLevels(of: image)
                #expect(levels.count == classes - 1)
                for (level, number) in zip(levels, expected) {
                    #expect(abs(level - number) <= (isWhole ? 0 : 1.5e-3), "\(classes) classes")
                }
            }
            if isWhole {
                #expect(try Threshold(.multiOtsu(classes: 2)).classLevels(of: image) == [Threshold().level(of: image)])
            }
        }
    }

    @Test func `the triangle's level of few values with fractions is scikit-image's`() throws {
        for entry in try cases("triangles", 3) {
            let image = try Fixture.image(entry["image"])
            let expected = try #require(entry["level"]?.doubleValue)
            let level = try #require(try Threshold(.triangle).level(of: image))
            #expect(abs(level - expected) <= 1e-6 * abs(expected))
        }
    }

    @Test func severalClassesAreLabelledFromDarkToBright() throws {
        let image = try row([1, 2, 1, 50, 52, 50, 90, 91, 90])
        let labels = try Threshold(.multiOtsu(classes: 3))(image)
        #expect(labels.labels.array == [0, 0, 0, 1, 1, 1, 2, 2, 2] && labels.table[2]?.name == "class 2")
        let dark = try Threshold(.multiOtsu(classes: 3), foreground: .dark)(image)
        #expect(dark.labels.array == [2, 2, 2, 1, 1, 1, 0, 0, 0])
    }

    @Test func niblackIsScikitImages() throws {
        for entry in try cases("niblack", 3) {
            let window = Length.pixels(entry["window"]?.doubleValue ?? 0)
            let levels = try Threshold(.niblack(window: window, k: entry["k"]?.doubleValue ?? 0))
                .levels(of: Fixture.image(entry["image"]))
            for (level, expected) in zip(levels.pixels.array, try #require(entry["levels"]).tensorData) {
                #expect(abs(Double(level) - expected) < 1e-3)
            }
        }
    }

    @Test func hysteresisIsScikitImagesAndItsMirrorImage() throws {
        for entry in try cases("hysteresis", 2) {
            let image = try Fixture.image(entry["image"])
            let low = entry["low"]?.doubleValue ?? 0, high = entry["high"]?.doubleValue ?? 0
            for connectivity in Connectivity.allCases {
                let labels = try Threshold(.hysteresis(low: low, high: high, connectivity: connectivity))(image)
                #expect(try labels.labels.array == numbers(entry[connectivity.rawValue]))
                // Whole numbers: dark ones at or below are bright ones above, turned around.
                let turned = try Image(
                    geometry: image.geometry, pixels: AlignedBuffer(image.pixels.array.map { 255 - $0 }))
                let dark = Threshold(
                    .hysteresis(low: 254 - high, high: 254 - low, connectivity: connectivity), foreground: .dark)
                #expect(try dark(turned).labels == labels.labels)
            }
        }
    }

    @Test func impossibleThresholdsAreRefused() throws {
        let image = try row([1, 2, 3]), flat = try row([2, 2])
        let colors = try Image(
            geometry: Geometry(size: GridSize(1, 1)), colorModel: .rgb, pixels: AlignedBuffer([1, 2, 3]))
        for method in [Threshold.Method.li, .triangle, .multiOtsu(classes: 2), .niblack(window: .pixels(3), k: 0.2)] {
            #expect(code { try Threshold(method)(flat) } == .undefinedResult)
            #expect(code { try Threshold(method)(colors) } == .channelMismatch)
        }
        #expect(code { try Threshold(.hysteresis(low: 0, high: 1))(colors) } == .channelMismatch)
        #expect(code { try Threshold(.multiOtsu(classes: 1))(image) } == .badArgument)
        #expect(code { try Threshold(.multiOtsu(classes: 17))(image) } == .badArgument)
        #expect(code { try Threshold(.multiOtsu(classes: 4))(image) } == .undefinedResult)
        #expect(code { try Threshold(.hysteresis(low: 2, high: 1))(image) } == .badArgument)
        #expect(code { try Threshold(.hysteresis(low: .nan, high: 1))(image) } == .badArgument)
        #expect(code { try Threshold(.niblack(window: .pixels(4), k: 0.2))(image) } == .badArgument)
        #expect(code { try Threshold(.niblack(window: .pixels(3), k: .nan))(image) } == .badArgument)
    }

    // MARK: Shapes

    @Test func skeletonsAreScikitImagesThinning() throws {
        for entry in try cases("thin", 3) {
            #expect(
                try Morphology(.skeleton)(Fixture.labels(entry["mask"])).labels.array == numbers(entry["thin"]))
        }
    }

    @Test func convexHullsAreScikitImages() throws {
        for entry in try cases("hulls", 4) {
            #expect(
                try Morphology(.convexHull)(Fixture.labels(entry["mask"])).labels.array == numbers(entry["hull"]))
        }
    }

    @Test func eachLabelHasItsOwnSkeletonAndHull() throws {
        let map = try Fixture.drawn("111.2.2", "111....", "111.222", ".......")
        #expect(try Morphology(.skeleton)(map).drawing == ["....2.2", ".1.....", "....222", "......."])
        #expect(try Morphology(.convexHull)(map).drawing == ["111.222", "111.222", "111.222", "......."])
        let volume = try LabelMap(
            geometry: Geometry(size: GridSize(2, 2, 2)), labels: AlignedBuffer(repeating: 1, count: 8))
        #expect(code { try Morphology(.skeleton)(volume) } == .badArgument)
        #expect(code { try Morphology(.convexHull)(volume) } == .badArgument)
    }

    // MARK: Watershed

    @Test func floodingFromMarkersIsScikitImages() throws {
        for entry in try cases("flood", 2) {
            let mask = try Fixture.labels(entry["mask"])
            let flooded = try Watershed()(
                mask, markers: Fixture.labels(entry["markers"]), landscape: Fixture.image(entry["landscape"]))
            #expect(try flooded.labels.array == numbers(entry["labels"]))
        }
    }

    @Test func peaksThatStandOutAreThoseOfReconstruction() throws {
        for entry in try cases("peaks", 3) {
            let values = try Fixture.image(entry["values"]), height = entry["height"]?.doubleValue ?? 0
            let expected = try #require(entry["peaks"]?.arrayValue).compactMap(\.intValue)
            #expect(expected.count > 3)
            #expect(Peaks.indices(of: values, above: height) == expected)
        }
    }

    @Test func touchingCirclesAreDividedAtTheirNecks() throws {
        let mask = try Fixture.labels(fixture("circles"))
        let objects = try Watershed()(mask)
        let found = Set(objects.labels.array)
        #expect(found == [0, 1, 2, 3, 4])
        #expect(zip(mask.labels.array, objects.labels.array).allSatisfy { ($0 == 0) == ($1 == 0) })
        let centres = [(15, 15), (18, 33), (34, 24), (40, 44)].map { objects.labels[$0.0 * 52 + $0.1] }
        #expect(Set(centres).count == 4)
        // A prominence beyond every neck leaves what hangs together whole.
        let whole = try Watershed(prominence: 9)(mask)
        #expect(Set(whole.labels.array).count == Set(try Components()(mask).labels.array).count)
        #expect(try Watershed()(mask, pool: ThreadPool(threads: 3)) == objects)
    }

    @Test func distancesFollowTheSpacingAndWhatIsIgnoredStays() throws {
        // Two blobs side by side and a neck: blobs are 11 px tall and the neck 5 px, which is less than a pixel's width of
        // difference where pixels are a quarter as tall as wide.
        var rows = [String](repeating: ".111111111.111111111.", count: 13)
        rows[0] = String(repeating: ".", count: 21)
        rows[12] = rows[0]
        for y in 4...8 { rows[y] = ".1111111111111111111." }
        func drawn(_ height: Double) throws -> LabelMap {
            try LabelMap(
                geometry: Geometry(size: GridSize(21, 13), spacing: [1, height, 1], source: .stated(.mm)),
                labels: AlignedBuffer(rows.joined().map { $0 == "1" ? 1 : 0 }))
        }
        func objects(_ height: Double, metric: Bool) throws -> Int {
            try Watershed(prominence: 1, smoothing: 0, metric: metric)(drawn(height)).presentLabels().count - 1
        }
        #expect(try objects(1, metric: true) == 2 && objects(1, metric: false) == 2)
        #expect(try objects(0.25, metric: true) == 1 && objects(0.25, metric: false) == 2)
        let drawn = try drawn(1)
        var labels = drawn.labels
        labels[0] = LabelMap.ignoreLabel
        let ignoring = try LabelMap(geometry: drawn.geometry, labels: labels)
        #expect(try Watershed()(ignoring).labels[0] == LabelMap.ignoreLabel)
        let empty = try Fixture.drawn("...")
        #expect(try Watershed()(empty).labels.array == [0, 0, 0])
        // Without a background nothing touches: one object.
        #expect(try Watershed()(Fixture.drawn("11", "11")).labels.array == [1, 1, 1, 1])
    }

    @Test func impossibleWatershedsAreRefused() throws {
        let mask = try Fixture.drawn(".11.", ".11."), other = try Fixture.drawn(".11.")
        let colors = try Image(
            geometry: mask.geometry, colorModel: .rgb, pixels: AlignedBuffer(repeating: 0, count: 24))
        #expect(code { try Watershed(prominence: -1)(mask) } == .badArgument)
        #expect(code { try Watershed(smoothing: .nan)(mask) } == .badArgument)
        #expect(code { try Watershed()(mask, markers: other) } == .geometryMismatch)
        #expect(code { try Watershed()(mask, landscape: colors) } == .channelMismatch)
        #expect(code { try Watershed(metric: true)(mask) } == .assumedSpacing)
    }

    // MARK: Masks

    @Test func whatLiesOutsideAMaskIsBackgroundOrIgnored() throws {
        let labels = try Fixture.drawn("12", "31"), mask = try Fixture.drawn("10", "02")
        #expect(try WithinMask()(labels, mask: mask).drawing == ["1.", ".1"])
        #expect(try WithinMask(outside: .ignore)(labels, mask: mask).labels.array == [1, -1, -1, 1])
        let image = try Image(
            geometry: labels.geometry, colorModel: .grayAlpha, pixels: AlignedBuffer([1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(try WithinMask(value: 9)(image, mask: mask).pixels.array == [1, 9, 9, 4, 5, 6, 7, 8])
        let other = try Fixture.drawn("1")
        #expect(code { try WithinMask()(labels, mask: other) } == .geometryMismatch)
        #expect(code { try WithinMask()(image, mask: other) } == .geometryMismatch)
        #expect(code { try WithinMask(value: .infinity)(image, mask: mask) } == .badArgument)
    }

    // MARK: Ridges

    @Test func vesselnessIsScikitImagesAtEachScale() throws {
        for entry in try cases("ridges", 4) {
            let scales = try #require(entry["scales"]?.arrayValue).compactMap(\.doubleValue).map { Length.pixels($0) }
            let filter = Vesselness(
                scales: scales, vessels: Threshold.Foreground(rawValue: entry["vessels"]?.stringValue ?? "") ?? .dark,
                beta: entry["beta"]?.doubleValue ?? 0)
            let image = try Fixture.image(entry["image"]), result = try filter(image)
            let worst =
                zip(result.pixels.array, try #require(entry["result"]).tensorData)
                .map { abs(Double($0) - $1) }.max() ?? .infinity
            #expect(worst < 2e-4)
            #expect(result.pixels.array.contains { $0 > 0.5 } && result.pixels.array.allSatisfy { $0 >= 0 && $0 <= 1 })
            #expect(try filter(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test func vesselnessFollowsTheSpacingAndFlatImagesHaveNone() throws {
        let entry = try #require(fixture("ridges").arrayValue?[0])
        let pixels = try Vesselness(scales: [.pixels(1.5)])(Fixture.image(entry["image"]))
        let metric = try Vesselness(scales: [.millimetres(0.3)])(Fixture.image(entry["image"], spacing: [0.2, 0.2]))
        #expect(zip(pixels.pixels.array, metric.pixels.array).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(try Vesselness()(row([3, 3, 3])).pixels.array == [0, 0, 0])
    }

    @Test func impossibleVesselnessIsRefused() throws {
        let image = try row([1, 2, 3])
        let colors = try Image(
            geometry: Geometry(size: GridSize(1, 1)), colorModel: .rgb, pixels: AlignedBuffer([1, 2, 3]))
        #expect(code { try Vesselness()(colors) } == .channelMismatch)
        #expect(code { try Vesselness(scales: [])(image) } == .badArgument)
        #expect(code { try Vesselness(scales: [.pixels(0)])(image) } == .badArgument)
        #expect(code { try Vesselness(scales: [.millimetres(1)])(image) } == .assumedSpacing)
        #expect(code { try Vesselness(alpha: 0)(image) } == .badArgument)
        #expect(code { try Vesselness(strength: -1)(image) } == .badArgument)
    }

    // MARK: Seeds and superpixels

    @Test func randomWalksAreScikitImagesSolvedDirectly() throws {
        for entry in try cases("walks", 3) {
            let image = try Fixture.image(entry["image"]), seeds = try Fixture.labels(entry["seeds"])
            let walker = RandomWalker(beta: entry["beta"]?.doubleValue ?? 0, tolerance: 1e-7)
            let result = try walker(image, seeds: seeds)
            let expected = try #require(entry["probabilities"]).tensorData
            let worst = zip(result.probabilities.values.array, expected).map { abs(Double($0) - $1) }.max() ?? 1
            #expect(worst < 1e-4)
            // The label is that of the greatest probability, where that is not close.
            let count = image.size.count, present = seeds.presentLabels().filter { $0 > 0 }
            for i in 0..<count where seeds.labels[i] == 0 {
                let values = present.indices.map { expected[$0 * count + i] }, best = values.max() ?? 0
                guard values.count(where: { $0 > best - 1e-3 }) == 1, let plane = values.firstIndex(of: best) else {
                    continue
                }
                #expect(result.labels.labels[i] == present[plane])
            }
            #expect(zip(seeds.labels.array, result.labels.labels.array).allSatisfy { $0 == 0 || $0 == $1 })
            #expect(try walker(image, seeds: seeds, pool: ThreadPool(threads: 3)).probabilities == result.probabilities)
        }
    }

    @Test func whatNoSeedReachesStaysUnlabelled() throws {
        let image = try row([0, 1, 0, 1, 0]), geometry = image.geometry
        let seeds = try LabelMap(geometry: geometry, labels: AlignedBuffer([2, 0, -1, 0, 0]))
        let result = try RandomWalker()(image, seeds: seeds)
        #expect(result.labels.labels.array == [2, 2, -1, 0, 0] && result.probabilities.classes == ["2"])
        let none = try LabelMap(geometry: geometry, labels: AlignedBuffer([0, 0, -1, 0, 0]))
        #expect(code { try RandomWalker()(image, seeds: none) } == .undefinedResult)
        let many = try LabelMap(
            geometry: Geometry(size: GridSize(300, 1)), labels: AlignedBuffer((0..<300).map { Int32($0) }))
        #expect(code { try RandomWalker()(row((0..<300).map { Float($0) }), seeds: many) } == .badLabel)
        #expect(code { try RandomWalker()(row([1, 2]), seeds: seeds) } == .geometryMismatch)
        #expect(code { try RandomWalker(beta: -1)(image, seeds: seeds) } == .badArgument)
        #expect(code { try RandomWalker(tolerance: 0)(image, seeds: seeds) } == .badArgument)
        let far = try LabelMap(
            geometry: Geometry(size: GridSize(40, 1)),
            labels: AlignedBuffer([1] + [Int32](repeating: 0, count: 38) + [2]))
        #expect(
            code { try RandomWalker(tolerance: 1e-9, iterations: 2)(row((0..<40).map { Float($0 * $0) }), seeds: far) }
                == .undefinedResult)
    }

    @Test func superpixelsAreScikitImages() throws {
        for (index, entry) in try cases("slic", 3).enumerated() {
            var image: Image
            if index == 2 {
                let tensor = try #require(entry["image"]), shape = tensor.tensorShape
                image = try Image(
                    geometry: Geometry(size: GridSize(shape[2], shape[1])), colorModel: .rgb,
                    pixels: AlignedBuffer(tensor.tensorData.map { Float($0) }))
            } else {
                image = try Fixture.image(entry["image"])
            }
            let slic = SLIC(
                regions: entry["regions"]?.intValue ?? 0, compactness: entry["compactness"]?.doubleValue ?? 0)
            let labels = try slic(image)
            #expect(try labels.labels.array == numbers(entry["labels"]))
            #expect(try slic(image, pool: ThreadPool(threads: 3)) == labels)
            #expect(try Components(connectivity: .face)(labels).presentLabels().count == labels.presentLabels().count)
        }
    }

    @Test func impossibleSuperpixelsAreRefused() throws {
        let image = try row([1, 2, 3])
        #expect(code { try SLIC(regions: 0)(image) } == .badArgument)
        #expect(code { try SLIC(regions: 2, compactness: 0)(image) } == .badArgument)
        #expect(code { try SLIC(regions: 2, iterations: 0)(image) } == .badArgument)
        #expect(code { try SLIC(regions: 2, smallest: 2)(image) } == .badArgument)
    }

    @Test func `there are no more superpixels than pixels`() throws {
        let image = try row([1, 2, 3])
        #expect(try SLIC(regions: 3)(image).labels.array == [1, 2, 3])
        #expect(try SLIC(regions: 4)(image) == SLIC(regions: 3)(image))
        #expect(try SLIC()(image) == SLIC(regions: 3)(image))
        #expect(try SLIC(regions: .max)(image) == SLIC(regions: 3)(image))
    }
}
