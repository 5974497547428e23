import Foundation
import Lucency
import Support
import Testing

/// `split` and `part` of sources, in pipelines.
@Suite struct SplitSourceTests {
    private static let world = "world: {uses: membranes, with: {width: 32, height: 32}}"

    private func file(_ sources: String, folder: String = ".", variants: String = "") throws -> PipelineFile {
        try PipelineFile(
            text: """
                lucency: 1
                \(variants)
                sources:
                  \(sources)
                outputs: {images: {from: test.image, as: "{stem}.png"}}
                """, name: "test.yaml", folder: folder, catalog: .standard)
    }

    private func names(_ with: String, folder: String = ".") throws -> [String] {
        let made = try file("test: {uses: phantom, with: {\(Self.world), \(with)}}", folder: folder)
        let plan = try #require(made.plan, "\(DiagnosticList(made.diagnostics))")
        return try Runner(plan, options: RunOptions(output: "")) { _ in }.dryRun().items.map(\.name)
    }

    @Test func `folds of a source are parts of all its items, and keep chooses among those`() throws {
        let tested = try (1...3).map { try names("count: 10, split: {folds: 3, fold: \($0)}, part: test") }
        #expect(tested.joined().sorted() == (0..<10).map { "00000\($0)" })
        #expect(tested.map(\.count).sorted() == [3, 3, 4])
        let training = try names("count: 10, split: {folds: 3, fold: 2}, part: training")
        #expect(training == (tested[0] + tested[2]).sorted())
        let validated = "count: 10, split: {folds: 3, fold: 2, validation: true}, part: "
        #expect(try names(validated + "validation") == tested[2] && names(validated + "training") == tested[0])
        let kept = try names("count: 10, split: {folds: 3, fold: 2}, part: training, keep: {count: 2}")
        #expect(kept.count == 2 && Set(kept).isSubset(of: training))
        #expect(try names("count: 10, split: {fractions: {training: 0.5, test: 0.5}}, part: test").count == 5)
        #expect(try names("count: 10, split: {folds: 3, fold: 1, seed: 7}, part: test") != tested[0])
    }

    @Test(arguments: [
        ("split: {folds: 3}, part: test", "does not say which fold"),
        ("split: {fold: 3}, part: test", "neither `folds` nor `fractions`"),
        ("split: {folds: 3, fold: 1, fractions: {test: 1}}, part: test", "`split` has `folds` and `fractions`"),
        ("split: {folds: 3, fold: 4}, part: test", "fold 4 is not one of 3 folds"),
        ("split: {folds: 1, fold: 1}, part: test", "'folds' must be between 2 and 1000, found 1"),
        ("split: {folds: 2, fold: 1, validation: true}, part: test", "leave none for training"),
        ("split: {fractions: {training: 0.7, test: 0.2}}, part: test", "the fractions add up to 0.9"),
        (
            "split: {fractions: {training: 0.7, test: 0.3}, fold: 1}, part: test",
            "`fold` and `validation` belong to `folds`"
        ),
        ("split: {fractions: {training: 0.7, test: 0.3}}, part: validation", "the split has no validation part"),
        ("split: {folds: 3, fold: 1}, part: validation", "the split has no validation part"),
        ("split: {folds: 3, fold: 1}", "does not say which part it takes"),
        ("part: test", "`part` names a part of a split, and there is none"),
        ("split: {folds: 3, fold: 1}, part: tset", "expected training | validation | test"),
        ("split: {folds: 3, fold: 1, group: {column: patient}}, part: test", "needs the parameter 'file'"),
        ("split: {folds: 3, fold: 1, group: {file: none.csv, column: patient}}, part: test", "none.csv' is not there"),
    ])
    func `a split that says too little or too much is refused by the check`(with: String, message: String) throws {
        let made = try file("test: {uses: phantom, with: {\(Self.world), \(with)}}")
        #expect(made.plan == nil && made.diagnostics.count == 1, "\(DiagnosticList(made.diagnostics))")
        #expect(made.diagnostics.first?.message.contains(message) == true, "\(DiagnosticList(made.diagnostics))")
    }

    @Test(arguments: [
        ("name,patient\n000000,a\n000000,b\n", "patient", "has the patient 'b' here and 'a' in line 2"),
        ("name,patient\n000000,a\n", "patent", "there is no column 'patent'"),
        ("name,patient\n000000\n", "patient", "the line has 1 fields, the header 2"),
        ("name,patient\n000000,\n", "patient", "'000000' has no 'patient'"),
        ("name,patient\n\"000000,a\n", "patient", "is never closed"),
    ])
    func `a table of groups that is wrong is refused by the check`(text: String, column: String, message: String) throws
    {
        try withTemporaryFolder { folder in
            try text.write(to: folder.appending(path: "p.csv"), atomically: true, encoding: .utf8)
            let made = try file(
                "test: {uses: phantom, with: {\(Self.world), split: {folds: 2, fold: 1, group: {file: p.csv, column: \(column)}}, "
                    + "part: test}}", folder: folder.path)
            #expect(made.plan == nil && made.diagnostics.count == 1, "\(DiagnosticList(made.diagnostics))")
            #expect(made.diagnostics.first?.message.contains(message) == true, "\(DiagnosticList(made.diagnostics))")
        }
    }

