import Foundation
import Lucency
import Support
import Testing

@Suite("Calibration in pipelines")
struct CalibrationStageTests {
    private struct Sure: Sendable { var number = 0 }

    /// Probability maps of two classes that are three times too sure, drawn by the item's name, their labels, the true
    /// probabilities, and an image.
    private static let sure = StageDescriptor(
        "test.sure", "Probabilities that are too sure.", prototype: Sure(), inputs: ["image"],
        outputs: ["probabilities", "labels", "posterior", "image"],
        parameters: [Parameter("number", \Sure.number, in: .within(0...1000), help: "A number.")]
    ) { stage, context in
        { (_: Image) throws -> (ProbabilityMap, LabelMap, ProbabilityMap, Image) in
            var random = PhiloxStream(seed: 7, stream: context.item, index: stage.number)
            let geometry = try Geometry(size: GridSize(40, 30), spacing: [0.5, 0.5, 1], source: .stated(.mm))
            let count = geometry.size.count
            var values = AlignedBuffer<Float>(repeating: 0, count: 2 * count), known = values
            var labels = AlignedBuffer<Int32>(repeating: 0, count: count)
            for index in 0..<count {
                let logit = 1.5 * random.normal()
                let truth = 1 / (1 + exp(-logit)), claimed = 1 / (1 + exp(-3 * logit))
                labels[index] = random.uniform() < truth ? 1 : 0
                (values[index], values[count + index]) = (Float(1 - claimed), Float(claimed))
                (known[index], known[count + index]) = (Float(1 - truth), Float(truth))
            }
            let classes = ["background", "cell"]
            return (
                try ProbabilityMap(geometry: geometry, classes: classes, values: values),
                try LabelMap(geometry: geometry, labels: labels),
                try ProbabilityMap(geometry: geometry, classes: classes, values: known),
                try Image(
                    geometry: geometry, colorModel: .gray, pixels: AlignedBuffer((0..<count).map { Float($0 % 7) }))
            )
        }
    }

    /// Runs stages behind `sure` and `again`, two draws for each of four items.
    private func run(
        _ text: String, in folder: URL, _ change: (inout RunOptions) -> Void = { _ in }
    ) throws -> (summary: RunSummary, errors: [String]) {
        let bench = try Workbench(folder)
        var catalog = Catalog.standard
        catalog.stages.append(Self.sure)
        let head = """
            lucency: 1
            sources: {slices: {uses: folder}}
            stages:
              sure: {uses: test.sure, in: slices}
              again: {like: sure, in: slices, with: {number: 1}}

            """
        let file = try PipelineFile(
            text: head + text, name: "test.yaml", folder: folder.path, catalog: catalog,
            inputFolder: bench.images.path)
        let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
        var options = RunOptions(output: bench.output.path)
        options.source.inputFolder = bench.images.path
        change(&options)
        let summary = try Runner(plan, options: options) { _ in }.run()
        return (summary, summary.failures.map { "\($0.name): \($0.diagnostic)" })
    }

    /// The rows of a table that was written, each by column.
    private func rows(_ folder: URL, _ name: String) throws -> [[String: String]] {
        let file = try CSVFile(path: folder.appending(path: "out/\(name)").path)
        return file.records.map { record in
            Dictionary(uniqueKeysWithValues: zip(file.header, record.fields.map(\.text)))
        }
    }

    private func number(_ rows: [[String: String]], _ column: String, _ wanted: [String: String]) throws -> Double {
        let row = rows.first { row in wanted.allSatisfy { row[$0] == $1 } }
        return try #require(row?[column].flatMap(Double.init), "\(wanted)")
    }

