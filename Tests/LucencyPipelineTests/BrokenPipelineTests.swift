import Foundation
import Lucency
import Support
import Testing

@Suite("Checking broken pipelines")
struct BrokenPipelineTests {
    static let folder = TestFiles.fixture("LucencyPipelineTests", "broken")
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".yaml") }.sorted()

    @Test("There are at least twelve of them")
    func thereAreTwelve() { #expect(Self.names.count >= 12) }

    /// The expected text stands beside each pipeline; `LUCENCY_RECORD=1` writes it anew for reading through.
    @Test("Every problem is reported with place, caret and remedy", arguments: names)
    func diagnosticsAreExact(name: String) throws {
        let file = Self.folder.appending(path: name)
        let text = try String(contentsOf: file, encoding: .utf8)
        var report = ""
        do {
            let pipeline = try PipelineFile(text: text, name: name, folder: Self.folder.path, catalog: .standard)
            #expect(!pipeline.isSound)
            report = DiagnosticList(pipeline.diagnostics).description
        } catch {
            report = error.description
        }
        report = report.replacingOccurrences(of: Self.folder.path + "/", with: "") + "\n"
        let expected = file.deletingPathExtension().appendingPathExtension("txt")
        if ProcessInfo.processInfo.environment["LUCENCY_RECORD"] != nil {
            try report.write(to: expected, atomically: true, encoding: .utf8)
        }
        #expect(try report == String(contentsOf: expected, encoding: .utf8))
    }

    @Test("A YAML bomb of aliases is refused, not expanded")
    func aliasesAreBounded() {
        var text = "lucency: 1\na: &a [x, x, x, x, x, x, x, x, x]\n"
        for (name, previous) in zip("bcdefghij", "abcdefghi") {
            text += "\(name): &\(name) [" + Array(repeating: "*\(previous)", count: 9).joined(separator: ", ") + "]\n"
        }
        #expect(throws: Diagnostic.self) { try YAMLReader.read(text, name: "bomb.yaml") }
    }

    /// Named, so that a report does not print the texts themselves.
    static let deepTexts = [
        "brackets": String(repeating: "[", count: 100_000), "braces": String(repeating: "{a: ", count: 5000),
        "indentation": (0..<3000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
        "dashes": String(repeating: "- ", count: 4000), "a list as key": "? [a, b]\n: c\n",
        "an alias as key": "? *a\n: c\n",
    ]

    @Test("Deeply nested text is refused, not followed", arguments: deepTexts.keys.sorted())
    func depthIsBounded(name: String) {
        #expect(throws: Diagnostic.self) { try YAMLReader.read(Self.deepTexts[name] ?? "", name: "deep.yaml") }
    }

    @Test("A file that is not UTF-8, a folder and a missing file are refused in words")
    func unreadableFiles() throws {
        try withTemporaryFolder { folder in
            let bad = folder.appending(path: "bad.yaml")
            try Data([0xFF, 0xFE, 0x00]).write(to: bad)
            for path in [bad.path, folder.path, folder.appending(path: "none.yaml").path] {
                #expect(throws: Diagnostic.self) { try PipelineFile(path: path, catalog: .standard) }
            }
        }
    }
}
