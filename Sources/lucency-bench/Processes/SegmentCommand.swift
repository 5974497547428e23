import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench segment`: a folder of images to a folder of masks, beside a script that does the same with ONNX Runtime.
struct SegmentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "segment", abstract: "Segments a folder with a U-Net beside ONNX Runtime and Pillow.",
        discussion: """
            Whole processes are timed, their start included, one after the other in turn; figures are medians. Images are \
            rendered micrographs. The peer runs in Python with onnxruntime, onnx and Pillow; without them only our figures \
            are given. Run it from the checkout.

            Example: lucency-bench segment --count 20 --threads 1
            """)

    @Option(help: "A model of a U-Net with batch norms for gray images.")
    var model = "pipelines/models/membranes.lucency"

    @OptionGroup var options: WholeProcessOptions

    func run() throws {
        let python = options.python, script = "Sources/lucency-bench/Peers/segment.py"
        try options.compare(
            in: FileManager.default.temporaryDirectory, pipeline: Self.pipeline(model: URL(filePath: model).path),
            needs: "onnx, onnxruntime, numpy or Pillow"
        ) { folder in
            let exported = folder.appending(path: "model.onnx").path
            let converted = try MeasuredProcess([python, script, "convert", model, exported])
            return converted.exitCode == 0 ? [python, script, "run", exported] : nil
        }
    }

    private static func pipeline(model: String) -> String {
        """
        lucency: 1
        sources: {images: {uses: folder}}
        stages:
          model: {uses: load.model, with: {file: "\(model)"}}
          predict: {uses: segment.network, in: {image: images, model: model}}
        outputs: {masks: {from: predict, as: "{stem}.png"}}
        """
    }
}
