import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyReports
import Support
import Testing

@Suite struct CalibrationEvidenceTests {
    /// A case of three classes whose labels are drawn from probabilities that are then sharpened.
    private func evidence(
        _ names: some Sequence<Int>, sharpening: Float = 1, pictures: Int = 2
    ) throws -> CalibrationEvidence {
        var settings = CalibrationEvidence.Settings()
        settings.pictures = pictures
        var evidence = CalibrationEvidence(settings)
        for number in names { try evidence.add(item(number, sharpening: sharpening, settings)) }
        return evidence
    }

    private func item(
        _ number: Int, sharpening: Float, _ settings: CalibrationEvidence.Settings
    ) throws -> CalibrationEvidence.Case {
        let side = 48, count = side * side
        var random = PhiloxStream(seed: 3, stream: "case \(number)")
        var values = [Float](repeating: 0, count: 3 * count), labels = [Int32](repeating: 0, count: count)
        for index in 0..<count {
            let x = Float(index % side) / Float(side)
            let raw = [max(0.02, 1 - 2 * x), 0.05 + x * (1 - x), max(0.02, 2 * x - 1) + 0.2 * Float(random.uniform())]
            let sum = raw.reduce(0, +), p = raw.map { $0 / sum }
            let draw = Float(random.uniform())
            labels[index] = draw < p[0] ? 0 : draw < p[0] + p[1] ? 1 : 2
            let sharp = p.map { power($0, sharpening) }, total = sharp.reduce(0, +)
            for plane in 0..<3 { values[plane * count + index] = sharp[plane] / total }
        }
        let geometry = try Geometry(size: GridSize(side, side))
        return try CalibrationEvidence.Case(
            "case \(number)",
            probabilities: ProbabilityMap(
                geometry: geometry, classes: ["background", "one", "two"], values: AlignedBuffer(values)),
            reference: LabelMap(geometry: geometry, labels: AlignedBuffer(labels)), settings: settings)
    }

    private func power(_ value: Float, _ exponent: Float) -> Float {
        exponent == 1 ? value : exponent == 2 ? value * value : value.squareRoot()
    }

    private func report(_ runs: (String, CalibrationEvidence)...) throws -> CalibrationReport {
        try CalibrationReport(
            title: "t", runs: runs.map { (name: $0.0, evidence: $0.1) }, bootstrap: Bootstrap(resamples: 300))
    }

    @Test func `a calibrated model expects as many errors as it makes, a sharpened one fewer`() throws {
        let honest = try #require(try report(("m", evidence(0..<24))).runs.first)
        let ratio = try #require(honest.forecast?.ratio)
        #expect(abs(ratio - 1) < 0.05)
        #expect(try #require(honest.forecast?.low) < 1 && #require(honest.forecast?.high) > 1)
        #expect(abs(try #require(honest.temperature?.value) - 1) < 0.06)
        let sharp = try #require(try report(("m", evidence(0..<24, sharpening: 2))).runs.first)
        #expect(try #require(sharp.forecast?.high) < 0.9)
        #expect(abs(try #require(sharp.temperature?.value) - 2) < 0.12)
        #expect(try #require(sharp.temperature?.errorAfter) < 0.5 * #require(sharp.temperature?.errorBefore))
        let soft = try #require(try report(("m", evidence(0..<24, sharpening: 0.5))).runs.first)
        #expect(try #require(soft.forecast?.low) > 1.1)
    }

    @Test func `numbers are those of the measurements`() throws {
        let evidence = try evidence(0..<5)
        let run = try #require(try report(("m", evidence)).runs.first)
        let pooled = try #require(evidence.summary.pooled(.foregroundUnion))
        #expect(run.summaries[.ece]?.pooled == pooled[.ece].value)
        #expect(run.cases.map(\.name) == (0..<5).map { "case \($0)" })
        let first = try #require(evidence.summary.cases.first)
        #expect(run.cases[0].values[.ece] == first[.foregroundUnion]?[.ece].value)
        #expect(run.cases[0].values[.dice] == first.dice.value)
        let all = try #require(run.regions.first { $0.name == "all" })
        #expect(all.pixels == 5 * 48 * 48 && all.reliability.reduce(0) { $0 + $1.count } == all.pixels)
        #expect(run.regions.first?.name == "foreground-union")
        for bin in all.reliability where bin.accuracyLow != nil {
            #expect(bin.accuracyLow ?? 1 <= bin.accuracy + 1e-12 && bin.accuracy <= (bin.accuracyHigh ?? 0) + 1e-12)
        }
        #expect(run.coverage.last?.coverage == 1)
        #expect(abs((run.coverage.last?.risk ?? 0) - (1 - (pooled[.accuracy].value ?? 0))) < 1e-12)
    }

    @Test func `parts merge in any order to the same report and pictures`() throws {
        let whole = try evidence(0..<9)
        var parts = try evidence([7, 2, 5])
        try parts.merge(evidence([8, 0]))
        var others = try evidence([1, 6, 3])
        try others.merge(evidence([4]))
        try others.merge(parts)
        #expect(try report(("m", whole)) == report(("m", others)))
        let encode: (Image) -> [UInt8] = { image in image.pixels.array.map { UInt8($0) } }
        let pictures = try whole.pictures(run: "m", encode: encode)
        #expect(try pictures == others.pictures(run: "m", encode: encode))
        #expect(pictures.count == 2 && pictures.allSatisfy { $0.panels.count == 4 })
        #expect(throws: Diagnostic.self) { try others.merge(evidence([4])) }
    }

    @Test func `runs are compared on the cases that both have`() throws {
        let report = try report(("sharp", evidence(0..<12, sharpening: 2)), ("honest", evidence(2..<14)))
        let ece = try #require(report.comparisons.first { $0.metric == .ece })
        #expect(ece.run == "honest" && ece.baseline == "sharp" && ece.cases == 10)
        let dice = try #require(report.comparisons.first { $0.metric == .dice })
        #expect(dice.difference.magnitude < 0.1)
        #expect(report.comparisons.allSatisfy { ($0.p ?? 0) > 0 })
    }

    @Test func `there is nothing to report without a case, nor of two classes and three`() throws {
        #expect(throws: Diagnostic.self) { try report(("m", CalibrationEvidence())) }
        #expect(throws: Diagnostic.self) { try report(("m", evidence(0..<2)), ("m", evidence(0..<2))) }
        let geometry = try Geometry(size: GridSize(2, 1))
        var two = CalibrationEvidence()
        try two.add(
            .init(
                "case 0",
                probabilities: ProbabilityMap(
                    geometry: geometry, classes: ["a", "b"], values: AlignedBuffer([1, 0, 0, 1])),
                reference: LabelMap(geometry: geometry, labels: AlignedBuffer([0, 1])), settings: two.settings))
        #expect(throws: Diagnostic.self) { try report(("m", evidence(0..<2)), ("n", two)) }
        // A single, perfect, tiny case makes a page all the same.
        _ = try MarkupDocument(report(("n", two)).page())
    }
}
