import Foundation
import Lucency
import Support
import Testing

/// The pipeline that cross-validates, much shrunken.
@Suite struct CrossValidationTests {
    private static let small = [
        "split={folds: 3, fold: $fold, validation: true}", "variants.fold=[1, 2, 3]", "epochs=1",
        "data={uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: 7, "
            + "set: {width: 64, height: 64}, split: $split, part: training}}",
        "stages.model.with.network={uses: unet, with: {channels: [8, 16]}}", "stages.model.with.patch=[32, 32]",
        "stages.model.with.validateEvery=1",
    ].flatMap { ["--set", $0] }

    private func table(_ data: Data?) throws -> Table {
        try Table(CSVFile(parsing: String(decoding: try #require(data), as: UTF8.self), name: "t.csv"))
    }

    @Test func `each fold is tested by a network that has not seen it, and the result has an interval`() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(
                ["run", pipelines.appending(path: "cross-validation.yaml").path, "--output", folder.path] + Self.small)
            #expect(run.status == 0, "\(run.errors)")
            let made = try results(folder)
            let cases = try table(made["cases.csv"]), folds = try table(made["folds.csv"])
            let tested = try cases.index(of: "case"), fold = try cases.index(of: "fold")
            #expect(Set(cases.rows.map { $0[tested].name }) == Set((0..<7).map { "00000\($0)" }))
            #expect(cases.rows.count == 7)  // membrane; the first class is background
            // The table of folds says the same as the cases.
            let places = Dictionary(
                zip(try #require(folds.cells(of: "item")), try #require(folds.cells(of: "testFold"))).map {
                    ($0.name, $1.name)
                },
                uniquingKeysWith: { a, _ in a })
            #expect(folds.rows.count == 7)
            for row in cases.rows { #expect(places[row[tested].name] == row[fold].name) }
            for number in 1...3 {
                let model = try ModelFile(path: folder.appending(path: "fold\(number)/model.lucency").path)
                let others = places.values.count { $0 != String(number) }
                let training = try #require(model.training?["cases"]?["training"]?.intValue)
                let validation = try #require(model.training?["cases"]?["validation"]?.intValue)
                #expect(training + validation == others)
                #expect(validation == places.values.count { $0 == String(number % 3 + 1) })
            }
            let summary = try table(made["summary.csv"])
            #expect(summary.cells(of: "metric")?.prefix(5) == ["dice", "iou", "hd95", "assd", "nsd"])
            let dice = summary.rows[0]
            func number(_ name: String) throws -> Double { try #require(dice[try summary.index(of: name)].doubleValue) }
            #expect(try number("folds") == 3 && number("cases") == 7)
            #expect(try number("lower") <= number("mean") && number("mean") <= number("upper"))
            #expect(try table(made["fold-means.csv"]).rows.count == summary.rows.count * 3)
            #expect(!summary.columns.contains { $0.name == "groups" })
        }
    }

    @Test func `patients stay together, and are what the interval is over`() throws {
        try withTemporaryFolder { folder in
            let rows = (0..<7).map { "00000\($0),p\($0 / 2)\n" }.joined()
            try ("name,patient\n" + rows).write(
                to: folder.appending(path: "patients.csv"), atomically: true, encoding: .utf8)
            let split = "split={folds: 3, fold: $fold, validation: true, group: {file: patients.csv, column: patient}}"
            let run = try runLucency(
                ["run", pipelines.appending(path: "cross-validation.yaml").path, "--output", "out"] + Self.small
                    + ["--set", split], folder: folder)
            #expect(run.status == 0, "\(run.errors)")
            let made = try results(folder.appending(path: "out"))
            let folds = try table(made["folds.csv"])
            let pairs = zip(try #require(folds.cells(of: "group")), try #require(folds.cells(of: "testFold")))
            #expect(Set(pairs.map { "\($0.name) \($1.name)" }).count == 4)
            let summary = try table(made["summary.csv"])
            #expect(summary.cells(of: "groups")?.first == 4 && summary.cells(of: "cases")?.first == 7)
        }
    }
}
