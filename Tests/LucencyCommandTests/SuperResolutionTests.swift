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
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "superresolution-ablation.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let text = try String(contentsOf: folder.appending(path: "table.csv"), encoding: .utf8)
            let rows = text.split(whereSeparator: \.isNewline).map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            #expect(rows.count == 1 + 2 * 4)
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
}
