import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import Testing

@Suite struct FingerprintTests {
    private func image(
        _ pixels: [Float], _ size: GridSize, spacing: SIMD3<Double>? = nil, color: ColorModel = .gray,
        stored: SampleType? = nil
    ) throws -> Image {
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try Image(
            geometry: geometry, colorModel: color, pixels: AlignedBuffer(pixels),
            origin: stored.map { Origin(stored: $0) })
    }

    private func labels(_ values: [Int32], like image: Image, _ names: [Int32: String] = [:]) throws -> LabelMap {
        try LabelMap(
            geometry: image.geometry, labels: AlignedBuffer(values), table: names.mapValues { LabelClass(name: $0) })
    }

    /// Two planar cases whose numbers can be reckoned by hand.
    private func survey(_ order: [Int] = [0, 1]) throws -> FingerprintSurvey {
        let first = try image(
            [0, 10, 20, 30, 40, 50], GridSize(3, 2), spacing: [0.5, 0.5, 1], stored: .uint8)
        let second = try image([100, 100, 60, 20], GridSize(2, 2), spacing: [1, 2, 1], stored: .uint16)
        let cases = [
            ("a", first, try labels([0, 1, 0, 0, 1, -1], like: first, [0: "background", 1: "cell"])),
            ("b", second, try labels([2, 0, 0, 2], like: second, [0: "background", 1: "cell", 2: "nucleus"])),
        ]
        var survey = FingerprintSurvey()
        for index in order { try survey.add(cases[index].0, cases[index].1, cases[index].2) }
        return survey
    }

    @Test func `the numbers are those reckoned by hand`() throws {
        let found = try survey().fingerprint()
        #expect(found.cases == 2 && found.planar == 2 && found.color == "gray" && found.pixels == 10)
        #expect(found.sizes.map(\.minimum) == [2, 2] && found.sizes.map(\.median) == [2.5, 2])
        #expect(found.sizes.map(\.tenth) == [2.1, 2] && found.sizes.map(\.maximum) == [3, 2])
        #expect(found.spacings.stated == 2 && found.spacings.assumed == 0 && found.spacings.anisotropic == 0)
        #expect(found.spacings.axes.map(\.median) == [0.75, 1.25])
        #expect(found.spacings.extents.map(\.minimum) == [1.5, 1] && found.spacings.extents.map(\.maximum) == [2, 4])
        #expect(found.stored.types == ["uint8": 1, "uint16": 1])
        #expect(found.stored.minimum == 0 && found.stored.maximum == 100)
        // All pixels: 0 10 20 20 30 40 50 60 100 100.
        let all = found.channels[0].all
        #expect(found.channels.count == 1 && found.channels[0].name == "gray")
        #expect(all.pixels == 10 && all.mean == 43 && all.median == 35 && all.isExact)
        #expect(abs(all.deviation - 33.1813) < 1e-4)
        // Positions 0.045 and 8.955 of the sorted values.
        #expect(abs(all.low - 0.45) < 1e-9 && abs(all.high - 100) < 1e-9)
        // Means of 25 and 70.
        #expect(all.betweenCases == 22.5)
        // Foreground: 10 40 100 20; the ignored pixel is none of it. Means of 25 and 60.
        let foreground = try #require(found.channels[0].foreground)
        #expect(foreground.pixels == 4 && foreground.mean == 42.5 && foreground.median == 30)
        #expect(foreground.betweenCases == 17.5)
    }

    @Test func `class sizes count cases, pixels and connected parts`() throws {
        let found = try survey().fingerprint()
        #expect(found.classes.map(\.name) == ["background", "cell", "nucleus"])
        #expect(found.classes.map(\.cases) == [2, 1, 1])
        #expect(found.classes.map(\.pixels) == [5, 2, 2])
        // Of nine labelled pixels.
        #expect(found.classes.map(\.fraction) == [0.555556, 0.222222, 0.222222])
        // Both cell pixels share a corner or face with each other: (1, 0) and (1, 1).
        #expect(found.classes.map(\.objects) == [nil, 1, 1])
        #expect(found.classes[1].medianPixels == 2 && found.classes[2].medianPixels == 2)
        // 2 pixels of 0.25 mm²; 2 of 2 mm².
        #expect(found.classes[1].medianSize == 0.5 && found.classes[2].medianSize == 4)
        #expect(found.classes[1].unit == "mm²")
    }