    @Test("Probabilities are measured, recalibrated by each method and measured again")
    func recalibration() throws {
        try withTemporaryFolder { folder in
            let methods = ["temperature", "local-temperature", "vector", "platt", "histogram-binning", "isotonic"]
            var stages = """
                  before: {uses: evaluate.calibration, in: {probabilities: sure.probabilities, label: sure.labels, posterior: sure.posterior}}

                """
            var outputs = """
                outputs:
                  summary: {from: before.summary, as: summary.csv}
                  classes: {from: before.classes, as: classes.csv}
                  cases: {from: before.cases, as: cases.csv}
                  bins: {from: before.bins, as: bins.csv}
                  ranking: {from: before.ranking, as: ranking.csv}

                """
            for method in methods {
                let isLocal = method == "local-temperature"
                stages += """
                      \(method): {uses: calibrate.\(method), in: {probabilities: again.probabilities, label: again.labels\(isLocal ? ", image: again.image" : "")}\(isLocal ? ", with: {rate: 0.01}" : "")}
                      apply-\(method): {uses: calibrate.apply, in: {probabilities: sure.probabilities, model: \(method).model\(isLocal ? ", image: sure.image" : "")}}
                      after-\(method): {uses: evaluate.calibration, in: {probabilities: apply-\(method), label: sure.labels}}

                    """
                outputs += """
                      model-\(method): {from: \(method).model, as: \(method).lucency}
                      record-\(method): {from: \(method).record, as: \(method).json}
                      after-\(method): {from: after-\(method).summary, as: after-\(method).csv}

                    """
            }
            let outcome = try run(stages + outputs, in: folder)
            #expect(outcome.summary.exitStatus == 0, "\(outcome.errors)")
            let all = ["region": "all", "metric": "ece"]
            let summary = try rows(folder, "summary.csv")
            let before = try number(summary, "pooled", all)
            #expect(before > 0.1)
            #expect(try number(summary, "n", all) == 4)
            #expect(try number(summary, "lower", all) < number(summary, "mean", all))
            #expect(try number(summary, "mean", ["region": "all", "metric": "posterior-kl"]) > 0)
            #expect(summary.allSatisfy { $0["definition"]?.isEmpty == false })
            #expect(Set(summary.compactMap { $0["region"] }).count == 5)
            for method in methods {
                let after = try rows(folder, "after-\(method).csv")
                #expect(try number(after, "pooled", all) < before / 3, "\(method)")
                // Without true probabilities there are no distances to them.
                #expect(!after.contains { $0["metric"] == "posterior-kl" })
                let model = try ModelFile(path: folder.appending(path: "out/\(method).lucency").path)
                #expect(model.network?.kind == "recalibration")
                #expect(model.network?.configuration["method"]?.stringValue == method)
            }
            let fitted = try TestFiles.json(folder.appending(path: "out/temperature.json"))
            #expect(abs((fitted["parameters"]?["temperature"]?.doubleValue ?? 0) - 3) < 0.3)
            #expect(fitted["fit"]?["cases"]?.intValue == 4)
            #expect(try rows(folder, "cases.csv").count == 4 * 5)
            #expect(try rows(folder, "ranking.csv").count == CaseAggregation.allCases.count)
            let classes = try rows(folder, "classes.csv")
            #expect(
                try abs(number(classes, "pooled", ["class": "cell", "metric": "size-expected-error", "region": "all"]))
                    < 0.2)
            let bins = try rows(folder, "bins.csv")
            let pixels = bins.filter { $0["region"] == "all" && $0["of"] == "answer" }
                .compactMap { $0["pixels"].flatMap(Int.init) }
            #expect(pixels.reduce(0, +) == 4 * 1200)
        }
    }

    @Test("What is measured does not depend on the order in which items come, nor on shards")
    func anyOrder() throws {
        let stages = """
              before: {uses: evaluate.calibration, in: {probabilities: sure.probabilities, label: sure.labels}}
            outputs:
              summary: {from: before.summary, as: summary.csv}
              cases: {from: before.cases, as: cases.csv}

            """
        func tables(_ changes: [(inout RunOptions) -> Void]) throws -> [Data?] {
            try withTemporaryFolder { folder in
                for change in changes {
                    let errors = try run(stages, in: folder, change).errors
                    #expect(errors.isEmpty)
                }
                return ["summary.csv", "cases.csv"].map {
                    try? Data(contentsOf: folder.appending(path: "out/\($0)"))
                }
            }
        }
        let one = try tables([{ $0.jobs = 1 }])
        #expect(one.allSatisfy { $0 != nil })
        #expect(try tables([{ $0.jobs = 4 }]) == one)
        let shards: [(inout RunOptions) -> Void] = ["1/2", "2/2", "1/2"].map { text in
            { $0.shard = Shard(parsing: text) }
        }
        #expect(try tables(shards) == one)
    }

    @Test("Masks and sets come with their guarantees")
    func conformal() throws {
        try withTemporaryFolder { folder in
            let outcome = try run(
                """
                  masks: {uses: conformal.masks, in: {probabilities: again.probabilities, label: again.labels}, with: {missed: 0.3, invented: 0.3, structure: cell}}
                  sets: {uses: conformal.sets, in: {probabilities: again.probabilities, label: again.labels}, with: {risk: 0.25}}
                  cut: {uses: conformal.apply-masks, in: {probabilities: sure.probabilities, model: masks.model}}
                  may: {uses: conformal.apply-sets, in: {probabilities: sure.probabilities, model: sets.model}}
                outputs:
                  outer: {from: cut.outer, as: "outer/{stem}.png"}
                  inner: {from: cut.inner, as: "inner/{stem}.png"}
                  sizes: {from: may.sizes, as: "sizes/{stem}.png"}
                  members: {from: may.members, as: "members/{stem}.tif"}
                  promises: {from: masks.guarantees, as: masks.csv}
                  coverage: {from: sets.guarantees, as: sets.csv}
                  model: {from: masks.model, as: masks.lucency}
                """, in: folder)
            #expect(outcome.summary.exitStatus == 0, "\(outcome.errors)")
            let promises = try rows(folder, "masks.csv")
            #expect(promises.map { $0["of"] } == ["outer mask", "inner mask"])
            #expect(promises.allSatisfy { $0["cases"] == "4" && $0["conditions"]?.contains("exchangeable") == true })
            #expect(
                try number(promises, "threshold", ["of": "outer mask"])
                    < number(promises, "threshold", ["of": "inner mask"]))
            #expect(try rows(folder, "sets.csv").count == 1)
            func pixels(_ name: String) throws -> [Int32] {
                let map = try PNGFormat().readLabels(
                    folder.appending(path: "out/\(name)/a.png").path, pages: .automatic, limits: .standard)
                return map.labels.withUnsafeBufferPointer { Array($0) }
            }
            #expect(zip(try pixels("inner"), try pixels("outer")).allSatisfy { $0 <= $1 })
            #expect(Set(try pixels("sizes")).isSubset(of: [1, 2]))
        }
    }

    @Test("Too few cases for a guarantee are refused with how many it takes")
    func tooFew() throws {
        try withTemporaryFolder { folder in
            let outcome = try run(
                """
                  masks: {uses: conformal.masks, in: {probabilities: sure.probabilities, label: sure.labels}, with: {missed: 0.05}}
                outputs: {model: {from: masks.model, as: masks.lucency}}
                """, in: folder)
            #expect(outcome.summary.exitStatus != 0)
            #expect(outcome.errors.contains { $0.contains("at least 19 are needed") })
        }
    }

    @Test("A model of another kind is refused where probabilities are recalibrated, with what to do")
    func otherModel() throws {
        try withTemporaryFolder { folder in
            let outcome = try run(
                """
                  sets: {uses: conformal.sets, in: {probabilities: sure.probabilities, label: sure.labels}, with: {risk: 0.3}}
                  apply: {uses: calibrate.apply, in: {probabilities: sure.probabilities, model: sets.model}}
                outputs: {maps: {from: apply, as: "{stem}.tif"}}
                """, in: folder)
            #expect(outcome.summary.exitStatus != 0)
            #expect(outcome.errors.contains { $0.contains("conformal-sets") && $0.contains("calibrate.temperature") })
        }
    }

    @Test("Shards and threads give the same tables and models")
    func shards() throws {
        let text = """
              table: {uses: evaluate.calibration, in: {probabilities: sure.probabilities, label: sure.labels}}
              fit: {uses: calibrate.isotonic, in: {probabilities: sure.probabilities, label: sure.labels}}
            outputs:
              table: {from: table, as: table.csv}
              fit: {from: fit.model, as: fit.lucency}
            """
        var results: [[Data?]] = []
        for round in 0..<3 {
            try withTemporaryFolder { folder in
                switch round {
                case 0: _ = try run(text, in: folder)
                case 1:
                    _ = try run(text, in: folder) {
                        $0.jobs = 2
                        $0.threads = 2
                    }
                default:
                    for part in ["2/2", "1/2"] {
                        let shard = try #require(Shard(parsing: part))
                        _ = try run(text, in: folder) { $0.shard = shard }
                    }
                }
                results.append(
                    ["table.csv", "fit.lucency"].map { try? Data(contentsOf: folder.appending(path: "out/\($0)")) })
            }
        }
        #expect(results[0].allSatisfy { $0 != nil })
        #expect(results[1] == results[0] && results[2] == results[0])
    }
}
