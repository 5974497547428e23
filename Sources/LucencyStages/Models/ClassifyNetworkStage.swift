import LucencyImaging
import LucencyNetworks
import LucencyPipeline
import LucencyReports

extension StageDescriptor {
    static let classifySHISRCNet = StageDescriptor(
        "classify.shisrcnet", "Gives an image's class and the probability of each class by a trained network.",
        prototype: NetworkClassifier(), source: "Xie et al., MICCAI 2023", usesKernels: true,
        inputs: ["image", "model"], outputs: ["table"],
        parameters: [
            Parameter(
                "temperature", \.temperature, in: .positive,
                help: "Divides the logits; left out: what was fitted to the model, else 1."),
            Parameter(
                "white", \.white, in: .positive,
                help: "Intensity of full brightness; left out: as the model was trained, else the stored depth's."),
        ],
        trainedInput: (port: "image", model: "model"),
        cost: { stage, known in
            let input = known.main
            let model = known.inputs.last.flatMap { $0?.known } as? ModelFile
            let bytes = try? model.map {
                try stage.predictedBytes(
                    width: input.size.x, height: input.size.y, model: $0, threads: known.threads,
                    kernels: known.kernels)
            }
            // A model still to be trained: what the published network takes for an image of this size.
            let unknown = saturating(11_000, input.size.count)
            return StageCost(outputs: [ValueEstimate(size: GridSize(1, 1))], scratchBytes: bytes ?? unknown)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> Table in
            let result = try stage(image, model, kernels: context.kernels, pool: context.pool)
            var table = try Table(
                title: "classes", columns: [.init("class")] + result.classes.map { .init($0) })
            try table.append([.text(result.answer)] + result.probabilities.map { .number($0) })
            return table
        }
    }

    private static func saturating(_ a: Int, _ b: Int) -> Int {
        let product = a.multipliedReportingOverflow(by: b)
        return product.overflow ? .max : product.partialValue
    }
}
