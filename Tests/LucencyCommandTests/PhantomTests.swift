import Foundation
import Lucency
import Support
import Testing

@Suite struct PhantomTests {
    private let file = TestFiles.root.appending(path: "phantoms/membranes.yaml").path
    private let small = ["--set", "width=64", "--set", "height=48", "--progress", "none"]

    private func render(_ folder: URL, _ more: String...) throws -> (status: Int32, errors: String) {
        let run = try runLucency(["phantom", file, "--output", folder.path] + small + more)
        return (run.status, run.errors)
    }

    @Test func `every product has a folder, every picture a number and the record of what was drawn`() throws {
        try withTemporaryFolder { folder in
            let run = try render(folder, "--count", "2", "--seed", "5", "--first", "40")
            #expect(run.status == 0, "\(run.errors)")
            let image = try PNGFormat().readImage(
                folder.appending(path: "image/000041.png").path, pages: .automatic, region: nil, limits: .standard)
            let truth = try Membranes(width: 64, height: 48)(seed: 5, index: 41).values
            #expect(image.pixels == truth["image"]?.image?.pixels)
            #expect(abs(image.geometry.spacing.x - 4e-6) < 1e-12)
            let labels = try PNGFormat().readLabels(
                folder.appending(path: "label/000041.png").path, pages: .automatic, limits: .standard)
            #expect(labels.labels == truth["label"]?.labels?.labels)
            let record = try TestFiles.json(folder.appending(path: "parameters/000041.json"))
            #expect(record["seed"]?.stringValue == "5" && record["index"]?.intValue == 41)
            #expect(try runLucency(["verify", folder.path]).status == 0)
        }
    }

    @Test func `a picture is the same whatever the count and the number of threads, and another with another seed`()
        throws
    {
        try withTemporaryFolder { folder in
            let a = folder.appending(path: "a"), b = folder.appending(path: "b"), c = folder.appending(path: "c")
            #expect(try render(a, "--count", "3", "--seed", "1", "--jobs", "1").status == 0)
            #expect(try render(b, "--count", "6", "--seed", "1", "--jobs", "3").status == 0)
            #expect(try render(c, "--count", "3", "--seed", "2").status == 0)
            let few = try results(a), many = try results(b), others = try results(c)
            for (path, data) in few { #expect(many[path] == data, "\(path)") }
            #expect(few["image/000002.png"] != others["image/000002.png"])
        }
    }

    @Test func `what is there is not rendered again, and other settings are`() throws {
        try withTemporaryFolder { folder in
            #expect(try render(folder, "--count", "2").status == 0)
            let before = try results(folder)
            let again = try runLucency(["phantom", file, "--output", folder.path, "--count", "2"] + small.dropLast(2))
            #expect(again.errors.contains("nothing to do"), "\(again.errors)")
            #expect(try render(folder, "--count", "2", "--set", "noise=0").status == 0)
            #expect(try results(folder)["image/000000.png"] != before["image/000000.png"])
        }
    }

    @Test func `label maps can be TIFF files, which hold more labels than PNG`() throws {
        try withTemporaryFolder { folder in
            let run = try render(folder, "--count", "1", "--seed", "5", "--labels", "tiff", "--products", "label,image")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                try results(folder).keys.sorted() == [
                    "image/000000.png", "label/000000.tif", "parameters/000000.json",
                ])
            let labels = try TIFFFormat().readLabels(
                folder.appending(path: "label/000000.tif").path, pages: .automatic, limits: .standard)
            let truth = try Membranes(width: 64, height: 48)(seed: 5, index: 0).values["label"]?.labels
            #expect(labels.labels == truth?.labels)
            #expect(try render(folder, "--labels", "bmp").status == 64)
        }
    }

