import Foundation
import Lucency
import Support
import Testing

@Suite("The documentation")
struct DocumentationTests {
    static let guides = TestFiles.root.appending(path: "Sources/Lucency/Lucency.docc")
    static let pages =
        ["README.md"]
        + ((try? FileManager.default.contentsOfDirectory(atPath: guides.path)) ?? [])
        .filter { $0.hasSuffix(".md") }.sorted().map { "Sources/Lucency/Lucency.docc/\($0)" }

    /// Every line that begins with `lucency ` in a block of shell code, in order, in a folder with images, masks and pipelines.
    @Test("Every lucency command of a page runs as it stands there", arguments: pages)
    func commandsRun(page: String) throws {
        let text = try String(contentsOf: TestFiles.root.appending(path: page), encoding: .utf8)
        let commands = text.components(separatedBy: "```sh\n").dropFirst()
            .flatMap { ($0.components(separatedBy: "\n```").first ?? "").split(separator: "\n") }
            .filter { $0.hasPrefix("lucency ") }
        guard !commands.isEmpty else { return }
        try withTemporaryFolder { folder in
            for name in ["pipelines", "phantoms"] {
                try FileManager.default.createSymbolicLink(
                    at: folder.appending(path: name), withDestinationURL: TestFiles.root.appending(path: name))
            }
            try Slices.render(
                Membranes(width: 256, height: 256), seed: 1, count: 2, images: folder.appending(path: "images"),
                masks: folder.appending(path: "masks"))
            let shell = try #require(Program(onPath: "sh"))
            for command in commands {
                let line = "lucency() { '\(lucencyBinary.path)' \"$@\"; }; \(command)"
                let run = try shell.run(["-c", line], in: folder)
                #expect(run.status == 0, "\(command)\n\(run.errors)")
            }
        }
    }

    /// `LUCENCY_RECORD=1` writes the page anew.
    @Test("The page of diagnostic codes says what the program says")
    func diagnosticCodes() throws {
        var page = """
            # Diagnostic codes

            Every message ends with a stable code; messages may be reworded, codes are never reused.

            | code | meaning |
            | --- | --- |

            """
        for code in DiagnosticCode.allCases { page += "| \(code.rawValue) | \(code.summary) |\n" }
        let file = Self.guides.appending(path: "DiagnosticCodes.md")
        if ProcessInfo.processInfo.environment["LUCENCY_RECORD"] != nil {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == page)
    }

    @Test("Every command has help with an example")
    func help() throws {
        for command in [
            "run", "check", "apply", "graph", "stages", "schema", "inspect", "convert", "why", "verify", "doctor",
            "compare", "model", "phantom", "report", "upscale",
        ] {
            let run = try runLucency([command, "--help"])
            #expect(run.status == 0)
            #expect(String(decoding: run.out, as: UTF8.self).contains("Example"), "\(command)")
        }
        let version = try runLucency(["--version"])
        #expect(String(decoding: version.out, as: UTF8.self) == "lucency \(lucencyVersion)\n")
    }
}
