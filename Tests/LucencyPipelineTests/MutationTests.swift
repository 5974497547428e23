import Foundation
import Lucency
import LucencyPipeline
import Support
import Testing

/// Thousands of damaged texts, the same in every run: each gives a value or diagnostics, in little memory.
@Suite struct MutationTests {
    @Test func `a thousand damaged pipelines are checked or refused`() async {
        await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let folder = TestFiles.root.appending(path: "pipelines").path
            let names = (try? FileSystem.names(in: folder))?.filter { $0.hasSuffix(".yaml") } ?? []
            let texts = names.compactMap { try? FileSystem.bytes(FileSystem.join(folder, $0), limit: 1 << 20) }
            var ordeal = Ordeal(megabytes: 512)
            guard texts.count > 5 else { Ordeal.fail("the pipelines are not there") }
            let words = [
                "{", "}", "[", "]", ": ", "- ", "&a ", "*a", "$epochs", "${epochs}", "{stem}", "!!int ", "|\n  ",
                "<<: ",
                "uses: folder", "like: x", "in: x", "over: [method]", "1e999", "-1", "NaN", "0x7fffffffffffffff",
                "3 px",
                "9999999999999999999 mm", "\u{FEFF}", "\u{0}", "\t", "\n", "\"", "'", "#", "---\n", "../", "~",
            ].map { Array($0.utf8) }
            var random = Mutations(state: 2)
            for index in 0..<1000 {
                let at = index % texts.count
                let bytes = random.mutant(of: texts[at], with: texts[(index * 7 + 1) % texts.count], words: words)
                ordeal.attempt("mutant \(index), of \(names[at]),") {
                    // Bytes that are no UTF-8 are refused where the file is read.
                    let text = String(decoding: bytes, as: UTF8.self)
                    let file = try PipelineFile(
                        text: text, name: "mutant.yaml", folder: folder, catalog: .standard)
                    if (file.plan == nil) != file.diagnostics.contains(where: { $0.severity == .error }) {
                        Ordeal.fail("mutant \(index) of \(names[at]) has a plan and errors, or neither")
                    }
                    if DiagnosticList(file.diagnostics).description.utf8.count > 1 << 20 {
                        Ordeal.fail("mutant \(index) of \(names[at]) has too much to say")
                    }
                }
            }
            ordeal.end(atLeast: 1000)
        }
    }

    @Test func `a thousand damaged manifests give their sound lines`() async {
        await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            var ordeal = Ordeal(megabytes: 256)
            let path = TestFiles.fixture("LucencyPipelineTests", "runs/manifest.jsonl").path
            guard let manifest = try? FileSystem.bytes(path, limit: 1 << 20), manifest.count > 1000 else {
                Ordeal.fail("the fixture is not there")
            }
            let words = [
                "{", "}", "[", "]", ",", ":", "\"", "\\u0000", "\\ud800", "1e999", "-1", "null", "true", "\n", "\u{0}",
                "\"outputs\":", "\"path\":\"../x\"", "\"path\":\"/etc/passwd\"", "\"status\":\"done\"",
                "\"pass\":1e300",
                String(repeating: "[", count: 100),
            ].map { Array($0.utf8) }
            var random = Mutations(state: 3)
            try? withTemporaryFolder { folder in
                let file = folder.appending(path: "manifest.jsonl").path
                for index in 0..<1000 {
                    let bytes = random.mutant(of: manifest, with: manifest, words: words)
                    ordeal.attempt("mutant \(index)") {
                        try FileSystem.write(bytes, to: file)
                        let read = try Manifest(of: folder.path)
                        let lines = bytes.split(separator: 0x0A).count
                        if read.records.count + read.damagedLines != lines {
                            Ordeal.fail("mutant \(index) loses lines")
                        }
                        for output in read.records.flatMap(\.outputs)
                        where output.path.hasPrefix("/") || output.path.split(separator: "/").contains("..") {
                            Ordeal.fail("mutant \(index) names a file outside: \(output.path)")
                        }
                        if read.damagedLines > 0 { throw Diagnostic(.manifestDamaged, "\(read.damagedLines)") }
                    }
                    // Whatever a manifest says, it can be verified, or that is refused.
                    ordeal.attempt("verifying mutant \(index)") { _ = try Verification(of: folder.path) }
                }
            }
            ordeal.end(atLeast: 2000)
        }
    }
}
