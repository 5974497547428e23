import Foundation
import LucencyFoundation
import Support
import Testing

/// `train.shisrcnet` in pipelines, shrunken to some steps of a small network.
@Suite struct HistologyTrainingTests {
    private static let small = "{width: 64, height: 64, imagesPerPatient: 2, magnifications: [400]}"

    private func phantom(_ count: Int, first: Int = 0) -> String {
        "{uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/histology.yaml, count: \(count), first: \(first), "
            + "seed: 1, set: \(Self.small)}}"
    }

    private func arguments(_ folder: URL, _ settings: [String] = []) -> [String] {
        let usual = [
            "train=\(phantom(6))", "validation=\(phantom(2, first: 100))", "steps=6", "patch=64", "batch=2",
            "stages.model.with.features=8", "stages.model.with.blocks=1",
        ]
        let pipeline = TestFiles.root.appending(path: "pipelines/shisrcnet-train.yaml").path
        return ["run", pipeline, "--output", folder.path] + (usual + settings).flatMap { ["--set", $0] }
    }

    @Test(arguments: [2, 4, 8])
    func `the pipeline runs from end to end at every factor, and its model says what it is`(factor: Int) throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(arguments(folder, ["factor=\(factor)"]))
            #expect(run.status == 0, "\(run.errors)")
            let text = try String(contentsOf: folder.appending(path: "training.jsonl"), encoding: .utf8)
            let lines = try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(lines.count == 2 && lines.last?["step"]?.intValue == 6)
            #expect(lines.last?["parts"]?.objectValue?.keys.sorted() == ["contrast", "focal", "super-resolution"])
            let scores = try #require(lines.last?["validation"])
            #expect((scores["bicubicPSNR"]?.doubleValue ?? 0) > 15)
            // Counted from bicubic interpolation, some steps do not make it much worse.
            #expect((scores["psnr"]?.doubleValue ?? 0) > (scores["bicubicPSNR"]?.doubleValue ?? 0) - 3)
            let inspected = try runLucency(["inspect", folder.appending(path: "model.lucency").path, "--json"])
            let told = String(decoding: inspected.out, as: UTF8.self)
            #expect(inspected.status == 0 && told.contains("shisrcnet"), "\(inspected.errors)")
            #expect(told.contains("malignant"))
        }
    }

    @Test func `a folder with a list of facts trains as the phantom does, staged, on coarse pictures of its own`()
        throws
    {
        try withTemporaryFolder { folder in
            let pictures = folder.appending(path: "pictures")
            let rendered = try runLucency(
                [
                    "phantom", TestFiles.root.appending(path: "phantoms/histology.yaml").path, "--output",
                    pictures.path,
                    "--count", "6", "--seed", "1", "--products", "image",
                ] + ["width=64", "height=64", "imagesPerPatient=2"].flatMap { ["--set", $0] })
            #expect(rendered.status == 0, "\(rendered.errors)")
            let list = pictures.appending(path: "facts.csv").path
            let split =
                "split: {fractions: {training: 0.6, validation: 0.4}, group: {file: \(list), column: patient}}"
            let run = try runLucency(
                arguments(
                    folder.appending(path: "out"),
                    [
                        "train={uses: folder, with: {images: \(pictures.path)/image, facts: {file: \(list)}, "
                            + "part: training, \(split)}}",
                        "validation={like: train, with: {part: validation}}",
                        "pictures={image: train, facts: train.facts, validationImage: validation, "
                            + "validationFacts: validation.facts}",
                        "stages.model.with.order=staged", "stages.model.with.classWeights=balanced",
                    ]))
            #expect(run.status == 0, "\(run.errors)")
            let model = folder.appending(path: "out/model.lucency").path
            let training = try JSONValue(
                parsing: String(decoding: runLucency(["inspect", model, "--json"]).out, as: UTF8.self))
            let facts = training.arrayValue?.first?["training"] ?? training["training"]
            #expect(facts?["settings"]?["order"]?.stringValue == "staged")
            #expect(facts?["patients"] == ["training": 2, "validation": 1])
        }
    }

    @Test(arguments: [
        ("patch=96", "no multiple of 64"),
        ("factor=3", "factor must be 2, 4 or 8"),
        ("classes=[benign]", "two or more different names"),
        ("classes=[benign, carcinoma]", "of the class 'malignant', which `classes` does not name"),
        ("stages.model.with.augmentation=[noise]", "would change how the two resolutions differ"),
        ("stages.model.with.classFact=grade", "there is no column 'grade'"),
        ("factor=2", "has a coarse one of"),
    ])
    func `what does not fit is refused in words`(setting: String, message: String) throws {
        try withTemporaryFolder { folder in
            var settings = [setting]
            if setting == "factor=2" {
                settings.append(
                    "pictures={image: train, facts: train.facts, low: train.low4, validationImage: validation, "
                        + "validationFacts: validation.facts, validationLow: validation.low4}")
            }
            if setting == "factor=3" { settings.append("pictures={image: train, facts: train.facts}") }
            let run = try runLucency(arguments(folder, settings))
            #expect(run.status != 0 && run.errors.contains(message), "\(run.errors)")
        }
    }

    @Test func `a patient who is in both sources is refused`() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(arguments(folder, ["validation=\(phantom(2, first: 4))"]))
            #expect(run.status != 0)
            #expect(run.errors.contains("the patient 'patient-1-2' is in training"), "\(run.errors)")
        }
    }
}
