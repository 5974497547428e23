import Foundation
import Lucency
import LucencyPipeline
import Support
import Testing

/// Checks a pipeline given as text and returns its plan; fails the test with the diagnostics otherwise.
private func plan(
    _ text: String, set: [String] = [], seed: UInt64? = nil, folder: String = ".", input: String? = nil
) throws -> Plan {
    let file = try PipelineFile(
        text: text, name: "test.yaml", folder: folder, catalog: .standard,
        settings: set.map { try Setting(parsing: $0) },
        seed: seed, inputFolder: input)
    return try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
}

@Suite("The pipeline format")
struct FormatTests {
    static let variants = """
        lucency: 1
        seed: 7
        variants:
          method: {otsu: otsu, local: {uses: sauvola, with: {window: 15 px}}}
          size: [10 px, 20 px]
        sources: {slices: {uses: folder}}
        stages:
          even: {uses: normalize, in: slices}
          mask: {uses: segment.threshold, in: even, with: {method: $method}}
          clean: {uses: morphology, in: mask, with: {operation: {uses: remove-small-objects, with: {minimum: $size}}}}
          sizes: {uses: measure, in: {labels: clean, image: slices}}
          all: {uses: gather, in: sizes, over: [method, size]}
          each: {uses: gather, in: sizes, over: [size]}
        outputs:
          masks: {from: clean, as: "{method}/{size}/{stem}.png"}
          all: {from: all, as: "all.csv"}
          each: {from: each, as: "{method}.csv"}
        """

    @Test("A stage exists once per combination of the variants it depends on")
    func variantsMultiply() throws {
        let plan = try plan(Self.variants)
        func count(_ name: String) -> Int { plan.nodes.count { $0.name == name } }
        #expect(count("even") == 1)
        #expect(count("mask") == 2)
        #expect(count("clean") == 4)
        #expect(count("all") == 1)
        #expect(count("each") == 2)
        #expect(plan.outputs.filter { $0.name == "masks" }.count == 4)
        #expect(plan.nodes.map(\.label).contains("clean[method=local,size=20 px]"))
    }

    @Test("`over` gathers a stream for every combination, tagged with its names")
    func overGathers() throws {
        let plan = try plan(Self.variants)
        let all = try #require(plan.nodes.first { $0.name == "all" })
        #expect(all.rows.count == 4)
        #expect(all.rowTags.contains(["method": "local", "size": "10 px"]))
        let each = plan.nodes.filter { $0.name == "each" }
        #expect(each.allSatisfy { $0.rows.count == 2 })
        #expect(Set(each.map { $0.combination }) == [["method": "otsu"], ["method": "local"]])
    }

    @Test("A variant named seed sets the seed of what depends on it, and only of that")
    func seedVariants() throws {
        let text = """
            lucency: 1
            seed: 7
            variants: {seed: [1, 2, 3]}
            sources: {slices: {uses: folder}}
            stages:
              even: {uses: normalize, in: slices}
              filtered: {uses: fourier.lowpass, in: even, with: {cutoff: "${seed}0 px"}}
            outputs: {out: {from: filtered, as: "{seed}/{stem}.tif"}}
            """
        let plan = try plan(text)
        #expect(plan.nodes.filter { $0.name == "even" }.map(\.seed) == [7])
        #expect(plan.nodes.filter { $0.name == "filtered" }.map(\.seed) == [1, 2, 3])
        #expect(plan.nodes.last?.parameters["cutoff"] == "30 px")
    }

    @Test("`like` takes another stage's parameters, and its own win")
    func likeCopies() throws {
        let text = """
            lucency: 1
            sources: {a: {uses: folder}, b: {uses: folder}}
            stages:
              even: {uses: fourier.homomorphic, in: a, with: {cutoff: 32 px, gammaLow: 0.3}}
              same: {like: even, in: b}
              other: {like: same, in: b, with: {gammaLow: 0.9}}
            outputs:
              first: {from: even, as: "1/{stem}.tif"}
              second: {from: same, as: "2/{stem}.tif"}
              third: {from: other, as: "3/{stem}.tif"}
            """
        let plan = try plan(text)
        func parameters(_ name: String) -> JSONValue? { plan.nodes.first { $0.name == name }?.parameters }
        #expect(parameters("same") == parameters("even"))
        #expect(parameters("other")?["gammaLow"] == .number(0.9))
        #expect(parameters("other")?["cutoff"] == "32 px")
    }

