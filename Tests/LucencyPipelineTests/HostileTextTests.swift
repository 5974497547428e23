import Foundation
import Lucency
import LucencyPipeline
import Support
import Testing

/// Texts that once crashed, hung or were misread; each must end in words, within the time limit.
@Suite("Pipeline texts that mean no good", .timeLimit(.minutes(10)))
struct HostileTextTests {
    /// Checks a text whose YAML is well-formed.
    private func check(_ text: String) throws -> PipelineFile {
        try PipelineFile(text: text, name: "test.yaml", folder: ".", catalog: .standard)
    }

    private func refusal(_ text: String) throws -> Diagnostic {
        try #require(throws: Diagnostic.self) { try check(text) }
    }

    private static let head = "lucency: 1\nsources: {s: {uses: folder}}\n"
    private static let tail = "outputs: {o: {from: m, as: \"{stem}.tif\"}}\n"
    private static func low(_ cutoff: String) -> String {
        "stages: {m: {uses: fourier.lowpass, in: s, with: {cutoff: \(cutoff)}}}\n" + tail
    }

    // MARK: YAML

    @Test(
        "Aliases as keys do not multiply, wherever the key stands", arguments: ["{*p : x}", "{[*p] : x}", "[*p : x]"])
    func aliasKeys(key: String) throws {
        var text = "a: &a [x, x]\n"
        for (name, last) in zip("bcdefghijklmnop", "abcdefghijklmno") {
            text += "\(name): &\(name) [*\(last), *\(last)]\n"
        }
        #expect(try refusal(text + "z: \(key)\n").place?.line ?? 0 > 1)
        let scalar = try refusal("p: &p x\nz: \(key)\n")
        #expect(scalar.message == "keys must be plain names")
        #expect(scalar.place?.line == 2)
    }

    @Test("Aliases that deepen each other are followed no farther than nesting itself")
    func deepAliases() throws {
        let text = "a0: &a0 [x]\n" + (1..<500).map { "a\($0): &a\($0) [*a\($0 - 1)]\n" }.joined()
        #expect(try refusal(text).code == .yamlTooLarge)
    }

    @Test("An alias still repeats a value, and brackets inside quotes are no nesting")
    func aliasesRepeat() throws {
        let text = """
            lucency: 1
            name: &name "\(String(repeating: "[", count: 500))"
            summary: *name
            \(Self.head.split(separator: "\n")[1])
            stages: {m: {uses: normalize, in: s}}
            \(Self.tail)
            """
        let plan = try #require(try check(text).plan)
        #expect(plan.name == plan.summary && plan.name.count == 500)
    }

    @Test(
        "What YAML has and the format has not is refused where it stands",
        arguments: [
            ("lucency: 1\nname: !include other.yaml\n", "2:7", "tag"), ("lucency: !!int \"1\"\n", "1:10", "tag"),
            ("a: &a {x: 1}\nb: {<<: *a}\n", "2:5", "merge keys"), ("a: 1\n---\nb: 1\n", "2:1", "second document"),
            ("a: 1\nb: {c: 1, c: 2}\n", "2:11", "given twice"), ("a: \"b\n", "1:4", "not closed"),
            ("a: b\0\n", "1:5", "control characters"), ("a: \"b\\0\"\n", "1:4", "zero byte"),
            ("a:\n\tb: 1\n", "2:1", "cannot start any token"),
            ("a: *b\n", "1:4", "'*b'"), ("a: [*.png]\n", "1:5", "expected alphabetic"),
            ("? \"\(String(repeating: "k", count: 2000))\"\n: 1\n", "1:3", "2000 bytes"),
        ])
    func foreignFeatures(text: String, place: String, word: String) throws {
        let found = try refusal(text)
        #expect(found.headline.hasPrefix("test.yaml:\(place): error: "), "\(found)")
        #expect(found.message.contains(word))
    }

    @Test(
        "Line ends of every kind and a byte order mark leave places and source lines right",
        arguments: ["\n", "\r\n", "\r", "\u{2028}"])
    func lineEnds(end: String) throws {
        let text = "\u{FEFF}lucency: 1\nsources: {s: {uses: folder}}\nstages: {m: {uses: normalise, in: s}}\n"
        let found = try check(text.replacingOccurrences(of: "\n", with: end)).diagnostics
        let place = try #require(found.first { $0.code == .unknownStage }?.place)
        #expect(place.line == 3 && place.column == 20)
        #expect(place.sourceLine == "stages: {m: {uses: normalise, in: s}}")
    }