    @Test func `surveys of parts merge to that of the whole, in any order`() throws {
        var parts = try survey([1])
        try parts.merge(try survey([0]))
        let merged = try parts.fingerprint(), whole = try survey().fingerprint()
        #expect(merged == whole)
        var empty = FingerprintSurvey()
        try empty.merge(try survey())
        #expect(try empty.fingerprint() == whole)
        // A survey that is written down and read again goes on as it was.
        let copy: FingerprintSurvey = try JSONValue(encoding: try survey()).decoded()
        #expect(try copy.fingerprint() == whole && copy.isPossible)
        guard case .object(var members) = try JSONValue(encoding: copy) else { return }
        members["names"] = []
        let damaged: FingerprintSurvey = try JSONValue.object(members).decoded()
        #expect(!damaged.isPossible)
    }

    @Test func `volumes have three axes, and coarse slices are told`() throws {
        var survey = FingerprintSurvey()
        let thick = try image(Array(repeating: 1, count: 24), GridSize(2, 3, 4), spacing: [1, 1, 3])
        let unknown = try image(Array(repeating: 2, count: 8), GridSize(2, 2, 2))
        try survey.add("thick", thick, nil)
        try survey.add("unknown", unknown, try labels(Array(repeating: 1, count: 8), like: unknown))
        let found = try survey.fingerprint()
        #expect(found.sizes.map(\.maximum) == [2, 3, 4] && found.planar == 0)
        #expect(found.spacings.anisotropic == 1 && found.spacings.stated == 1 && found.spacings.assumed == 1)
        #expect(found.spacings.axes.map(\.median) == [1, 1, 3])
        #expect(found.stored.types == ["unknown": 2])
        // Where one spacing is not known, sizes are only told in pixels.
        #expect(found.classes.count == 1 && found.classes[0].medianPixels == 8 && found.classes[0].medianSize == nil)
    }

    @Test func `cases that cannot be of one data set are refused in words`() throws {
        var survey = try survey()
        let color = try image(Array(repeating: 1, count: 12), GridSize(2, 2), color: .rgb)
        #expect {
            try survey.add("color", color, nil)
        } throws: { "\($0)".contains("'color' has the channels red, green, blue, 'a' has gray") }
        let plain = try image([1, 2, 3, 4], GridSize(2, 2))
        #expect {
            try survey.add("numbers", plain, try labels([0, 300, 0, 0], like: plain))
        } throws: { "\($0)".contains("the label 300 of 'numbers' is no class number") }
        let other = try image([1, 2], GridSize(2, 1))
        #expect {
            try survey.add("other", plain, try labels([0, 1], like: other))
        } throws: { "\($0)".contains("do not lie on the same grid") }
        #expect { try FingerprintSurvey().fingerprint() } throws: { "\($0)".contains("there is no case") }
    }

    @Test func `quantiles are exact up to a limit, and near beyond it`() throws {
        var random = PhiloxStream(seed: 4, stream: "histogram", index: 0)
        let many = (0..<60_000).map { _ in Float(300 * random.normal()) }
        let few = many.map { $0.rounded() + 0 }
        func exact(_ values: [Float], _ fraction: Double) -> Double {
            let sorted = values.sorted(), position = fraction * Double(values.count - 1), rank = Int(position)
            let next = Double(sorted[min(rank + 1, sorted.count - 1)])
            return Double(sorted[rank]) + (position - Double(rank)) * (next - Double(sorted[rank]))
        }
        let rounded = ValueHistogram(few), full = ValueHistogram(many)
        #expect(rounded.isExact && !full.isExact && full.count == 60_000)
        for fraction in [0, 0.005, 0.2, 0.5, 0.77, 0.995, 1] {
            let truth = exact(many, fraction)
            #expect(try #require(rounded.quantile(fraction)) == exact(few, fraction))
            #expect(abs(try #require(full.quantile(fraction)) - truth) <= 0.002 * abs(truth) + 1e-6)
        }
        #expect(ValueHistogram([]).quantile(0.5) == nil)
        #expect(ValueHistogram([-0.0, 0.0]) == ValueHistogram([0, 0]))
        // However the values are divided and joined, the counts are the same, also where a part is exact.
        var joined = ValueHistogram(Array(many[..<100]))
        joined.merge(ValueHistogram(Array(many[100...])))
        var turned = ValueHistogram(Array(many[100...]))
        turned.merge(ValueHistogram(Array(many[..<100])))
        #expect(joined == full && turned == full)
        // Two exact parts that are too many values together.
        var crossing = ValueHistogram((0..<10_000).map { Float($0) + 0.25 })
        crossing.merge(ValueHistogram((0..<10_000).map { Float($0) + 0.75 }))
        #expect(!crossing.isExact && crossing.count == 20_000)
        #expect(abs(try #require(crossing.quantile(0.5)) - 5000) < 10)
    }
}