    @Test("`like` merges mappings that parameters and variants stand for, and depends only on variants it keeps")
    func likeMergesReferences() throws {
        let text = """
            lucency: 1
            parameters: {own: {gammaLow: 0.9}, base: {cutoff: 32 px, gammaLow: 0.3}}
            variants: {choice: {low: {gammaLow: 0.5}, high: $own}, size: [8 px, 9 px]}
            sources: {a: {uses: folder}}
            stages:
              even: {uses: fourier.homomorphic, in: a, with: $base}
              byName: {like: even, in: a, with: $own}
              byVariant: {like: even, in: a, with: $choice}
              sized: {uses: fourier.homomorphic, in: a, with: {cutoff: $size, gammaLow: 0.3}}
              fixed: {like: sized, in: a, with: {cutoff: 7 px}}
            outputs:
              even: {from: even, as: "0/{stem}.tif"}
              byName: {from: byName, as: "1/{stem}.tif"}
              byVariant: {from: byVariant, as: "2/{choice}/{stem}.tif"}
              sized: {from: sized, as: "3/{size}/{stem}.tif"}
              fixed: {from: fixed, as: "4/{stem}.tif"}
            """
        let plan = try plan(text)
        func parameters(_ name: String) -> [[JSONValue?]] {
            plan.nodes.filter { $0.name == name }.map { [$0.parameters["cutoff"], $0.parameters["gammaLow"]] }
        }
        #expect(parameters("byName") == [["32 px", .number(0.9)]])
        #expect(parameters("byVariant") == [["32 px", .number(0.5)], ["32 px", .number(0.9)]])
        #expect(parameters("fixed") == [["7 px", .number(0.3)]])
    }

