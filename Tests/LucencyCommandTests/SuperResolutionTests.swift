import Foundation
import Lucency
import Support
import Testing

/// The pipelines about coarse images, much shrunken.
@Suite struct SuperResolutionTests {
    @Test func `each way of enlarging and each training is a row, with mask, calibration and image quality`() throws {
        try withTemporaryFolder { folder in
            let settings = [
                "slice={imagesPerPatient: 1, magnifications: [200], width: 64, height: 64}", "steps=2",
                "parameters.train.with.count=3", "parameters.test.with.count=2", "variants.seed=[1, 2]",
                "network={uses: unet, with: {channels: [4, 8]}}", "stages.model.with.patch=[32, 32]",
                "sharpening=2", "sharpPatch=64", "stages.sharpener.with.features=4", "stages.sharpener.with.blocks=1",
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "superresolution-ablation.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let text = try String(contentsOf: folder.appending(path: "table.csv"), encoding: .utf8)
            let rows = text.split(whereSeparator: \.isNewline).map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            #expect(rows.count == 1 + 3 * 5)
            #expect(rows[0].prefix(4) == ["training", "image", "seeds", "Dice"])
            func cell(_ training: String, _ image: String, _ name: String) throws -> String {
                let row = try #require(rows.first { $0[0] == training && $0[1] == image })
                return row[try #require(rows[0].firstIndex(of: name))]
            }
            // The truth itself has no finite PSNR; what is enlarged has, whatever the training.
            let truth = (psnr: try cell("sharp", "sharp", "PSNR"), ssim: try cell("sharp", "sharp", "SSIM"))
            #expect(truth.psnr.isEmpty && truth.ssim == "1")
            let first = try cell("sharp", "bicubic", "PSNR"), second = try cell("degraded", "bicubic", "PSNR")
            let enlarged = try #require(Double(first))
            #expect(enlarged > 10 && first == second)
            let error = try #require(rows[0].firstIndex(of: "ECE"))
            #expect(rows.dropFirst().allSatisfy { $0[2] == "2" && Double($0[error]) != nil })
        }
    }

    @Test func `a trained model's enlargements and classes are compared with the truth`() throws {
        try withTemporaryFolder { folder in
            func run(_ name: String, _ output: String, _ settings: [String]) throws {
                let run = try runLucency(
                    ["run", pipelines.appending(path: name).path, "--output", folder.appending(path: output).path]
                        + settings.flatMap { ["--set", $0] })
                try #require(run.status == 0, "\(run.errors)")
            }
            let small = "world: {uses: histology, with: {width: 64, height: 64, imagesPerPatient: 2}}"
            try run(
                "shisrcnet-train.yaml", "trained",
                [
                    "train={uses: phantom, with: {count: 8, \(small)}}",
                    "validation={uses: phantom, with: {count: 4, first: 2000, \(small)}}", "steps=2", "patch=64",
                    "batch=2", "stages.model.with.features=4", "stages.model.with.blocks=1",
                ])
            try run(
                "histology-upscale-classify.yaml", "judged",
                [
                    "model=\(folder.appending(path: "trained/model.lucency").path)",
                    "slides={uses: phantom, with: {count: 6, first: 4000, \(small)}}",
                    "calibration={uses: phantom, with: {count: 6, first: 6000, \(small)}}",
                ])
            func lines(_ name: String) throws -> [Substring] {
                try String(contentsOf: folder.appending(path: "judged/\(name)"), encoding: .utf8)
                    .split(whereSeparator: \.isNewline)
            }
            #expect(try lines("quality.csv").count { $0.hasPrefix("shisrcnet,psnr") } == 1)
            #expect(try lines("quality.csv").count { $0.hasPrefix("bicubic,psnr") } == 1)
            for probabilities in ["network", "temperature", "platt"] {
                let start = "\(probabilities),patient,recognition-rate,3,"
                #expect(try lines("classification.csv").contains { $0.hasPrefix(start) })
            }
            #expect(try lines("cases.csv").count == 1 + 3 * (6 + 3))
            #expect(try lines("answers.csv")[0] == "item,class,benign,malignant")
        }
    }

    @Test func `a patient in training and validation is refused once, in words`() throws {
        try withTemporaryFolder { folder in
            let small = "world: {uses: histology, with: {width: 64, height: 64, imagesPerPatient: 2}}"
            let settings = [
                "train={uses: phantom, with: {count: 4, \(small)}}",
                "validation={uses: phantom, with: {count: 2, first: 2, \(small)}}", "steps=1", "patch=64", "batch=2",
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "shisrcnet-train.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            #expect(run.status != 0)
            #expect(run.errors.contains("error: the patient 'patient-1-1' is in training"))
            #expect(!run.errors.contains("error: error:"))
        }
    }

    @Test func `equally trained classifiers are compared on coarse and on sharp pictures`() throws {
        try withTemporaryFolder { folder in
            let settings = [
                "slice={width: 64, height: 64, magnifications: [200], imagesPerPatient: 2}", "steps=2", "patch=64",
                "batch=2",
                "parameters.train.with.count=8", "parameters.test.with.count=8", "variants.seed=[1, 2]", "features=4",
                "blocks=1",
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "histology-comparison.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let table = try Self.fields(folder.appending(path: "table.csv"))
            let names = Set(table.dropFirst().map { row -> String in row.prefix(3).joined(separator: " ") })
            #expect(names == ["shisrcnet coarse 2", "shisrcnet sharp 2", "bicubic coarse 2", "bicubic sharp 2"])
            let error = try #require(table[0].firstIndex(of: "patient ECE"))
            let errors = table.dropFirst().compactMap { row -> Double? in Double(row[error]) }
            #expect(errors.count == 4)
            // What was trained for the class alone still enlarges as it began.
            let quality = try Self.fields(folder.appending(path: "quality.csv"))
            let mean = try #require(quality[0].firstIndex(of: "mean"))
            var ratios: [Double] = []
            for row in quality where row[1] == "bicubic" && row[2] == "psnr" { ratios.append(Double(row[mean]) ?? 0) }
            let least = ratios.min() ?? 0
            #expect(ratios.count == 2 && least > 10)
        }
    }

    private static func fields(_ file: URL) throws -> [[String]] {
        let text = try String(contentsOf: file, encoding: .utf8)
        return text.split(whereSeparator: \.isNewline).map { line -> [String] in
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
