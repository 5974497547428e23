import LucencyNetworks
import LucencyPipeline

private struct EnsembleStage: Sendable {}

extension StageDescriptor {
    static let ensemble = StageDescriptor(
        "ensemble",
        "One model that averages the probabilities of several: `in: {models: [a, b]}`, or `in: model` with `over`.",
        prototype: EnsembleStage(), source: "Lakshminarayanan et al. 2017", inputs: ["models"], outputs: ["model"]
    ) { _, _ in
        { (models: [ModelFile]) throws -> ModelFile in try ModelFile(ensemble: models) }
    }
}
