import Foundation
import Lucency
import Support
import Testing

@Suite("lucency compare") struct CompareTests {
    private static let first = """
        case,class,presence,dice,hd95 (mm)
        p1/a,lung,present,0.5,10
        p1/b,lung,present,0.75,8
        p2/a,lung,present,0.25,9
        p1/a,heart,present,0.5,4
        gone,lung,present,0.5,5

        """
    private static let second = """
        case,class,presence,dice,hd95 (mm)
        p1/a,lung,present,0.75,9
        p1/b,lung,present,1,8
        p2/a,lung,present,0.25,12
        p1/a,heart,present,0.25,inf
        new,lung,present,0.5,5

        """

    /// A folder of a run (`a/cases.csv`) and a table (`b.csv`).
    private func withTables(_ body: (URL) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(at: folder.appending(path: "a"), withIntermediateDirectories: true)
            try Self.first.write(to: folder.appending(path: "a/cases.csv"), atomically: true, encoding: .utf8)
            try Self.second.write(to: folder.appending(path: "b.csv"), atomically: true, encoding: .utf8)
            try "name,patient\np1/a,p1\np1/b,p1\np2/a,p2\ngone,p3\n".write(
                to: folder.appending(path: "patients.csv"), atomically: true, encoding: .utf8)
            try body(folder)
        }
    }

    private func compare(_ folder: URL, _ options: String...) throws -> Result {
        let run = try runLucency(["compare", "a", "b.csv"] + options, folder: folder)
        return Result(status: run.status, data: run.out, errors: run.errors)
    }

    @Test func `two runs are compared by the cases of both, and the others are told`() throws {
        try withTables { folder in
            let result = try compare(folder, "--value", "dice,hd95", "--json")
            #expect(result.status == 0)
            #expect(
                result.errors.contains("1 row(s) stand only in a/cases.csv and do not count: gone, lung"),
                "\(result.errors)")
            #expect(result.errors.contains("1 row(s) stand only in b.csv and do not count: new, lung"))
            let json = try result.json, rows = try #require(json["comparisons"]?.arrayValue)
            #expect(rows.map { $0["metric"]?.stringValue } == ["dice", "hd95"])
            // Dice: a lung +0.25 and heart −0.25 of one case, b +0.25, other a 0.
            #expect(rows[0]["cases"]?.intValue == 3)
            #expect(abs(try #require(rows[0]["difference"]?.doubleValue) - 0.25 / 3) < 1e-15)
            #expect(rows[0]["better"]?.intValue == 1 && rows[0]["equal"]?.intValue == 2)
            // Distances: −1, 0, +3: less is better.
            #expect(
                rows[1]["better"]?.intValue == 1 && rows[1]["worse"]?.intValue == 1
                    && rows[1]["left_out"]?.intValue == 1)
            #expect(rows[1]["unit"]?.stringValue == "mm")
            #expect(json["onlyB"]?.arrayValue?.first?.stringValue == "new, lung")
            #expect(try compare(folder, "--value", "dice,hd95", "--json").data == result.data)
        }
    }

    @Test func `classes apart, patients together, differences written`() throws {
        try withTables { folder in
            let result = try compare(
                folder, "--value", "dice", "--by", "class", "--group", "patient", "--group-file", "patients.csv",
                "--output",
                "out/differences.csv")
            #expect(result.status == 0, "\(result.errors)")
            let lines = result.out.split(separator: "\n")
            #expect(lines.first == "B − A over cases, with 95 % intervals")
            #expect(
                lines.contains { $0.hasPrefix("lung ") } && lines.contains { $0.hasPrefix("heart ") }, "\(result.out)")
            #expect(result.out.contains("groups"))
            let written = try Table(CSVFile(path: folder.appending(path: "out/differences.csv").path))
            #expect(written.columns.map(\.name) == ["case", "class", "metric", "unit", "a", "b", "difference"])
            #expect(written.rows.count == 4 && written.cells(of: "difference")?.first == 0.25)
        }
    }

    @Test(arguments: [
        (["--value", "dise"], 1, "did you mean 'dice'?"),
        (["--value", "presence"], 1, "does not hold numbers"),
        (["--by", "organ"], 1, "there is no column 'organ'"),
        (["--match", "class"], 1, "two rows have the same class: lung"),
        (["--group", "patient"], 1, "there is no column 'patient'"),
        (["--group-file", "patients.csv"], 64, "--group-file needs --group"),
        (["--group", "patient", "--group-file", "b.csv"], 1, "there is no column 'patient'"),
        (["--level", "2"], 64, "--level takes"),
        (["--resamples", "1"], 64, "--resamples takes"),
        (["--output", "b.csv"], 1, "would overwrite the input"),
    ])
    func `what cannot be compared is refused with a reason`(options: [String], status: Int32, message: String) throws {
        try withTables { folder in
            let run = try runLucency(["compare", "a", "b.csv"] + options, folder: folder)
            #expect(run.status == status && run.errors.contains(message), "\(run.errors)")
        }
    }

    @Test func `a folder without cases, and a table that is none, are refused`() throws {
        try withTables { folder in
            let empty = try runLucency(["compare", ".", "b.csv"], folder: folder)
            #expect(empty.status == 1 && empty.errors.contains("has no cases.csv"), "\(empty.errors)")
            try Data([0xFF, 0xFE, 0]).write(to: folder.appending(path: "c.csv"))
            let binary = try runLucency(["compare", "c.csv", "b.csv"], folder: folder)
            #expect(binary.status == 1 && binary.errors.contains("not UTF-8"), "\(binary.errors)")
        }
    }

    /// Two methods of one pipeline, compared by a stage.
    @Test func `a pipeline compares the values of a variant`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "p.yaml")
            try """
            lucency: 1
            variants: {method: {otsu: otsu, fixed: {uses: fixed, with: {level: 100}}}}
            sources: {slices: {uses: phantom, with: {world: {uses: membranes, with: {width: 64, height: 64}}, count: 4}}}
            stages:
              cells: {uses: segment.threshold, in: slices, with: {method: $method}}
              score: {uses: evaluate.segmentation, in: {labels: cells, reference: slices.label}, over: [method]}
              compared: {uses: compare, in: score.cases, with: {variant: method, baseline: otsu, values: [dice], by: [class]}}
            outputs:
              summary: {from: compared.summary, as: "summary.csv"}
              differences: {from: compared.differences, as: "differences.csv"}
            """.write(to: file, atomically: true, encoding: .utf8)
            let run = try runLucency(["run", file.path, "--output", folder.appending(path: "out").path])
            #expect(run.status == 0, "\(run.errors)")
            let summary = try Table(CSVFile(path: folder.appending(path: "out/summary.csv").path))
            #expect(summary.columns.prefix(4).map(\.name) == ["method", "class", "metric", "unit"])
            #expect(summary.rows.allSatisfy { $0[0] == "fixed" } && summary.rows.count == 1)
            #expect(try Table(CSVFile(path: folder.appending(path: "out/differences.csv").path)).rows.count == 4)
            let wrong = try runLucency([
                "run", file.path, "--output", folder.appending(path: "two").path, "--set",
                "stages.compared.with.baseline=ots",
            ])
            #expect(wrong.status == 2 && wrong.errors.contains("'ots' is no value of 'method'"), "\(wrong.errors)")
        }
    }
}
