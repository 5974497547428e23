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
        trainedInput: (port: "image", model: "model"),
        cost: { stage, known in
            let image = known.main
            var classes = image
            let model = known.inputs.last.flatMap { $0?.known } as? ModelFile
            let cost = try? model.map {
                try stage.predictedBytes(
                    image.size, geometry: image.geometry, channels: image.channels, model: $0, threads: known.threads,
                    kernels: known.kernels)
            }
            // A model still to be trained: a handful of classes, and what a U-Net of usual width takes for a tile.
            classes.channels = cost?.classes ?? 8
            let bytes = cost?.bytes ?? 600 * min(image.size.count, 1 << 20)
            return StageCost(outputs: [image, classes, image, classes], scratchBytes: bytes)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> (LabelMap?, ProbabilityMap?, Image?, Image?) in
            let ports: [(String, NetworkSegmenter.Part)] = [
                ("labels", .labels), ("probabilities", .probabilities), ("confidence", .confidence),
                ("logits", .logits),
            ]
            let parts = Set(ports.filter { context.wants($0.0) }.map(\.1))
            let result = try stage(image, model, parts: parts, kernels: context.kernels, pool: context.pool)
            return (result.labels, result.probabilities, result.confidence, result.logits)
        }
    }
}
