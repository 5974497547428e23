import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension LengthUnit: ChoiceParameter {}

extension StageDescriptor {
    static let distance = StageDescriptor(
        "distance", "The exact Euclidean distance from each labelled pixel to the background.",
        prototype: DistanceTransform(), source: "Felzenszwalb & Huttenlocher 2012", inputs: ["labels"],
        outputs: ["image"],
        parameters: [
            Parameter(
                "unit", \.unit,
                help: "px counts pixels along every axis alike; a metric unit takes the stated spacing of each axis.")
        ]
    ) { stage, context in
        { (labels: LabelMap) throws -> Image in try stage(labels, pool: context.pool) }
    }
}