    @Test("Of a long line only the neighbourhood is shown, and no control character reaches the terminal")
    func sourceLines() throws {
        let long = "{" + (0..<5000).map { "k\($0): 1" }.joined(separator: ", ") + "}"
        let found = try check(long).diagnostics
        #expect(found.count <= 101 && found.last?.severity == .note)
        #expect(DiagnosticList(found).description.utf8.count < 50_000)
        let lines = try #require(found.first { $0.message.contains("'k50'") }).description.split(separator: "\n")
        #expect(lines[1].utf8.count < 200)
        let column = lines[2].distance(from: lines[2].startIndex, to: try #require(lines[2].firstIndex(of: "^")))
        #expect(lines[1].dropFirst(column).hasPrefix("k50: "))
        let colored = try check("lucency: 1\n\"\\e[31m\": 1\n").diagnostics
        #expect(!DiagnosticList(colored).description.unicodeScalars.contains("\u{1B}"))
        #expect(DiagnosticList(colored).description.contains("\\u{1b}[31m"))
    }

    // MARK: Names that stand for names

    @Test(
        "A variant that refers to itself is reported where it does",
        arguments: [
            ("variants: {v: {a: $v, b: 2 px}}", "3:19"), ("variants: {v: {a: 1 px, b: \"${v}x\"}}", "3:28"),
            ("parameters: {p: $v}\nvariants: {v: {a: $p}}", "3:17"),
            ("variants: {v: {a: $w}, w: {a: $v}}", "3:31"),
        ])
    func circularVariants(declaration: String, place: String) throws {
        let file = try check(
            Self.head + declaration + "\n" + Self.low("$v").replacingOccurrences(of: "{stem}", with: "{v}/{stem}"))
        let found = try #require(file.diagnostics.first { $0.code == .cycle }, "\(file.diagnostics)")
        #expect(found.headline.hasPrefix("test.yaml:\(place): error: the variant 'v' refers to itself"), "\(found)")
    }

    @Test("A variant's values may depend on another variant")
    func variantsOfVariants() throws {
        let plan = try #require(
            try check(
                """
                lucency: 1
                sources: {s: {uses: folder}}
                variants: {size: [2, 3], cutoff: {one: 9 px, more: "${size}0 px"}}
                stages: {m: {uses: fourier.lowpass, in: s, with: {cutoff: $cutoff}}}
                outputs: {o: {from: m, as: "{cutoff}/{size}/{stem}.tif"}}
                """
            ).plan)
        let cutoffs = plan.nodes.filter { $0.name == "m" }.map { $0.parameters["cutoff"]?.stringValue }
        #expect(cutoffs == ["9 px", "20 px", "9 px", "30 px"] || Set(cutoffs) == ["9 px", "20 px", "30 px"])
        #expect(cutoffs.count == 4)
    }

    @Test("Chains of parameters and of like are followed up to a limit, which is named")
    func chains() throws {
        func parameters(_ count: Int) -> String {
            Self.head + "parameters:\n  a0: 3 px\n" + (1..<count).map { "  a\($0): $a\($0 - 1)\n" }.joined()
                + Self.low("$a\(count - 1)")
        }
        #expect(try check(parameters(50)).isSound)
        let long = try check(parameters(10_000)).diagnostics
        #expect(long.map(\.code) == [.yamlTooLarge])
        #expect(long.first?.message.contains("64") == true)
        func likes(_ count: Int) -> String {
            Self.head + "stages:\n  a0: {uses: normalize, in: s}\n"
                + (1..<count).map { "  a\($0): {like: a\($0 - 1), in: s}\n" }.joined()
                + "outputs: {o: {from: a\(count - 1), as: \"{stem}.tif\"}}\n"
        }
        #expect(try check(likes(50)).isSound)
        #expect(try check(likes(9000)).diagnostics.contains { $0.code == .yamlTooLarge && $0.message.contains("64") })
    }

    @Test("A chain of nine thousand stages is no chain of calls")
    func longChainOfStages() throws {
        let text =
            Self.head + "stages:\n  m0: {uses: normalize, in: s}\n"
            + (1..<9000).map { "  m\($0): {uses: normalize, in: m\($0 - 1)}\n" }.joined()
            + "outputs: {o: {from: m8999, as: \"{stem}.tif\"}}\n"
        #expect(try check(text).isSound)
    }

    @Test("Lists and texts that repeat each other are stopped by a limit, which is named")
    func multipliedParameters() throws {
        let list = (1..<20).map { i in
            "  a\(i): [\(Array(repeating: "$a\(i - 1)", count: 10).joined(separator: ", "))]\n"
        }
        let text = (1..<20).map { i in "  a\(i): \"\(String(repeating: "${a\(i - 1)}", count: 10))\"\n" }
        for lines in [list, text] {
            let file = try check(Self.head + "parameters:\n  a0: xxxxxxxxxx\n" + lines.joined() + Self.low("$a19"))
            let found = file.diagnostics.filter { $0.code == .yamlTooLarge }
            #expect(!found.isEmpty)
            #expect(found.allSatisfy { $0.message.contains("1000000") || $0.message.contains("65536") })
        }
    }

    @Test("Too many combinations of variants are refused, for one stage and for all together")
    func combinations() throws {
        let values = (1...100).map(String.init).joined(separator: ", ")
        let variants = (0..<10).map { "  v\($0): [\(values)]\n" }.joined()
        let all = (0..<10).map { "${v\($0)}" }.joined()
        let one = try check(Self.head + "variants:\n" + variants + Self.low("\"\(all) px\""))
        #expect(one.diagnostics.contains { $0.code == .yamlTooLarge && $0.message.contains("4096") })
        let stages = (0..<500).map {
            "  m\($0): {uses: fourier.lowpass, in: s, with: {cutoff: \"${v}0 px\"}}\n"
        }.joined()
        let many = try check(
            Self.head + "variants: {v: [\(values)]}\nstages:\n" + stages
                + "outputs: {o: {from: m0, as: \"{v}/{stem}.tif\"}}\n")
        #expect(many.diagnostics.contains { $0.code == .yamlTooLarge && $0.message.contains("20000") })
    }

    @Test("A path of --set as deep as a stack is refused")
    func deepSetting() throws {
        let key = "stages.m.with" + String(repeating: ".a", count: 100_000)
        #expect(throws: Diagnostic.self) {
            try PipelineFile(
                text: Self.head + Self.low("3 px"), name: "test.yaml", folder: ".", catalog: .standard,
                settings: [Setting(parsing: key + "=1")])
        }
    }
}
