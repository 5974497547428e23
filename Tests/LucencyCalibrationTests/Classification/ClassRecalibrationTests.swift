import LucencyCalibration
import LucencyFoundation
import Testing

@Suite struct ClassRecalibrationTests {
    private static let malignant = [0.55, 0.6, 0.45, 0.7, 0.4, 0.52, 0.48, 0.65, 0.35, 0.58]
    private static let truth = [1, 1, 0, 1, 0, 0, 1, 1, 0, 1]
    private static let names = ["benign", "malignant"]

    private func summary() throws -> ClassificationSummary {
        var summary = ClassificationSummary()
        for (index, p) in Self.malignant.enumerated() {
            try summary.add(
                ClassificationCase(name: "\(index)", truth: Self.truth[index], probabilities: [1 - p, p]),
                classes: Self.names)
        }
        return summary
    }

    /// The optima are those of PyTorch's L-BFGS in double precision.
    @Test func `one temperature is the optimum of the log loss, and keeps the answers`() throws {
        let fitted = try summary().recalibration(.temperature)
        guard case .temperature(let scaling) = fitted.method else { throw Broken() }
        #expect(abs(scaling.temperature - 0.1147447) < 1e-4)
        let fit = try #require(fitted.fit)
        let before = try #require(fit.logLossBefore.value), after = try #require(fit.logLossAfter.value)
        #expect(abs(before - 0.54482316) < 1e-5 && abs(after - 0.26494538) < 1e-5)
        #expect(fit.cases == 10 && fit.answersChanged == 0)
        #expect(fit.notes.contains { $0.contains("10 image(s)") })
        let first = try fitted([0.45, 0.55], classes: Self.names)
        #expect(abs(first[1] - 0.8518071) < 1e-3 && abs(first[0] + first[1] - 1) < 1e-12)
        for p in Self.malignant {
            let better = try fitted([1 - p, p], classes: Self.names)
            #expect((better[1] > better[0]) == (p > 0.5))
        }
    }

    @Test func `Platt's sigmoid is that of smoothed targets, for two classes only`() throws {
        let fitted = try summary().recalibration(.platt)
        guard case .platt(let scaling) = fitted.method else { throw Broken() }
        #expect(abs(scaling.slope - 3.27993226) < 1e-4 && abs(scaling.offset - 0.1358581) < 1e-4)
        #expect(abs(try fitted([0.45, 0.55], classes: Self.names)[1] - 0.6886990) < 1e-5)
        var three = ClassificationSummary()
        try three.add(
            ClassificationCase(name: "a", truth: 0, probabilities: [0.5, 0.3, 0.2]), classes: ["a", "b", "c"])
        #expect(throws: Diagnostic.self) { try three.recalibration(.platt) }
        #expect(try three.recalibration(.vector).classes == ["a", "b", "c"])
    }

    @Test func `probabilities of 0 stay finite; nothing to fit to and other classes are refused`() throws {
        var summary = try summary()
        try summary.add(ClassificationCase(name: "sure", truth: 0, probabilities: [0, 1]), classes: Self.names)
        for choice in ClassRecalibrationChoice.allCases {
            let fitted = try summary.recalibration(choice)
            #expect(try fitted([0, 1], classes: Self.names).allSatisfy { $0.isFinite && 0...1 ~= $0 })
            #expect(throws: Diagnostic.self) { try fitted([0.5, 0.5], classes: ["malignant", "benign"]) }
            #expect(throws: Diagnostic.self) { try fitted([1], classes: Self.names) }
            #expect(throws: Diagnostic.self) { try ClassificationSummary().recalibration(choice) }
        }
    }

    private struct Broken: Error {}
}
