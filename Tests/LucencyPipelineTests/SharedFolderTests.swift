import Foundation
import Lucency
import Support
import Testing

@Suite("Folders that inputs, outputs and several pipelines share")
struct SharedFolderTests {
    static let copies = RecordTests.copies

    private func diagnostic(_ body: () throws -> Void) -> Diagnostic? {
        #expect(throws: Diagnostic.self) { try body() }
    }

    @Test("A second run whose output folder is the input folder, or lies in it, finds nothing to do")
    func outputsAmongInputs() throws {
        for place in ["", "out", "copies"] {
            try withTemporaryFolder { folder in
                let bench = try Workbench(folder)
                let template = place == "copies" ? "copies/{stem}.png" : "{stem}-copy.png"
                let pipeline = Self.copies.replacingOccurrences(of: "{stem}.png", with: template)
                let output = place == "out" ? bench.images.appending(path: "out").path : bench.images.path
                #expect(try bench.run(pipeline) { $0.output = output }.done == 4)
                let notes = Lock<[String]>([])
                let again = try bench.runner(pipeline, { $0.output = output }) { event in
                    if case .notice(let note) = event { notes.withLock { $0.append(note.message) } }
                }.run()
                #expect(again.done == 0 && again.skipped == 4 && again.exitStatus == 0)
                #expect(notes.withLock { $0 }.contains { $0.contains("left out") })
            }
        }
    }

