import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let resample = StageDescriptor(
        "resample", "Resamples images, labels or probabilities to another spacing, factor or size.",
        prototype: Resample(factor: nil),
        parameters: [
            Parameter("spacing", \.spacing, in: .positive, help: "Target spacing, one length or one each for x, y, z (px: present pixels)."),
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
        cost: { stage, inputs in
            let input = inputs.first.flatMap { $0 } ?? ValueEstimate(size: GridSize(1, 1))
            var size = input.size
            if let factor = stage.factor, let first = factor.first {
                func scaled(_ axis: Int) -> Int {
                    let f = axis < factor.count ? factor[axis] : factor.count == 1 ? first : 1
                    return max(1, Int(min(1e12, (Double(size[axis]) * f).rounded())))
                }
                size = GridSize(scaled(0), scaled(1), size.isPlanar ? 1 : scaled(2))
            } else if let target = stage.size, target.count >= 2 {
                size = GridSize(target[0], target[1], target.count > 2 ? target[2] : size.z)
            }
            // Axis by axis: between two passes at most the larger of both sizes stands beside the input.
            let larger = max(size.count, input.size.count)
            let scratch = larger.multipliedReportingOverflow(by: 4 * input.channels)
            return StageCost(
                outputs: [ValueEstimate(size: size, channels: input.channels)],
                scratchBytes: scratch.overflow ? .max : scratch.partialValue)
        })
}
