import LucencyNetworks
import LucencyPipeline

private struct ModelPart: Sendable {
    var part = SHISRCNet.Part.classifier
}

extension SHISRCNet.Part: ChoiceParameter {}

extension StageDescriptor {
    static let modelPart = StageDescriptor(
        "model.part",
        "Takes one module out of a network that enlarges and classifies: its classifier, to be given sharp images, or its "
            + "super-resolution.",
        prototype: ModelPart(), source: "Xie et al., MICCAI 2023", inputs: ["model"], outputs: ["model"],
        parameters: [Parameter("part", \.part, help: "Which module.")]
    ) { stage, _ in
        { (model: ModelFile) throws -> ModelFile in try model.part(stage.part) }
    }
}
