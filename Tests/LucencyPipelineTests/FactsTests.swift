import Foundation
import Lucency
import LucencyPhantoms
import LucencyReports
import Support
import Testing

/// The port `facts` of sources.
@Suite struct FactsTests {
    private func write(_ text: String, _ folder: URL) throws {
        try text.write(to: folder.appending(path: "facts.csv"), atomically: true, encoding: .utf8)
    }

    private static let gathered = """
        stages: {facts: {uses: gather, in: p.facts}}
        outputs: {facts: {from: facts, as: facts.csv}}
        """

    @Test func `a folder's facts come from a table, whatever the order of its rows`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try write("class,image,patient,magnification\nb,h.png,p2,40\nm,a,007,100\nb,b,p1,40\nm,e,p1,40\n", folder)
            let source = "p: {uses: folder, with: {facts: {file: facts.csv, item: image}}}"
            #expect(try bench.run(Self.gathered, sources: source).exitStatus == 0)
            #expect(
                bench.lines("facts.csv").map { $0.replacing("\"", with: "") } == [
                    "item,class,patient,magnification", "a,m,007,100", "b,b,p1,40", "e,m,p1,40", "h,b,p2,40",
                ])
            // Only some of the columns, and only of the items of a part.
            let part = """
                p: {uses: folder, with: {facts: {file: facts.csv, item: image, columns: [patient]}, part: test,
                  split: {folds: 3, fold: 1, group: {file: facts.csv, column: patient, item: image}}}}
                """
            #expect(try bench.run(Self.gathered, sources: part).exitStatus == 0)
            let lines = bench.lines("facts.csv")
            #expect(lines[0] == "item,patient" && (2...3).contains(lines.count))
        }
    }

    @Test(arguments: [
        ("image,class\na,m\n,m\ne,m\nh,m\n", "facts.csv:3:1", "the row names no item"),
        ("image,class\na,m\na,b\nb,m\ne,m\nh,m\n", "facts.csv:3:1", "'a' has the class 'b' here and 'm' in line 2"),
        ("image,class\na,m,x\n", "facts.csv:2:1", "the line has 3 fields, the header 2"),
        ("image\na\n", "facts.csv", "the table has no column beside 'image'"),
        ("name,class\na,m\n", "facts.csv", "there is no column 'image'"),
        ("image,class\na,m\nb,m\nh,m\n", "facts.csv", "1 of 4 items are not in the table, the first is 'e'"),
    ])
    func `a table that lacks a row or a field is refused with its line`(
        text: String, place: String, message: String
    ) throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try write(text, folder)
            let file = try PipelineFile(
                text: "lucency: 1\nsources: {p: {uses: folder, with: {facts: {file: facts.csv, item: image}}}}\n"
                    + Self.gathered, name: "test.yaml", folder: folder.path, catalog: .standard,
                inputFolder: bench.images.path)
            var found = file.diagnostics.first
            if let plan = file.plan {
                var options = RunOptions(output: bench.output.path)
                options.source.inputFolder = bench.images.path
                found = #expect(throws: Diagnostic.self) { try Runner(plan, options: options) { _ in }.run() }
            }
            #expect(found?.message.contains(message) == true, "\(found.map { "\($0)" } ?? "nothing was refused")")
            let told = found?.place.map { "\($0.file):\($0.line):\($0.column)" } ?? ""
            #expect(told.contains(place), "\(told)")
        }
    }

    @Test func `a fact may be missing where nobody asks for it, and is then told of by who reads it`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try write("image,class,slide\na,m,7\nb,b,\ne,m,\nh,,9\n", folder)
            func source(_ more: String = "") -> String {
                "p: {uses: folder, with: {facts: {file: facts.csv, item: image\(more)}}}"
            }
            #expect(try bench.run(Self.gathered, sources: source()).exitStatus == 0)
            #expect(
                bench.lines("facts.csv").map { $0.replacing("\"", with: "") }
                    == ["item,class,slide", "a,m,7", "b,b,", "e,m,", "h,,9"])
            // Columns that are named must be full.
            let file = try PipelineFile(
                text: "lucency: 1\nsources: {\(source(", columns: [class]"))}\n" + Self.gathered, name: "test.yaml",
                folder: folder.path, catalog: .standard, inputFolder: bench.images.path)
            #expect(file.diagnostics.first?.message == "'h' has no 'class'")
            #expect(file.diagnostics.first?.place?.line == 5)
        }
        let facts = try Table(columns: [.init("class"), .init("patient")], rows: [["m", .missing]])
        #expect(try facts.fact("class") == "m")
        let missing = #expect(throws: Diagnostic.self) { try facts.fact(ifThere: "patient") }
        #expect(missing?.message == "the item has no 'patient'" && missing?.remedy != nil)
    }

    @Test func `a port of that name that is there already is refused`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try write("image,class\na,m\n", folder)
            let file = try PipelineFile(
                text:
                    "lucency: 1\nsources: {p: {uses: folder, with: {also: {facts: images}, facts: {file: facts.csv}}}}\n"
                    + "outputs: {i: {from: p.image, as: \"{stem}.png\"}}", name: "test.yaml", folder: folder.path,
                catalog: .standard, inputFolder: bench.images.path)
            #expect(file.diagnostics.map(\.code) == [.duplicateName])
        }
    }

    private static let world = "world: {uses: histology, with: {width: 64, height: 64, imagesPerPatient: 2}}"

    @Test func `a phantom's facts are those of its record, and need no picture`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let source = "p: {uses: phantom, with: {\(Self.world), count: 6, seed: 4}}"
            let pipeline = """
                stages: {facts: {uses: gather, in: p.facts}}
                outputs:
                  facts: {from: facts, as: facts.csv}
                  drawn: {from: p.parameters, as: "{stem}.json"}
                """
            #expect(try bench.run(pipeline, sources: source).exitStatus == 0)
            let rows = bench.lines("facts.csv").map {
                $0.replacing("\"", with: "").split(separator: ",").map(String.init)
            }
            #expect(rows[0] == ["item", "class", "patient", "laboratory", "magnification"])
            for (index, row) in rows.dropFirst().enumerated() {
                let data = try #require(bench.data("\(row[0]).json"))
                let drawn = try JSONValue(parsing: String(decoding: data, as: UTF8.self))["drawn"]
                #expect(row[1] == drawn?["class"]?.stringValue)
                #expect(row[2] == "patient-4-\(index / 2)")
                #expect(row[3] == drawn?["laboratory"]?.stringValue)
                #expect(row[4] == drawn?["magnification"]?.intValue.map { String($0) })
            }
            // A world without facts has no such port.
            let none = try PipelineFile(
                text:
                    "lucency: 1\nsources: {p: {uses: phantom, with: {world: {uses: membranes, with: {width: 32, height: 32}}}}}\n"
                    + Self.gathered, name: "test.yaml", folder: folder.path, catalog: .standard)
            #expect(none.plan == nil && none.diagnostics.first?.code == .unknownReference)
        }
    }
}