    @Test func `items without a group, and fewer groups than folds, end the run before it begins`() throws {
        try withTemporaryFolder { folder in
            let rows = (0..<6).map { "00000\($0).png,p\($0 / 3)\n" }.joined()
            try ("item,patient\n" + rows).write(to: folder.appending(path: "p.csv"), atomically: true, encoding: .utf8)
            let split = "split: {folds: 2, fold: 1, group: {file: p.csv, column: patient, item: item}}, part: test"
            #expect(try names("count: 6, \(split)", folder: folder.path).count == 3)
            let missing = #expect(throws: Diagnostic.self) { try names("count: 8, \(split)", folder: folder.path) }
            #expect(missing?.message == "2 of 8 items are not in the table, the first is '000006'")
            let few = #expect(throws: Diagnostic.self) {
                try names("count: 6, \(split.replacing("folds: 2", with: "folds: 3"))", folder: folder.path)
            }
            #expect(few?.message.contains("3 folds need at least 3 groups") == true)
        }
    }

    @Test func `sources that share a split but list other items are refused where an item would be on both sides`()
        throws
    {
        let split = "split: {folds: 3, fold: 1}"
        func run(_ test: String) throws -> Int {
            let made = try file(
                """
                train: {uses: phantom, with: {\(Self.world), count: 30, \(split), part: training}}
                  test: {like: train, with: {\(test)}}
                """)
            let plan = try #require(made.plan, "\(DiagnosticList(made.diagnostics))")
            return try Runner(plan, options: RunOptions(output: "")) { _ in }.dryRun().items.count
        }
        #expect(try run("part: test") == 10)
        let error = #expect(throws: Diagnostic.self) { try run("part: test, count: 24") }
        #expect(error?.message.contains("in 'test' (test), though they share a split") == true)
        // The validation part is in the other's training part.
        #expect(throws: Diagnostic.self) { try run("part: validation, split: {folds: 3, fold: 1, validation: true}") }
        // Other data of which nothing is shared, and a split of their own.
        #expect(try run("part: test, count: 24, first: 100") == 8)
        #expect(try run("part: test, count: 24, split: {folds: 3, fold: 1, seed: 9}") == 8)
    }

    /// Items of a folder with patients: which fold each is tested in, once, with its group and stratum.
    @Test func `the port split, gathered over folds, is a table of the whole division`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try "name,patient,grade\na.png,p,low\nb,q,high\ne,p,low\nh,r,high\n".write(
                to: folder.appending(path: "p.csv"), atomically: true, encoding: .utf8)
            let source = """
                test: {uses: folder, with: {split: {folds: 2, fold: $fold, group: {file: p.csv, column: patient}, \
                stratify: {file: p.csv, column: grade}}, part: test}}
                """
            let pipeline = """
                variants: {fold: [1, 2]}
                stages:
                  folds: {uses: gather, in: test.split, over: [fold]}
                  copies: {uses: test.copy, in: test}
                outputs:
                  folds: {from: folds, as: folds.csv}
                  copies: {from: copies, as: "{fold}/{stem}.png"}
                """
            let summary = try bench.run(pipeline, sources: source)
            #expect(summary.exitStatus == 0 && summary.done == 4)
            let lines = bench.lines("folds.csv")
            #expect(lines.first == "fold,item,part,testFold,group,stratum")
            let rows = lines.dropFirst().map { $0.split(separator: ",").map(String.init) }
            #expect(rows.map { $0[1] }.sorted() == ["a", "b", "e", "h"])
            #expect(rows.allSatisfy { $0[0] == $0[3] && $0[2] == "test" })
            #expect(Set(rows.filter { $0[4] == "p" }.map { $0[0] }).count == 1)
            #expect(
                Set(rows.filter { $0[5] == "high" }.map { $0[0] }) == Set(rows.filter { $0[4] != "p" }.map { $0[0] }))
            for row in rows { #expect(bench.data("\(row[0])/\(row[1]).png") != nil) }
            // Nothing is done again before another table divides in another way.
            #expect(try bench.run(pipeline, sources: source).done == 0)
            try "name,patient,grade\na,p,low\nb,p,high\ne,q,low\nh,r,high\n".write(
                to: folder.appending(path: "p.csv"), atomically: true, encoding: .utf8)
            let again = try bench.run(pipeline, sources: source)
            let folds = bench.lines("folds.csv").dropFirst().map { $0.split(separator: ",").map(String.init) }
            #expect(again.exitStatus == 0 && folds.count == 4)
            #expect(Set(folds.filter { $0[4] == "p" }.map { $0[0] + $0[1] }).count == 2)
            #expect(Set(folds.filter { $0[4] == "p" }.map { $0[0] }).count == 1)
        }
    }

    @Test(arguments: [
        ("test: {like: trian}", "there is no source 'trian' to be like"),
        ("test: {like: test}", "'test' is like itself: test → test"),
        ("test: {uses: phantom, like: train}", "'test' has both `uses` and `like`"),
    ])
    func `a source can be like another one that is there`(test: String, message: String) throws {
        let made = try file("train: {uses: phantom, with: {\(Self.world), count: 3}}\n  \(test)")
        #expect(made.plan == nil)
        #expect(
            made.diagnostics.contains { $0.message.contains(message) }, "\(DiagnosticList(made.diagnostics))")
    }
}