    @Test func `too many labels for a PNG are refused with what this command can do`() throws {
        try withTemporaryFolder { folder in
            let labels = try LabelMap(geometry: Geometry(size: GridSize(2, 1)), labels: AlignedBuffer([0, 65536]))
            let error = #expect(throws: Diagnostic.self) {
                try PNGFormat().write(labels, to: folder.appending(path: "a.png").path, options: WriteOptions())
            }
            #expect(error?.remedy?.contains("--labels tiff") == true)
        }
    }

    @Test func `products can be chosen, and are listed with the settings`() throws {
        try withTemporaryFolder { folder in
            #expect(try render(folder, "--count", "1", "--products", "label").status == 0)
            #expect(try results(folder).keys.sorted() == ["label/000000.png", "parameters/000000.json"])
            let unknown = try render(folder, "--products", "labels")
            #expect(unknown.status == 64 && unknown.errors.contains("it has: image"), "\(unknown.errors)")
            let list = try runLucency(["phantom", file, "--list"])
            let text = String(decoding: list.out, as: UTF8.self)
            #expect(list.status == 0 && text.contains("label\t") && text.contains("\"width\": 512"), "\(text)")
        }
    }

    @Test(arguments: [
        ("name: x", "the format version is missing"),
        ("phantom: 2\nuses: membranes", "format version '2' is not known"),
        ("phantom: 1", "the phantom does not say which world it uses"),
        ("phantom: 1\nuses: membrane", "did you mean 'membranes'?"),
        ("phantom: 1\nuses: membranes\nwith: {widht: 3}", "did you mean 'width'?"),
        ("phantom: 1\nuses: membranes\nwith: {width: 3}", "x.yaml:3:15: error: 'width' must be between 32 and 8192"),
        ("phantom: 1\nuses: membranes\nheight: 64", "settings stand under `with:`"),
        ("[1, 2]", "a phantom is a mapping"),
    ])
    func `a phantom file that is wrong is refused with the place`(text: String, message: String) throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "x.yaml").path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let run = try runLucency(["phantom", path, "--output", folder.appending(path: "out").path])
            #expect(run.status == 1)
            #expect(run.errors.contains(message), "\(run.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out").path))
        }
    }

    // MARK: As a source

    private func pipeline(_ with: String) -> String {
        """
        lucency: 1
        seed: 7
        sources: {cells: {uses: phantom, with: {\(with)}}}
        outputs: {images: {from: cells.image, as: "{stem}.png", with: {bits: 8}}}
        """
    }

    private func check(_ with: String) throws -> PipelineFile {
        try PipelineFile(
            text: pipeline(with), name: "test.yaml", folder: TestFiles.root.appending(path: "phantoms").path,
            catalog: .standard)
    }

    private func run(_ with: String) throws -> [String: Data] {
        try withTemporaryFolder { folder in
            let made = try check(with)
            let plan = try #require(made.plan, "\(DiagnosticList(made.diagnostics))")
            let summary = try Runner(plan, options: RunOptions(output: folder.path)) { _ in }.run()
            #expect(summary.exitStatus == 0)
            return try results(folder)
        }
    }

    private let tiny = "file: membranes.yaml, set: {width: 32, height: 32}"

    @Test func `a pipeline renders its own input, with the run's seed unless the source has one`() throws {
        let items = try run("\(tiny), count: 3")
        #expect(items.keys.sorted() == ["000000.png", "000001.png", "000002.png"])
        #expect(try run("\(tiny), count: 2, seed: 7")["000001.png"] == items["000001.png"])
        #expect(try run("\(tiny), count: 2, seed: 8")["000001.png"] != items["000001.png"])
        #expect(try run("\(tiny), count: 1, first: 2")["000002.png"] == items["000002.png"])
        let written = "world: {uses: membranes, with: {width: 32, height: 32}}, count: 1"
        #expect(try run(written)["000000.png"] == items["000000.png"])
    }

    @Test func `keep takes some items by a seed, fewer a part of more, and the rest are all others`() throws {
        let all = Set(try run("\(tiny), count: 12").keys)
        let three = Set(try run("\(tiny), count: 12, keep: {count: 3}").keys)
        let six = Set(try run("\(tiny), count: 12, keep: {fraction: 0.5}").keys)
        let rest = Set(try run("\(tiny), count: 12, keep: {count: 3, part: rest}").keys)
        #expect(three.count == 3 && six.count == 6 && three.isSubset(of: six))
        #expect(rest == all.subtracting(three))
        #expect(Set(try run("\(tiny), count: 12, keep: {count: 3, seed: 1}").keys) != three)
        #expect(throws: Diagnostic.self) { try run("\(tiny), count: 2, keep: {count: 3}") }
    }

    @Test(arguments: [
        ("count: 3", "a phantom source needs a file"),
        ("file: nowhere.yaml", "nowhere.yaml"),
        ("file: membranes.yaml, world: membranes", "`file` and `world` are both given"),
        ("world: membranes, set: {width: 64}", "`set` changes a file's values, and there is no file"),
        ("file: membranes.yaml, set: {width: 7}", "'width' must be between 32 and 8192"),
        ("file: membranes.yaml, set: 7", "expected a mapping"),
        ("file: membranes.yaml, count: 0", "'count' must be between 1 and 1000000"),
        ("file: membranes.yaml, keep: {number: 3}", "keep has no parameter 'number'"),
    ])
    func `a source that is wrong is refused before anything runs`(with: String, message: String) throws {
        let made = try check(with)
        #expect(made.plan == nil)
        #expect(DiagnosticList(made.diagnostics).description.contains(message), "\(DiagnosticList(made.diagnostics))")
    }
}
