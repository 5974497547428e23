import Foundation
import LucencyCalibration
import LucencyFoundation
import Support
import Testing

/// Against scikit-learn 1.x, with ties among the probabilities; `classification.json`.
@Suite struct ClassificationTests {
    private struct Golden {
        let json: JSONValue
        let summary: ClassificationSummary

        init(patients: Bool = true) throws {
            json = try TestFiles.json(TestFiles.fixture("LucencyCalibrationTests", "classification.json"))
            let truth = (json["truth"]?.arrayValue ?? []).compactMap(\.intValue)
            let patient = (json["patient"]?.arrayValue ?? []).compactMap(\.intValue)
            var summary = ClassificationSummary()
            for (index, row) in (json["probabilities"]?.arrayValue ?? []).enumerated() {
                try summary.add(
                    ClassificationCase(
                        name: "case \(1000 + index)", patient: patients ? "patient \(10 + patient[index])" : nil,
                        truth: truth[index], probabilities: (row.arrayValue ?? []).compactMap(\.doubleValue)),
                    classes: ["a", "b", "c"])
            }
            self.summary = summary
        }

        func expect(_ scores: ClassificationScores, _ level: String) throws {
            let level = try #require(json[level])
            for metric in ClassificationMetric.allCases {
                let truth = try #require(level[metric.rawValue]?.doubleValue)
                let value = try #require(scores.score(metric).value)
                #expect(abs(value - truth) < 1e-6, "\(metric.rawValue): \(value), \(truth)")
            }
            for plane in 0..<3 {
                for metric in ClassMetric.allCases {
                    let truth = try #require(level["class"]?.arrayValue?[plane][metric.rawValue]?.doubleValue)
                    let value = try #require(scores.score(metric, ofClass: plane).value)
                    #expect(abs(value - truth) < 1e-9, "class \(plane), \(metric.rawValue)")
                }
            }
            let confusion = level["confusion"]?.arrayValue?.map { ($0.arrayValue ?? []).compactMap(\.intValue) }
            #expect(scores.confusion == confusion)
        }
    }

    @Test func `metrics of images and of patients are those of scikit-learn`() throws {
        let golden = try Golden()
        let scores = ClassificationScores(golden.summary)
        try golden.expect(scores, "image")
        let patients = try #require(try golden.summary.patients())
        try golden.expect(ClassificationScores(patients), "patients")
        let rates = scores.patientRates, truth = try #require(golden.json["recognition-rate"]?.doubleValue)
        #expect(rates.count == patients.cases.count)
        #expect(abs(rates.reduce(0, +) / Double(rates.count) - truth) < 1e-12)
        #expect(
            scores.reliability.expectedError.value.map { abs($0 - (scores.score(.ece).value ?? 0)) < 1e-12 } == true)
    }

    @Test func `intervals are over patients, who belong together, and hold the estimate`() throws {
        let golden = try Golden(), alone = try Golden(patients: false)
        let clustered = ClassificationScores(golden.summary), single = ClassificationScores(alone.summary)
        #expect(clustered.units.count < single.units.count && single.units.count == 60)
        #expect(try alone.summary.patients() == nil && single.patientRates.isEmpty)
        var wider = 0
        let draws = try CaseDraws(count: clustered.units.count), others = try CaseDraws(count: 60)
        for metric in ClassificationMetric.allCases {
            let interval = try #require(clustered.interval(metric, draws))
            let narrow = try #require(single.interval(metric, others))
            #expect(interval.lower <= interval.estimate + 1e-9 || metric == .ece)
            #expect(interval.upper >= interval.estimate && interval.lower < interval.upper)
            if interval.upper - interval.lower > narrow.upper - narrow.lower { wider += 1 }
        }
        #expect(wider > 0)
        // Draws of something else give nothing.
        #expect(clustered.interval(.accuracy, others) == nil)
    }

    @Test func `a case that counts twice is as two cases`() throws {
        var once = ClassificationSummary(), twice = ClassificationSummary()
        let rows = [(0, 0.9), (0, 0.4), (1, 0.6), (1, 0.2), (1, 0.4)]
        for (index, row) in rows.enumerated() {
            for copy in 0..<2 {
                let one = ClassificationCase(
                    name: "\(index)-\(copy)", truth: row.0, probabilities: [row.1, 1 - row.1])
                try twice.add(one, classes: ["x", "y"])
                if copy == 0 { try once.add(one, classes: ["x", "y"]) }
            }
        }
        for metric in ClassificationMetric.allCases {
            let a = ClassificationScores(once).score(metric).value, b = ClassificationScores(twice).score(metric).value
            #expect(abs((a ?? -1) - (b ?? -2)) < 1e-12, "\(metric.rawValue)")
        }
        // Pairs by hand: 0.9 beats all three, 0.4 beats one and ties with one.
        #expect(abs((ClassificationScores(once).score(.auc, ofClass: 0).value ?? 0) - 4.5 / 6) < 1e-12)
    }

    @Test func `one class alone has no AUC, and answers of equal probability are the first class`() throws {
        var summary = ClassificationSummary()
        for name in ["1", "2"] {
            try summary.add(
                ClassificationCase(name: name, truth: 0, probabilities: [0.5, 0.5]), classes: ["x", "y"])
        }
        let scores = ClassificationScores(summary)
        #expect(scores.score(.auc) == .undefined && scores.score(.accuracy) == .value(1))
        #expect(scores.score(.f1) == .value(1) && scores.score(.recall, ofClass: 1) == .undefined)
        #expect(ClassificationScores(ClassificationSummary()).score(.accuracy) == .undefined)
    }

    @Test func `what cannot be judged is refused with its reason`() throws {
        var summary = ClassificationSummary()
        let good = ClassificationCase(name: "a", patient: "p", truth: 0, probabilities: [0.5, 0.5])
        try summary.add(good, classes: ["x", "y"])
        func refuses(_ change: (inout ClassificationCase) -> Void, classes: [String] = ["x", "y"]) {
            var one = good
            one.name = "b"
            change(&one)
            #expect(throws: Diagnostic.self) { try summary.add(one, classes: classes) }
        }
        refuses({ $0.name = "a" })
        refuses({ $0.truth = 2 })
        refuses({ $0.probabilities = [0.5, 0.6] })
        refuses({ $0.probabilities = [1.5, -0.5] })
        refuses({ $0.probabilities = [.nan, 0.5] })
        refuses({ $0.patient = nil })
        refuses({ _ in }, classes: ["y", "x"])
        refuses({ $0.probabilities = [1] }, classes: ["x"])
        try summary.add(
            ClassificationCase(name: "b", patient: "p", truth: 1, probabilities: [0.5, 0.5]), classes: ["x", "y"])
        #expect(throws: Diagnostic.self) { try summary.patients() }
    }

    @Test func `summaries merge in any order and survive coding`() throws {
        let golden = try Golden().summary
        var parts = [ClassificationSummary(), ClassificationSummary()]
        for (index, one) in golden.cases.enumerated() { try parts[index % 2].add(one, classes: golden.classes) }
        var merged = parts[1]
        try merged.merge(parts[0])
        #expect(merged == golden)
        #expect(golden == (try JSONDecoder().decode(ClassificationSummary.self, from: JSONEncoder().encode(merged))))
    }
}
