import LucencyFoundation
import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let tile = StageDescriptor(
        "tile", "Takes one of the overlapping tiles that together cover an image; `untile` puts them together again.",
        prototype: Tile(size: [256]),
        parameters: [
            Parameter("size", \.size, in: .atLeast(1), help: "Pixels along x, y (and z), or one for all."),
            Parameter("overlap", \.overlap, in: .atLeast(0), help: "Pixels that neighbours share at least."),
            Parameter(
                "index", \.index, in: .atLeast(0),
                help: "Which tile, from 0 along x first; usually a variant: `index: $tile`."),
        ],
        forms: [
            StageForm(inputs: ["image"], outputs: ["image"]) { stage, _ in
                { (image: Image) throws -> Image in try stage(image) }
            },
            StageForm(inputs: ["labels"], outputs: ["labels"]) { stage, _ in
                { (labels: LabelMap) throws -> LabelMap in try stage(labels) }
            },
        ])

    static let untile = StageDescriptor(
        "untile", "Puts overlapping tiles together on the grid of the item they came from.", prototype: Untile(),
        forms: [
            StageForm(inputs: ["tiles"], outputs: ["image"]) { stage, context in
                { (tiles: [Image]) throws -> Image in try stage(tiles, onto: whole(context)) }
            },
            StageForm(inputs: ["labels"], outputs: ["labels"]) { stage, context in
                { (tiles: [LabelMap]) throws -> LabelMap in try stage(tiles, onto: whole(context)) }
            },
            StageForm(inputs: ["probabilities"], outputs: ["probabilities"]) { stage, context in
                { (tiles: [ProbabilityMap]) throws -> ProbabilityMap in try stage(tiles, onto: whole(context)) }
            },
        ])
}

private func whole(_ context: StageContext) throws -> Geometry {
    if let geometry = context.sourceGeometry { return geometry }
    throw Diagnostic(
        .missingInput, "no item stands behind these tiles, so there is no grid to put them on",
        remedy: "use `untile` in a pipeline, on tiles of one source")
}
