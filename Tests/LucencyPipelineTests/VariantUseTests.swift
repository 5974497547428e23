import Foundation
import Lucency
import Support
import Testing

/// What a check says about a pipeline.
private func diagnostics(_ text: String) throws -> [Diagnostic] {
    try PipelineFile(text: "lucency: 1\n" + text, name: "test.yaml", folder: ".", catalog: .standard).diagnostics
        .filter { $0.severity == .error }
}

@Suite("Where variants and parameters may stand")
struct VariantUseTests {
    @Test("A variant that `over` gathers has no value in the collector's own parameters")
    func gatheredVariant() throws {
        let found = try diagnostics(
            """
            variants: {size: [10 px, 20 px]}
            sources: {slices: {uses: folder}}
            stages:
              mask: {uses: segment.threshold, in: slices}
              clean: {uses: morphology, in: mask, with: {operation: {uses: remove-small-objects, with: {minimum: $size}}}}
              sizes: {uses: measure, in: {labels: clean, image: slices}}
              all: {uses: gather, in: sizes, over: [size], with: {name: $size}}
            outputs: {all: {from: all, as: "all.csv"}}
            """)
        let refusal = try #require(found.first { $0.code == .variantMisuse }, "\(found)")
        #expect(refusal.message == "'size' is gathered by `over`, so it has no single value here")
        #expect(refusal.place?.line == 8)
    }

    @Test("A variant may stand for a whole source or stage, which may read different things for each value")
    func wholeEntries() throws {
        func file(_ more: String) throws -> PipelineFile {
            try PipelineFile(
                text: """
                    lucency: 1
                    variants:
                      data: {one: {uses: folder}, two: {uses: folder, with: {spacing: 1 mm}}}
                      how:
                        plain: {uses: segment.threshold, in: s}
                        even: {uses: segment.threshold, in: smooth, with: {method: {uses: sauvola, with: {window: 15 px}}}}
                    sources: {s: $data}
                    stages:
                      smooth: {uses: normalize, in: s}
                      mask: $how
                      sizes: {uses: measure, in: {labels: mask, image: s}}
                      all: {uses: gather, in: sizes, over: [data, how]}
                    \(more)
                    outputs:
                      masks: {from: mask, as: "{data}/{how}/{stem}.png"}
                      all: {from: all, as: "all.csv"}
                    """, name: "test.yaml", folder: ".", catalog: .standard)
        }
        let sound = try file("")
        let plan = try #require(sound.plan, "\(DiagnosticList(sound.diagnostics))")
        func count(_ name: String) -> Int { plan.nodes.count { $0.name == name } }
        #expect(count("s") == 2 && count("smooth") == 2 && count("mask") == 4 && count("all") == 1)
        let mask = try #require(plan.nodes.first { $0.label == "mask[data=two,how=even]" })
        let read = try #require(mask.rows[0][0])
        #expect(plan.nodes[read.node].label == "smooth[data=two]")
        #expect(mask.parameters.text.contains("sauvola"))
        let like = try file("  again: {like: mask, in: s}")
        #expect(like.diagnostics.contains { $0.code == .variantMisuse && $0.message.contains("'how'") })
    }

    @Test("Names of outputs are compared with parameters and variants filled in")
    func collisions() throws {
        func outputs(_ first: String, _ second: String) throws -> [Diagnostic] {
            try diagnostics(
                """
                parameters: {a: same, b: same, c: other}
                variants: {method: {otsu: otsu, local: {uses: sauvola, with: {window: 15 px}}}}
                sources: {slices: {uses: folder}}
                stages:
                  mask: {uses: segment.threshold, in: slices, with: {method: $method}}
                  sizes: {uses: measure, in: {labels: mask, image: slices}}
                  all: {uses: gather, in: sizes}
                  every: {uses: gather, in: sizes, over: [method]}
                outputs:
                  one: {from: \(first)}
                  two: {from: \(second)}
                """)
        }
        let whole = try outputs(#"every, as: "${a}.csv""#, #"every, as: "${b}.csv""#)
        #expect(whole.map(\.message) == ["'two' and 'one' both write 'same.csv'"])
        #expect(whole.first?.remedy == "give one of them another name (`as`)")
        #expect(try outputs(#"every, as: "otsu.csv""#, #"all, as: "{method}.csv""#).map(\.code) == [.outputCollision])
        let items = try outputs(#"mask, as: "{method}/{stem}.png""#, #"mask, as: "{method}/{stem}.png""#)
        #expect(items.first?.remedy?.contains("a folder of its own") == true)
        #expect(try outputs(#"every, as: "${a}.csv""#, #"every, as: "${c}.csv""#).isEmpty)
    }
}
