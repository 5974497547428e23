import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyPhantoms
import LucencyPipeline

/// The stage's settings: `LabelCorruption` with its steps as they are chosen in YAML.
private struct CorruptLabels: Sendable {
    var steps: [CorruptionStep] = []
    var ignoreValue = Int(LabelMap.ignoreLabel)
    var probability = 1.0
    var noise = ""

    /// The labels as they are spoilt; the same ones where chance leaves them out.
    func corrupt(_ labels: LabelMap, _ context: StageContext) throws -> LabelMap {
        let stream = (noise.isEmpty ? context.stage : noise) + "/" + context.item
        var corruption = corruption, whether = PhiloxStream(seed: context.seed, stream: stream + "/whether")
        if probability < 1, whether.uniform() >= probability { corruption.steps = [] }
        return try corruption(labels, random: PhiloxStream(seed: context.seed, stream: stream), pool: context.pool)
    }

    var corruption: LabelCorruption { LabelCorruption(steps.map(\.step), ignoreValue: ignoreValue) }

    func check() throws {
        guard !steps.isEmpty else {
            throw Diagnostic(
                .badValue, "corrupt-labels has no steps, and would change nothing",
                remedy: "name at least one, such as `steps: [adele]`")
        }
        try corruption.check()
    }
}

extension StageDescriptor {
    static let corruptLabels = StageDescriptor(
        "corrupt-labels", "Spoils labels on purpose, as hasty, careless or sparing annotators do.",
        prototype: CorruptLabels(), revision: 2, isRandom: true, inputs: ["labels"], outputs: ["labels", "changed"],
        parameters: [
            Parameter("steps", \.steps, required: true, help: "What is done, in this order."),
            Parameter(
                "ignoreValue", \.ignoreValue, in: .within(-1...2_147_483_647),
                help: "What unlabelled pixels are called; -1 is ignored by other stages, 255 suits PNG files."),
            Parameter(
                "probability", \.probability, in: .within(0...1),
                help: "Of each label map to be spoilt; others stay as they are."),
            Parameter(
                "noise", \.noise,
                help:
                    "Stages with the same name here spoil an item alike, such as one for training and one for testing; left "
                    + "out: the stage's own name."),
        ],
        check: { try $0.check() }
    ) { stage, context in
        { (labels: LabelMap) throws -> (LabelMap, LabelMap) in
            let corrupted = try stage.corrupt(labels, context)
            return (
                corrupted,
                try LabelCorruption.changes(from: labels, to: corrupted, ignoreValue: stage.ignoreValue)
            )
        }
    }
}

/// A step as it is chosen in YAML: `{uses: missing-objects, with: {probability: 0.2}}`.
struct CorruptionStep: ComponentValue {
    let step: any LabelCorruptionStep

    static var componentKind: String { "label corruption" }
    static var components: [Component<CorruptionStep>] {
        [
            .adele, .boundaryJitter, .bias, .missingObjects, .spuriousObjects, .affineShift, .polygons, .scribbles,
            .points, .boxes,
        ]
    }
}

extension Component<CorruptionStep> {
    fileprivate init<Step: LabelCorruptionStep>(
        _ id: String, _ summary: String, _ prototype: Step, parameters: [Parameter<Step>]
    ) {
        self.init(
            id, summary, prototype: prototype, parameters: parameters, check: { try $0.check() },
            make: { CorruptionStep(step: $0) },
            match: { $0.step as? Step })
    }

    fileprivate static let adele = Component(
        "adele", "Slices drawn too small or too large (the noise of ADELE, Liu et al. 2022).", AnnotationNoise(),
        parameters: [
            Parameter(
                "overChance", \.overChance, in: .within(0...1),
                help: "Probability that a slice is drawn too large, not too small."),
            Parameter(
                "iterations", \.iterations, in: .within(AnnotationNoise.iterationsLimits),
                help: "Times the enlarged mask is eroded or dilated."),
            Parameter(
                "targetPixels", \.targetPixels, in: .within(AnnotationNoise.targetPixelsLimits),
                help: "Pixels that each class's mask is enlarged to before."),
            Parameter(
                "order", \.order, in: .within(AnnotationNoise.classLimits),
                help: "Classes to change, in this order; empty: all, ascending."),
            Parameter(
                "probability", \.probability, in: .within(0...1), help: "Probability that a slice is noisy at all."),
        ])

