import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let resample = StageDescriptor(
        "resample", "Resamples images, labels or probabilities to another spacing, factor or size.",
        prototype: Resample(factor: nil),
        parameters: [
            Parameter(
                "spacing", \.spacing, in: .positive,
                help: "Target spacing, one length or one each for x, y, z (px: present pixels)."),
            Parameter("factor", \.factor, in: .positive, help: "New pixels per present pixel: 0.5 halves the size."),
            Parameter("size", \.size, in: .atLeast(1), help: "Target size in pixels: [x, y] or [x, y, z]."),
            Parameter("interpolation", \.interpolation, help: "Kernel for images."),
            Parameter("labels", \.labels, help: "Rule for label maps; labels are never averaged."),
            Parameter("antialias", \.antialias, help: "Widen the kernel when shrinking."),
        ],
        forms: [
            StageForm(inputs: ["image"], outputs: ["image"]) { stage, context in
                { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
            },
            StageForm(inputs: ["labels"], outputs: ["labels"]) { stage, context in
                { (labels: LabelMap) throws -> LabelMap in try stage(labels, pool: context.pool) }
            },
            StageForm(inputs: ["probabilities"], outputs: ["probabilities"]) { stage, context in
                { (map: ProbabilityMap) throws -> ProbabilityMap in try stage(map, pool: context.pool) }
            },
        ],
        cost: { stage, known in
            let input = known.main
            // Where the target cannot be made, the stage itself will say why; nothing is needed for that.
            guard let geometry = input.geometry ?? (try? Geometry(size: input.size)),
                let target = try? stage.target(of: geometry)
            else { return StageCost(outputs: [input]) }
            // Axis by axis: between two passes at most the larger of both sizes stands beside the input.
            let larger = max(target.size.count, input.size.count)
            let scratch = larger.multipliedReportingOverflow(by: 4 * input.channels)
            return StageCost(
                outputs: [ValueEstimate(geometry: target, channels: input.channels)],
                scratchBytes: scratch.overflow ? .max : scratch.partialValue)
        })
}
