import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let vesselness = StageDescriptor(
        "segment.vesselness", "How much each pixel looks like part of a vessel, 0...1.", prototype: Vesselness(),
        source: "Frangi et al. 1998, MICCAI", inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter(
                "scales", \.scales, in: .positive, help: "Standard deviations of Gaussians, about half of the widths."),
            Parameter("vessels", \.vessels, help: "Whether vessels are darker or brighter than what is around them."),
            Parameter("alpha", \.alpha, in: .positive, help: "In 3-D, how sharply plates are told from tubes."),
            Parameter("beta", \.beta, in: .positive, help: "How sharply blobs are told from tubes."),
            Parameter(
                "strength", \.strength, in: .positive,
                help: "How strong structure must be, in intensities; left out: half of the strongest at each scale "
                    + "(scikit-image's `frangi`: at the first scale, for all)."),
        ],
        cost: { _, known in
            StageCost(outputs: [known.main], scratchBytes: known.main.size.count.multipliedSafely(by: 48))
        }
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}