    @Test("A run may follow another at once")
    func runsInARow() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            for _ in 0..<200 { #expect(try bench.run(Self.copies) { $0.jobs = 4 }.exitStatus == 0) }
        }
    }

    @Test("What one pipeline wrote may be another one's input in the same output folder")
    func chainedPipelines() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try bench.run(Self.copies.replacingOccurrences(of: "{stem}.png", with: "first/{stem}.png"))
            let second = Self.copies.replacingOccurrences(of: "{stem}.png", with: "second/{stem}.png")
            #expect(try bench.run(second, sources: "slices: {uses: folder, with: {images: out/first}}").done == 4)
        }
    }

    @Test("Two pipelines in one folder keep their own records")
    func twoPipelines() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let one = "name: one\n" + RecordTests.copiesAndTable
            let two =
                "name: two\n"
                + Self.copies.replacingOccurrences(of: "{stem}.png", with: "two/{stem}.png")
            for pipeline in [one, two] { #expect(try bench.run(pipeline).done == 4) }
            for pipeline in [one, two, one] {
                let again = try bench.run(pipeline)
                #expect(again.done == 0 && again.skipped == 4 && again.wholes == 0)
            }
            let verification = try Verification(of: bench.output.path)
            #expect(verification.files.count == 9 && verification.isIntact)
        }
    }

    @Test("After a source got another name or items other numbers, each file belongs to its last record")
    func lastRecordOfAFile() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let numbered = Self.copies.replacingOccurrences(of: "{stem}", with: "{index}")
            #expect(try bench.run(numbered).done == 4)
            let renamed = numbered.replacingOccurrences(of: "slices", with: "planes")
                .replacingOccurrences(of: "in: planes", with: "in: planes, with: {level: 3}")
            #expect(try bench.run(renamed, sources: "planes: {uses: folder}").done == 4)
            var verification = try Verification(of: bench.output.path)
            #expect(verification.files.count == 4 && verification.isIntact)
            try FileManager.default.removeItem(at: bench.images.appending(path: "a.png"))
            #expect(try bench.run(renamed, sources: "planes: {uses: folder}").exitStatus == 0)
            verification = try Verification(of: bench.output.path)
            #expect(verification.files.prefix(3).map(\.path) == ["001.png", "002.png", "003.png"])
            #expect(verification.isIntact)
        }
    }

    @Test("A failing item leaves no other item's file standing as its result, but another pipeline's stays")
    func staleFilesOfOthers() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let numbered = "name: one\n" + Self.copies.replacingOccurrences(of: "{stem}", with: "{index}")
            #expect(try bench.run(numbered).done == 4)
            try FileManager.default.removeItem(at: bench.images.appending(path: "a.png"))
            try bench.fail("copy", "b")
            #expect(try bench.run(numbered).exitStatus == 2)
            #expect(bench.data("001.png") == nil && bench.data("002.png") != nil)
            #expect(try Verification(of: bench.output.path).isIntact)

            try bench.mend()
            let two = numbered.replacingOccurrences(of: "name: one", with: "name: two")
            #expect(try bench.run(two).exitStatus == 0)
            try bench.fail("copy", "b")
            let changed = numbered.replacingOccurrences(of: "in: slices", with: "in: slices, with: {level: 9}")
            #expect(try bench.run(changed).exitStatus == 2)
            #expect(bench.data("001.png") != nil)
            #expect(try Verification(of: bench.output.path).isIntact)
        }
    }

    @Test("A source's list and the pipeline file are inputs that no output replaces")
    func listsAreInputs() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try FileManager.default.createDirectory(at: bench.output, withIntermediateDirectories: true)
            let list = bench.output.appending(path: "table.csv")
            try "a\nb\n".write(to: list, atomically: true, encoding: .utf8)
            let refusal = diagnostic {
                try bench.run(
                    RecordTests.copiesAndTable, sources: "slices: {uses: folder, with: {list: out/table.csv}}")
            }
            #expect(refusal?.message == "the output 'table.csv' would be written over an input")
            #expect(bench.lines("table.csv") == ["a", "b"])
            #expect(diagnostic { try bench.run(RecordTests.copiesAndTable) { $0.files = [list.path] } } != nil)
        }
    }

    @Test("A run that succeeds removes its own partial states, not those of another pipeline")
    func statesOfOthers() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            func states() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: bench.output.appending(path: ".lucency").path)
                    .count { !$0.hasPrefix("lock") }
            }
            let one = "name: one\n" + RecordTests.copiesAndTable
            let two = one.replacingOccurrences(of: "table", with: "other").replacingOccurrences(of: "one", with: "two")
                .replacingOccurrences(of: "test.count, in: slices", with: "test.count, in: even")
            #expect(try bench.run(one) { $0.keep = true }.exitStatus == 0)
            #expect(try states() == 4)
            #expect(try bench.run(two).exitStatus == 0)
            #expect(try states() == 4)
            #expect(try bench.run(one).exitStatus == 0)
            #expect(try states() == 0)
        }
    }

    @Test("Two outputs that a linked folder makes one file are refused, and so is what would be file and folder")
    func oneFileTwice() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            func copies(_ first: String, _ second: String) -> String {
                """
                stages: {one: {uses: test.constant}, two: {uses: test.constant, with: {level: 2}}}
                outputs: {one: {from: one, as: "\(first)"}, two: {from: two, as: "\(second)"}}
                """
            }
            func link(_ name: String, _ target: String) throws {
                try FileManager.default.createSymbolicLink(
                    atPath: bench.output.appending(path: name).path, withDestinationPath: target)
            }
            try FileManager.default.createDirectory(
                at: bench.output.appending(path: "masks"), withIntermediateDirectories: true)
            try link("masks2", "masks")
            try link("here", ".")
            #expect(
                diagnostic { try bench.run(copies("masks/x.csv", "masks2/x.csv")) }?.message
                    == "'masks/x.csv' and 'masks2/x.csv' are the same file through a symbolic link")
            #expect(
                diagnostic { try bench.run(copies("x.csv", "x.csv/y.csv")) }?.message
                    == "'x.csv' would be a file, and a folder that holds 'x.csv/y.csv'")
            #expect(diagnostic { try bench.run(copies("here/run.json", "x.csv")) }?.code == .outputCollision)
            try FileManager.default.createDirectory(
                at: bench.output.appending(path: "z.csv"), withIntermediateDirectories: true)
            #expect(diagnostic { try bench.run(copies("z.csv", "x.csv")) }?.code == .unwritable)
            #expect(try bench.run(copies("masks/x.csv", "masks2/y.csv")).exitStatus == 0)
        }
    }
}
