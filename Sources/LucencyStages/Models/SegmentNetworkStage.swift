import LucencyImaging
import LucencyNetworks
import LucencyPipeline

extension StageDescriptor {
    static let segmentNetwork = StageDescriptor(
        "segment.network", "Segments an image with a trained network.", prototype: NetworkSegmenter(),
        usesKernels: true, inputs: ["image", "model"], outputs: ["labels", "probabilities", "confidence", "logits"],
        parameters: [
            Parameter(
                "tile", \.tile, in: .within(1...65536),
                help: "Extents of tiles in pixels, x, y (and z); left out: what fits the model and the image."),
            Parameter(
                "overlap", \.overlap, in: .within(0...0.95), help: "Part of a tile that the next one covers too."),
            Parameter("flips", \.flips, help: "Average over mirrored copies: 4 times (3-D: 8 times) the time."),
        ],
        cost: { _, inputs in
            let input = inputs.first.flatMap { $0 } ?? ValueEstimate(size: GridSize(1, 1))
            // The model is not known yet: a handful of classes, and what a U-Net of usual width takes for a tile.
            var many = input
            many.channels = 8
            let tile = min(input.size.count, 1 << 20)
            return StageCost(outputs: [input, many, input, many], scratchBytes: 600 * tile)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> (LabelMap, ProbabilityMap, Image, Image) in
            let result = try stage(image, model, kernels: context.kernels, pool: context.pool)
            return (result.labels, result.probabilities, result.confidence, result.logits)
        }
    }
}
