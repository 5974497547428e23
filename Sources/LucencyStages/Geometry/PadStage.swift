import LucencyImaging
import LucencyPipeline

extension Continuation: ChoiceParameter {}

extension StageDescriptor {
    static let pad = StageDescriptor(
        "pad", "Adds pixels around; the old ones stay at their place in the world.", prototype: Pad(),
        parameters: [
            Parameter(
                "before", \.before, in: .atLeast(0), help: "Pixels in front, along x, y (and z), or one for all."),
            Parameter("after", \.after, in: .atLeast(0), help: "Pixels behind, along x, y (and z), or one for all."),
            Parameter(
                "multipleOf", \.multipleOf, in: .atLeast(1),
                help: "Then as many more on both sides that every side is a multiple of this."),
            Parameter("mode", \.mode, help: "What the new pixels show; `reflect` repeats the edge, `mirror` does not."),
            Parameter("value", \.value, help: "Intensity of a constant border; labels get 0."),
        ],
        forms: [
            StageForm(inputs: ["image"], outputs: ["image"]) { stage, _ in
                { (image: Image) throws -> Image in try stage(image) }
            },
            StageForm(inputs: ["labels"], outputs: ["labels"]) { stage, _ in
                { (labels: LabelMap) throws -> LabelMap in try stage(labels) }
            },
            StageForm(inputs: ["probabilities"], outputs: ["probabilities"]) { stage, _ in
                { (map: ProbabilityMap) throws -> ProbabilityMap in try stage(map) }
            },
        ],
        cost: { stage, known in
            guard let geometry = known.main.geometry ?? (try? Geometry(size: known.main.size)),
                let target = try? stage.target(of: geometry, planes: known.main.channels)
            else { return StageCost(outputs: [known.main]) }
            return StageCost(outputs: [ValueEstimate(geometry: target, channels: known.main.channels)])
        })
}