    @Test("A stage that is like itself is reported with its circle")
    func circularLike() throws {
        let file = try PipelineFile(
            text: """
                lucency: 1
                sources: {s: {uses: folder}}
                stages: {a: {like: b, in: s}, b: {like: a, in: s}}
                outputs: {out: {from: a, as: "{stem}.tif"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
        #expect(file.diagnostics.map(\.message).contains("'a' is like itself: a → b → a"))
    }

    /// Tables, so that `.json` can be written.
    static func measured(_ path: String) throws -> PipelineFile {
        try PipelineFile(
            text: """
                lucency: 1
                sources: {s: {uses: folder}}
                stages:
                  mask: {uses: segment.threshold, in: s}
                  sizes: {uses: measure, in: {labels: mask, image: s}}
                  all: {uses: gather, in: sizes}
                outputs: {out: {from: \(path.contains("{") ? "sizes" : "all"), as: "\(path)"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
    }

    @Test(
        "An output has one spelling, and no name that the run keeps for itself",
        arguments: [
            "./m/x.csv", "m//x.csv", "m/./{stem}.csv", "{stem}//x.csv", "run.json", "Run.json", "run.{stem}.json",
            "run.1-of-2.json", "a/.lucency/x.csv", ".lucency-tmp-1.csv", "m/", "../x.csv", "/x.csv",
        ])
    func impossibleOutputs(path: String) throws {
        let found = try Self.measured(path).diagnostics
        #expect(found.count == 1, "\(found)")
        #expect(found.allSatisfy { [.badTemplate, .outputCollision, .escapingPath].contains($0.code) })
        #expect(found.first?.place?.line == 7)
    }

    @Test(
        "Names that only look like those are free",
        arguments: ["a/run.json", "rerun.json", "runs.json", "run.csv", "~x.csv", "~/{stem}.csv", "manifest.json"])
    func possibleOutputs(path: String) throws {
        let file = try Self.measured(path)
        #expect(file.isSound, "\(DiagnosticList(file.diagnostics))")
    }

    @Test(
        "What placeholders stand for makes no impossible output either",
        arguments: [("x*.png", "x..png", "{stem}/m.csv"), ("*.png", "run.png", "{stem}.json")])
    func impossibleNames(pattern: String, name: String, path: String) throws {
        try withTemporaryFolder { folder in
            try Data().write(to: folder.appending(path: name))
            let text = """
                lucency: 1
                sources: {s: {uses: folder, with: {images: "\(pattern)"}}}
                stages:
                  mask: {uses: segment.threshold, in: s}
                  sizes: {uses: measure, in: {labels: mask, image: s}}
                outputs: {out: {from: sizes, as: "\(path)"}}
                """
            let plan = try plan(text, folder: folder.path)
            let output = folder.appending(path: "out").path
            let refusal = #expect(throws: Diagnostic.self) {
                try Runner(plan, options: RunOptions(output: output)) { _ in }.run()
            }
            #expect(refusal?.code == .badTemplate || refusal?.code == .outputCollision)
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test("`also` cannot name a port that the source has already")
    func alsoNames() throws {
        let file = try PipelineFile(
            text: """
                lucency: 1
                sources: {s: {uses: folder, with: {also: {image: .}}}}
                stages: {m: {uses: normalize, in: s}}
                outputs: {out: {from: m, as: "{stem}.tif"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
        #expect(file.diagnostics.map(\.code) == [.duplicateName])
    }

    @Test("Parameters stand for any YAML kind, also whole sources, and may refer to each other")
    func parametersAreAnyKind() throws {
        let text = """
            lucency: 1
            parameters:
              data: {uses: folder, with: {spacing: $spacing}}
              spacing: 4 nm
              method: {uses: sauvola, with: {window: "${n} px"}}
              n: 31
              cost: "$$5"
            sources: {slices: $data}
            stages: {mask: {uses: segment.threshold, in: slices, with: {method: $method}}}
            outputs: {masks: {from: mask, as: "{stem}.png"}}
            """
        let plan = try plan(text)
        #expect(plan.nodes[0].parameters["spacing"] == ["4 nm"])
        #expect(plan.nodes[1].parameters["method"]?["with"]?["window"] == "31 px")
    }

    @Test("A parameter that refers to itself is reported")
    func circularParameters() throws {
        let file = try PipelineFile(
            text: """
                lucency: 1
                parameters: {a: $b, b: $a}
                sources: {slices: {uses: folder}}
                stages: {low: {uses: fourier.lowpass, in: slices, with: {cutoff: $a}}}
                outputs: {out: {from: low, as: "{stem}.tif"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
        #expect(file.diagnostics.contains { $0.code == .cycle })
    }

    static let simple = """
        lucency: 1
        parameters: {level: 100, unused: 3}
        sources: {slices: {uses: folder}}
        stages: {mask: {uses: segment.threshold, in: slices, with: {method: {uses: fixed, with: {level: $level}}}}}
        outputs: {masks: {from: mask, as: "{stem}.png"}}
        """

    @Test("--set changes a parameter, a whole source, and any value by its dotted path")
    func settings() throws {
        func level(_ set: [String]) throws -> JSONValue? {
            try plan(Self.simple, set: set).nodes.last?.parameters["method"]?["with"]?["level"]
        }
        #expect(try level(["level=120"]) == .number(120))
        #expect(try level(["stages.mask.with.method.with.level=7"]) == .number(7))
        #expect(try level(["stages.mask.with={method: otsu}"]) == nil)
        let whole = try plan(Self.simple, set: ["sources.slices={uses: folder, with: {spacing: 2 um}}"])
        #expect(whole.nodes[0].parameters["spacing"] == ["2 um"])
        let added = try plan(Self.simple, set: ["sources.slices.with.spacing=3 um"])
        #expect(added.nodes[0].parameters["spacing"] == ["3 um"])
        #expect(try plan(Self.simple, set: ["seed=9"]).seed == 9)
        #expect(try plan(Self.simple, set: ["seed=9"], seed: 4).seed == 4)
    }

    @Test(
        "--set that leads nowhere is refused, with the nearest name",
        arguments: ["levle=3", "stage.mask=3", "stages.mask.uses.x=3", "=3", "level"])
    func wrongSettings(setting: String) {
        #expect(throws: Diagnostic.self) { try plan(Self.simple, set: [setting]) }
    }

    @Test("A wrong value given by --set is reported at --set")
    func settingsHavePlaces() throws {
        let file = try PipelineFile(
            text: Self.simple, name: "test.yaml", folder: ".", catalog: .standard,
            settings: [Setting(parsing: "level=high")])
        #expect(
            file.diagnostics.map(\.headline) == ["--set level:1:1: error: expected a number, found 'high' [LC0213]"])
    }

    @Test("Unused parameters, variants, sources and stages are warnings")
    func unusedIsAWarning() throws {
        let file = try PipelineFile(
            text: """
                lucency: 1
                parameters: {unused: 3}
                variants: {idle: [1, 2]}
                sources: {slices: {uses: folder}, more: {uses: folder}}
                stages:
                  mask: {uses: segment.threshold, in: slices}
                  spare: {uses: normalize, in: slices}
                outputs: {masks: {from: mask, as: "{stem}.png"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
        #expect(file.isSound)
        #expect(file.diagnostics.map(\.severity) == [.warning, .warning, .warning, .warning])
    }

    @Test("load.model reads a whole value; a damaged model file is refused when it is opened")
    func loadModel() throws {
        try withTemporaryFolder { folder in
            let text = """
                lucency: 1
                stages: {model: {uses: load.model, with: {file: em.lucency}}}
                outputs: {copy: {from: model, as: "copy.lucency"}}
                """
            let header = Data(
                #"{"__metadata__":{"name":"em"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8)
            var bytes = Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
            bytes += header + Data(count: 4)
            let file = folder.appending(path: "em.lucency")
            try bytes.write(to: file)
            let plan = try plan(text, folder: folder.path)
            #expect(plan.nodes[0].scope == .whole)
            let output = folder.appending(path: "out")
            let summary = try Runner(plan, options: RunOptions(output: output.path)) { _ in }.run()
            #expect(summary.exitStatus == 0)
            #expect(try Data(contentsOf: output.appending(path: "copy.lucency")) == bytes)
            for length in [0, 7, 8, 40, bytes.count - 1] {
                try bytes.prefix(length).write(to: file)
                #expect(throws: Diagnostic.self) { try ModelFile(path: file.path) }
            }
        }
    }

    @Test("Collectors keep two groups apart and take each from its own source")
    func collectorGroups() throws {
        struct Settings: Sendable {}
        let trainer = CollectorDescriptor(
            "train.test", "Counts.", prototype: Settings(),
            groups: [
                StreamGroup<Settings, Int>("training", ports: ["image"]) {
                    (_: Settings, state: inout Int, _: ItemTag, _: StageContext, _: Image) in state += 1
                },
                StreamGroup<Settings, Int>("validation", ports: ["validationImage"], isOptional: true) {
                    (_: Settings, state: inout Int, _: ItemTag, _: StageContext, _: Image?) in state += 100
                },
            ],
            outputs: ["table"], initial: { _ in 0 }, merge: { _, total, next in total += next },
            finish: { (_: Settings, _: Int, _: StageContext) throws -> Table in try Table(columns: [.init("n")]) })
        var catalog = Catalog.standard
        catalog.collectors.append(trainer)
        func check(_ inputs: String) throws -> PipelineFile {
            try PipelineFile(
                text: """
                    lucency: 1
                    sources: {a: {uses: folder}, b: {uses: folder}}
                    stages: {model: {uses: train.test, in: \(inputs)}}
                    outputs: {table: {from: model, as: "n.csv"}}
                    """, name: "test.yaml", folder: ".", catalog: catalog)
        }
        #expect(try check("{image: a, validationImage: b}").isSound)
        #expect(try check("a").isSound)
        let shardless = try check("{image: a}").plan
        #expect(shardless?.nodes.last?.isShardable == false)
    }

    @Test("Every stage's help, ranges and defaults can be listed, and the schema names every stage")
    func listings() throws {
        let catalog = Catalog.standard
        for stage in catalog.stages {
            #expect(!stage.about.summary.isEmpty)
            for parameter in stage.parameters {
                #expect(!parameter.help.isEmpty, "\(stage.about.id).\(parameter.name)")
            }
        }
        let schema = catalog.schema.text
        for id in catalog.stages.map(\.about.id) + catalog.collectors.map(\.about.id) + catalog.sources.map(\.about.id)
        {
            #expect(schema.contains("\"const\":\"\(id)\""))
        }
        let json = try JSONValue(parsing: catalog.json.text)
        #expect(json["stages"]?.arrayValue?.count == catalog.stages.count)
    }

    @Test("Every pipeline of the repository is sound")
    func shippedPipelines() throws {
        let folder = TestFiles.root.appending(path: "pipelines")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".yaml") {
            let file = try PipelineFile(path: folder.appending(path: name).path, catalog: .standard)
            // A model that has to be trained first is the one thing that may be missing.
            let needsTraining = ["histology-upscale-classify.yaml"].contains(name)
            let problems = file.diagnostics.filter {
                $0.severity >= .error && !(needsTraining && $0.message.contains(".lucency'"))
            }
            #expect(problems.isEmpty, "\(DiagnosticList(problems))")
        }
    }
}
