import Foundation
import Lucency
import Support
import Testing

/// The phantoms that are shipped.
@Suite struct PhantomFilesTests {
    private static let folder = TestFiles.root.appending(path: "phantoms")
    static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".yaml") }.sorted()

    @Test func `there are seven, and a world for each; two have the same`() {
        #expect(
            Self.files == [
                "chest-xray.yaml", "histology.yaml", "membranes.yaml", "organs.yaml", "retina.yaml", "shepp-logan.yaml",
                "three-organs.yaml",
            ])
        #expect(PhantomWorld.components.count == 6)
    }

    @Test(arguments: files)
    func `every file opens, and all its products are rendered as they are announced`(name: String) throws {
        let phantom = try PhantomFile(path: Self.folder.appending(path: name).path).world.phantom
        let (values, drawn) = try phantom(seed: 1, index: 0, pool: ThreadPool(threads: 2))
        let common = try phantom.geometry
        #expect(phantom.products.first?.name == "image")
        #expect(Set(phantom.products.map(\.name)).count == phantom.products.count)
        for product in phantom.products {
            let value = try #require(values[product.name], "\(product.name)")
            let size: GridSize
            switch (value, product.kind) {
            case (.image(let image), .image(let channels, let bits)):
                #expect(image.channels == channels)
                let limit = Float(bits == 8 ? 255 : 65535)
                #expect(
                    image.pixels.array.allSatisfy { $0 >= 0 && $0 <= limit && $0 == $0.rounded() }, "\(product.name)")
                size = image.size
            case (.image(let image), .floatImage(let channels)):
                #expect(image.channels == channels)
                size = image.size
            case (.labels(let labels), .labels):
                // Instances are numbered; everything else says what its labels mean.
                let nameless = labels.presentLabels().filter {
                    $0 != LabelMap.ignoreLabel && labels.table[$0] == nil
                }
                #expect(
                    nameless.isEmpty || ["nuclei", "nodules", "ribs"].contains(product.name),
                    "\(product.name): \(nameless)")
                size = labels.size
            case (.probabilities(let map), .probabilities(let classes)):
                #expect(map.classes.count == classes)
                size = map.size
            default:
                Issue.record("\(product.name) is not what it was announced to be")
                continue
            }
            #expect(size == (product.geometry ?? common).size, "\(product.name)")
        }
        if name != "shepp-logan.yaml" { #expect((drawn.objectValue ?? [:]).count > 2) }
    }

    @Test func `the gallery's pipeline makes a sheet for each phantom, and the kept ones are small`() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency([
                "run", pipelines.appending(path: "phantom-gallery.yaml").path, "--output", folder.path, "--set",
                "count=1", "--progress", "none",
            ])
            #expect(run.status == 0, "\(run.errors)")
            let made = try results(folder).keys.sorted()
            let gallery = Self.folder.appending(path: "gallery")
            let kept = try FileManager.default.contentsOfDirectory(atPath: gallery.path).sorted()
            #expect(made == kept.filter { $0.hasSuffix(".png") })
            let bytes = try kept.reduce(0) { sum, name in
                try sum + Data(contentsOf: gallery.appending(path: name)).count
            }
            #expect(bytes < 1_500_000)
        }
    }

    @Test func `labels that are spoilt keep their grid, and weak ones mark only what is true`() throws {
        try withTemporaryFolder { folder in
            let text = """
                lucency: 1
                seed: 3
                sources: {organs: {uses: phantom, with: {file: organs.yaml, count: 2, set: {width: 64, height: 64, spacing: 6}}}}
                stages:
                  noisy: {uses: corrupt-labels, in: organs.label, with: {steps: [adele]}}
                  drawn: {uses: corrupt-labels, in: organs.label, with: {ignoreValue: 255, steps: [{uses: scribbles, with: {width: 2 px}}]}}
                outputs:
                  truth: {from: organs.label, as: "truth/{stem}.png"}
                  noisy: {from: noisy, as: "noisy/{stem}.png"}
                  drawn: {from: drawn, as: "drawn/{stem}.png"}
                """
            let file = try PipelineFile(
                text: text, name: "test.yaml", folder: Self.folder.path, catalog: .standard)
            let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
            #expect(try Runner(plan, options: RunOptions(output: folder.path)) { _ in }.run().exitStatus == 0)
            func read(_ name: String) throws -> [Int32] {
                try PNGFormat().readLabels(
                    folder.appending(path: name).path, pages: .automatic, limits: .standard
                ).labels.array
            }
            for index in ["000000", "000001"] {
                let truth = try read("truth/\(index).png"), noisy = try read("noisy/\(index).png")
                let drawn = try read("drawn/\(index).png")
                #expect(noisy != truth && noisy.count == truth.count)
                #expect(zip(truth, drawn).allSatisfy { $1 == 255 || $0 == $1 })
                let marked = drawn.count { $0 != 255 }
                #expect(marked > 20 && marked < drawn.count / 2)
            }
        }
    }
}
