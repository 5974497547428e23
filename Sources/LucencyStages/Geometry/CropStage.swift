import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let crop = StageDescriptor(
        "crop", "Takes a part out, at its place in the world: a given one, or the box around labelled objects.",
        prototype: Crop(),
        parameters: [
            Parameter("start", \.start, help: "First pixel along x, y (and z), from 0; left out: in the middle."),
            Parameter("size", \.size, help: "Pixels along x, y (and z); left out: everything from `start` on."),
            Parameter("margin", \.margin, in: .atLeast(0), help: "How far to go beyond the objects at `around`."),
        ],
        forms: [
            StageForm(inputs: ["image", "around"], outputs: ["image"]) { stage, _ in
                { (image: Image, objects: LabelMap?) throws -> Image in
                    try image.cropped(to: stage.region(of: image.geometry, around: objects))
                }
            },
            StageForm(inputs: ["labels", "around"], outputs: ["labels"]) { stage, _ in
                { (labels: LabelMap, objects: LabelMap?) throws -> LabelMap in
                    try labels.cropped(to: stage.region(of: labels.geometry, around: objects))
                }
            },
            StageForm(inputs: ["probabilities", "around"], outputs: ["probabilities"]) { stage, _ in
                { (map: ProbabilityMap, objects: LabelMap?) throws -> ProbabilityMap in
                    try map.cropped(to: stage.region(of: map.geometry, around: objects))
                }
            },
        ],
        cost: { stage, known in
            // Without a part the stage itself will say so; where objects decide, it may be everything.
            guard stage.start != nil || stage.size != nil,
                let geometry = known.main.geometry ?? (try? Geometry(size: known.main.size)),
                let region = try? stage.region(of: geometry), let part = try? geometry.cropped(to: region)
            else { return StageCost(outputs: [known.main]) }
            return StageCost(outputs: [ValueEstimate(geometry: part, channels: known.main.channels)])
        })
}
