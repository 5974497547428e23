import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let watershed = StageDescriptor(
        "segment.watershed", "Divides touching objects where floods from markers meet.", prototype: Watershed(),
        source: "Vincent & Soille 1991; Meyer 1994", inputs: ["labels", "markers", "landscape"], outputs: ["labels"],
        parameters: [
            Parameter(
                "prominence", \.prominence, in: .atLeast(0),
                help:
                    "Without markers: how far a peak of the distance must stand above the pass to a higher one, in px."
            ),
            Parameter(
                "smoothing", \.smoothing, in: .within(0...1024),
                help: "Without markers: standard deviation in px of a Gaussian that smooths the distance first."),
            Parameter(
                "metric", \.metric,
                help: "Measure distances by the stated spacing, for pixels that are not square."),
        ],
        cost: { _, known in
            StageCost(outputs: [known.main], scratchBytes: known.main.size.count.multipliedSafely(by: 64))
        }
    ) { stage, context in
        { (labels: LabelMap, markers: LabelMap?, landscape: Image?) throws -> LabelMap in
            try stage(labels, markers: markers, landscape: landscape, pool: context.pool)
        }
    }
}
