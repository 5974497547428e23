import LucencyImaging
import LucencyMorphology
import LucencyPipeline

typealias MorphologyOperation = Morphology.Operation

extension StageDescriptor {
    static let morphology = StageDescriptor(
        "morphology", "Changes the shape of labelled regions.", prototype: Morphology(.open(StructuringElement())),
        inputs: ["labels"], outputs: ["labels"],
        parameters: [
            Parameter("operation", \.operation, required: true, help: "What is done."),
            Parameter("connectivity", \.connectivity, help: "Which pixels of an object hang together."),
        ]
    ) { stage, context in
        { (labels: LabelMap) throws -> LabelMap in try stage(labels, pool: context.pool) }
    }
}

extension Morphology.Operation: ComponentValue {
    public static var componentKind: String { "morphological operation" }

    private struct Plain {}
    private struct Minimum { var minimum = ObjectSize.pixels(64) }

    private static let element: [Parameter<StructuringElement>] = [
        Parameter("shape", \.shape, help: "Shape of the structuring element."),
        Parameter("radius", \.radius, in: .atLeast(0), help: "Its reach from the centre."),
    ]
    private static let minimum: [Parameter<Minimum>] = [
        Parameter("minimum", \.minimum, required: true, help: "Smallest size that stays: `50 px`, `0.5 mm²`, `20 mm³`.")
    ]

    public static var components: [Component<Morphology.Operation>] {
        [
            Component(
                "erode", "Keeps pixels whose whole neighbourhood has their label.", prototype: StructuringElement(),
                parameters: element, make: { .erode($0) },
                match: { if case .erode(let element) = $0 { element } else { nil } }),
            Component(
                "dilate", "Gives background the label within reach.", prototype: StructuringElement(),
                parameters: element, make: { .dilate($0) },
                match: { if case .dilate(let element) = $0 { element } else { nil } }),
            Component(
                "open", "Removes what the element does not fit into.", prototype: StructuringElement(),
                parameters: element, make: { .open($0) },
                match: { if case .open(let element) = $0 { element } else { nil } }),
            Component(
                "close", "Closes gaps that the element does not fit into.", prototype: StructuringElement(),
                parameters: element, make: { .close($0) },
                match: { if case .close(let element) = $0 { element } else { nil } }),
            Component(
                "fill-holes", "Fills background that does not reach the image's edge.", prototype: Plain(),
                parameters: [],
                make: { _ in .fillHoles }, match: { $0 == .fillHoles ? Plain() : nil }),
            Component(
                "remove-small-objects", "Removes connected objects below a size.", prototype: Minimum(),
                parameters: minimum, make: { .removeSmallObjects(minimum: $0.minimum) },
                match: { if case .removeSmallObjects(let size) = $0 { Minimum(minimum: size) } else { nil } }),
            Component(
                "remove-small-holes", "Fills holes below a size.", prototype: Minimum(),
                parameters: minimum, make: { .removeSmallHoles(minimum: $0.minimum) },
                match: { if case .removeSmallHoles(let size) = $0 { Minimum(minimum: size) } else { nil } }),
            Component(
                "largest-component", "Keeps the largest object of each label.", prototype: Plain(), parameters: [],
                make: { _ in .largestComponent }, match: { $0 == .largestComponent ? Plain() : nil }),
            Component(
                "skeleton",
                "Thins each label to lines one pixel wide (2-D; Guo & Hall 1989, as scikit-image's `thin`, not `skeletonize`).",
                prototype: Plain(),
                parameters: [], make: { _ in .skeleton }, match: { $0 == .skeleton ? Plain() : nil }),
            Component(
                "convex-hull", "Fills the convex hull of each label (2-D).", prototype: Plain(), parameters: [],
                make: { _ in .convexHull }, match: { $0 == .convexHull ? Plain() : nil }),
        ]
    }
}