    fileprivate static let boundaryJitter = Component(
        "boundary-jitter", "Borders moved to and fro by a smooth random field.", BoundaryJitter(),
        parameters: [
            Parameter(
                "amplitude", \.amplitude, in: .atLeast(0), help: "Root mean square distance by which borders move."),
            Parameter(
                "correlation", \.correlation, in: .positive, help: "Distance from which displacements are independent."),
        ])

    fileprivate static let bias = Component(
        "bias", "Classes drawn too generously (positive) or too tightly (negative).", MorphologicalBias(),
        parameters: [
            Parameter("bias", \.bias, help: "How far borders move outwards; negative: inwards."),
            Parameter("spread", \.spread, in: .atLeast(0), help: "Standard deviation of the bias between label maps."),
            Parameter(
                "classes", \.classes, in: .within(MorphologicalBias.classLimits), help: "Classes concerned; empty: all."
            ),
        ])

    fileprivate static let missingObjects = Component(
        "missing-objects", "Connected objects overlooked at random.", MissingObjects(),
        parameters: [
            Parameter("probability", \.probability, in: .within(0...1), help: "Of each object to be missing."),
            Parameter(
                "classes", \.classes, in: .within(MissingObjects.classLimits), help: "Classes concerned; empty: all."),
            Parameter("connectivity", \.connectivity, help: "Which pixels of an object hang together."),
        ])

    fileprivate static let spuriousObjects = Component(
        "spurious-objects", "Ellipses that are not there, drawn onto background.", SpuriousObjects(),
        parameters: [
            Parameter("count", \.count, in: .within(SpuriousObjects.countLimits), help: "How many per label map."),
            Parameter("smallest", \.smallest, in: .atLeast(0), help: "Least half-length."),
            Parameter("largest", \.largest, in: .atLeast(0), help: "Greatest half-length."),
            Parameter("label", \.label, in: .within(SpuriousObjects.classLimits), help: "The class they get."),
        ])

    fileprivate static let affineShift = Component(
        "affine-shift", "All labels shifted, turned and scaled together.", AffineShift(),
        parameters: [
            Parameter("translation", \.translation, in: .atLeast(0), help: "Greatest shift along each axis."),
            Parameter(
                "rotation", \.rotation, in: .within(AffineShift.rotationLimits), help: "Degrees, about the middle."),
            Parameter("scale", \.scale, in: .within(AffineShift.scaleLimits), help: "Factor, about the middle."),
        ])

    fileprivate static let polygons = Component(
        "polygons", "Outlines drawn as polygons with few corners.", PolygonSimplification(),
        parameters: [
            Parameter("tolerance", \.tolerance, in: .atLeast(0), help: "The farthest that an outline may move.")
        ])

    fileprivate static let scribbles = Component(
        "scribbles", "Weak labels: a few strokes per class and slice, all else ignored.", Scribbles(),
        parameters: [
            Parameter("strokes", \.strokes, in: .within(Scribbles.strokesLimits), help: "Strokes per class and slice."),
            Parameter("width", \.width, in: .positive, help: "Width of a stroke."),
            Parameter("fraction", \.fraction, in: .within(0...1), help: "How much of its path a stroke covers."),
            Parameter("background", \.background, help: "Whether the background gets strokes too."),
        ])

    fileprivate static let points = Component(
        "points", "Weak labels: a few discs per object or class, all else ignored.", Points(),
        parameters: [
            Parameter("count", \.count, in: .within(Points.countLimits), help: "Points per object, or per class."),
            Parameter(
                "background", \.background, in: .within(Points.backgroundLimits), help: "Points of the background."),
            Parameter("radius", \.radius, in: .atLeast(0), help: "Of the discs; 0 for single pixels."),
            Parameter("perObject", \.perObject, help: "Points for each connected object, not for each class."),
        ])

    fileprivate static let boxes = Component(
        "boxes", "Weak labels: the box around each object filled with its class.", Boxes(),
        parameters: [
            Parameter("margin", \.margin, in: .atLeast(0), help: "How far a box stands off its object."),
            Parameter("connectivity", \.connectivity, help: "Which pixels of an object hang together."),
        ])
}
