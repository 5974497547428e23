import LucencyImaging
import LucencyNetworks
import LucencyPipeline

extension StageDescriptor {
    static let upscaleSHISRCNet = StageDescriptor(
        "upscale.shisrcnet", "Enlarges an image with a trained network that super-resolves.",
        prototype: NetworkUpscaler(), source: "Xie et al., MICCAI 2023", usesKernels: true,
        inputs: ["image", "model"], outputs: ["image"],
        parameters: [
            Parameter(
                "tile", \.tile, in: .within(8...65536),
                help: "Extents of tiles in pixels, x, y; left out: 128, and up to 192 in one piece."),
            Parameter(
                "overlap", \.overlap, in: .within(0...0.95), help: "Part of a tile that the next one covers too."),
            Parameter(
                "white", \.white, in: .positive,
                help: "Intensity of full brightness; left out: as the model was trained, else the stored depth's."),
        ],
        trainedInput: (port: "image", model: "model"),
        cost: { stage, known in
            let input = known.main
            var target = input
            let model = known.inputs.last.flatMap { $0?.known } as? ModelFile
            guard let model, let geometry = input.geometry ?? (try? Geometry(size: input.size)),
                let grid = try? stage.target(of: geometry, model)
            else {
                // A model still to be trained: four times as large, and what the published network takes for a tile.
                target.size = GridSize(4 * input.size.x, 4 * input.size.y, input.size.z)
                return StageCost(outputs: [target], scratchBytes: 200 << 20)
            }
            let bytes = try? stage.predictedBytes(
                width: input.size.x, height: input.size.y, channels: input.channels, model: model,
                threads: known.threads, kernels: known.kernels)
            return StageCost(
                outputs: [ValueEstimate(geometry: grid, channels: input.channels)], scratchBytes: bytes ?? 200 << 20)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> Image in
            try stage(image, model, kernels: context.kernels, pool: context.pool)
        }
    }
}
