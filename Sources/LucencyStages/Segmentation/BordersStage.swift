import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let borders = StageDescriptor(
        "borders", "Three classes out of numbered objects: 0 background, 1 inside, 2 border.",
        prototype: ObjectBorders(), inputs: ["labels"], outputs: ["labels"],
        parameters: [
            Parameter("width", \.width, help: "How far the border reaches into an object."),
            Parameter("name", \.name, help: "What the inside is called."),
        ]
    ) { stage, context in
        { (objects: LabelMap) throws -> LabelMap in try stage(objects, pool: context.pool) }
    }
}
