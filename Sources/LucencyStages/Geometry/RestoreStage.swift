import LucencyFoundation
import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let restore = StageDescriptor(
        "restore", "Maps a result back onto the grid of the item it came from (or of `like`).", prototype: Restore(),
        parameters: [
            Parameter("outside", \.outside, help: "What stands where the result has nothing."),
            Parameter("background", \.background, help: "Intensity of background in images."),
            Parameter("interpolation", \.interpolation, help: "Kernel for images."),
            Parameter("labels", \.labels, help: "Rule for label maps."),
        ],
        forms: [
            StageForm(inputs: ["image", "like"], outputs: ["image"]) { stage, context in
                { (image: Image, like: Image?) throws -> Image in
                    try stage(image, onto: try target(like, context), pool: context.pool)
                }
            },
            StageForm(inputs: ["labels", "like"], outputs: ["labels"]) { stage, context in
                { (labels: LabelMap, like: Image?) throws -> LabelMap in
                    try stage(labels, onto: try target(like, context), pool: context.pool)
                }
            },
            StageForm(inputs: ["probabilities", "like"], outputs: ["probabilities"]) { stage, context in
                { (map: ProbabilityMap, like: Image?) throws -> ProbabilityMap in
                    try stage(map, onto: try target(like, context), pool: context.pool)
                }
            },
        ])
}

private func target(_ like: Image?, _ context: StageContext) throws -> Geometry {
    if let geometry = like?.geometry ?? context.sourceGeometry { return geometry }
    throw Diagnostic(
        .missingInput, "no item stands behind this value, so there is no grid to go back to",
        remedy: "name one: `like: IMAGE`")
}

extension Float: ParameterValue {
    public static var typeName: String { Double.typeName }
    public static var schema: JSONValue { Double.schema }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Float? {
        Double.decode(yaml, &decoding).map(Float.init)
    }
    /// The shortest number that is this one: 0.1, not 0.10000000149011612.
    public var canonical: JSONValue { .number(Double(description) ?? Double(self)) }
    public var magnitudes: [Double] { [Double(self)] }
}
