import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyPipeline

extension GridAxis: ParameterValue {
    public static var typeName: String { "x | y | z" }
    public static var schema: JSONValue { ["enum": ["x", "y", "z"]] }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> GridAxis? {
        if let axis = allCases.first(where: { $0.name == yaml.scalar }) { return axis }
        decoding.error(.badValue, "expected x, y or z, found \(yaml.shown)", at: yaml.place)
        return nil
    }

    public var canonical: JSONValue { .string(name) }
}

extension Augmentation: ComponentValue {
    public static var componentKind: String { "augmentation" }

    public static var components: [Component<Augmentation>] {
        [
            Component(
                "spatial", "Rotation, scaling and elastic deformation in one resampling.",
                prototype: SpatialTransform(),
                parameters: [
                    Parameter("rotationProbability", \.rotationProbability, in: .within(0...1), help: "How often."),
                    Parameter("rotation", \.rotation, help: "Degrees in the plane of x and y."),
                    Parameter("tilt", \.tilt, help: "Degrees about x and y, for volumes."),
                    Parameter("scaleProbability", \.scaleProbability, in: .within(0...1), help: "How often."),
                    Parameter("scale", \.scale, in: .positive, help: "How much things grow."),
                    Parameter("elasticProbability", \.elasticProbability, in: .within(0...1), help: "How often."),
                    Parameter(
                        "elasticAmplitude", \.elasticAmplitude, in: .atLeast(0),
                        help: "Shift as a part of the distance over which it changes."),
                    Parameter(
                        "elasticDistance", \.elasticDistance, in: .positive,
                        help: "That distance, as a part of the patch's longest side."),
                    Parameter("inPlane", \.isInPlane, help: "Volumes: leave z as it is."),
                ],
                make: { .spatial($0) }, match: { if case .spatial(let value) = $0 { value } else { nil } }),
            Component(
                "flip", "Mirror images along axes.", prototype: Flip(),
                parameters: [
                    probability(\.probability),
                    Parameter("axes", \.axes, help: "Along which, each by itself."),
                ],
                make: { .flip($0) }, match: { if case .flip(let value) = $0 { value } else { nil } }),
            Component(
                "rot90", "Quarter turns.", prototype: QuarterTurn(),
                parameters: [probability(\.probability), Parameter("axis", \.axis, help: "About which axis.")],
                make: { .rot90($0) }, match: { if case .rot90(let value) = $0 { value } else { nil } }),
            Component(
                "gamma", "A power of the intensities.", prototype: Gamma(),
                parameters: [
                    probability(\.probability),
                    Parameter("exponent", \.exponent, in: .positive, help: "The power."),
                    Parameter("inverted", \.isInverted, help: "Of the inverted image."),
                ],
                make: { .gamma($0) }, match: { if case .gamma(let value) = $0 { value } else { nil } }),
            Component(
                "contrast", "Distances from the mean times a factor.", prototype: Contrast(),
                parameters: [
                    probability(\.probability), Parameter("factor", \.factor, in: .positive, help: "The factor."),
                ],
                make: { .contrast($0) }, match: { if case .contrast(let value) = $0 { value } else { nil } }),
            Component(
                "brightness", "Intensities times a factor, plus a number.", prototype: Brightness(),
                parameters: [
                    probability(\.probability), Parameter("factor", \.factor, help: "The factor."),
                    Parameter("addition", \.addition, help: "What is added, after normalization."),
                ],
                make: { .brightness($0) }, match: { if case .brightness(let value) = $0 { value } else { nil } }),
            Component(
                "noise", "Gaussian noise.", prototype: GaussianNoise(),
                parameters: [
                    probability(\.probability),
                    Parameter("deviation", \.deviation, in: .atLeast(0), help: "Its standard deviation."),
                ],
                make: { .noise($0) }, match: { if case .noise(let value) = $0 { value } else { nil } }),
            Component(
                "blur", "Gaussian blur.", prototype: GaussianBlur(),
                parameters: [
                    probability(\.probability),
                    Parameter("deviation", \.deviation, in: .atLeast(0), help: "Its standard deviation in pixels."),
                ],
                make: { .blur($0) }, match: { if case .blur(let value) = $0 { value } else { nil } }),
            Component(
                "low-resolution", "Shrunk and enlarged again.", prototype: LowResolution(),
                parameters: [
                    probability(\.probability),
                    Parameter("scale", \.scale, in: .within(0.01...1), help: "How small."),
                ],
                make: { .lowResolution($0) }, match: { if case .lowResolution(let value) = $0 { value } else { nil } }),
            Component(
                "stain", "Other strengths of hematoxylin and eosin (RGB of 0...255; Tellez et al. 2018).",
                prototype: StainJitter(),
                parameters: [
                    probability(\.probability),
                    Parameter("strength", \.strength, in: .within(0...1), help: "How far factors differ from 1."),
                    Parameter("shift", \.shift, in: .within(0...1), help: "How far stains are added."),
                ],
                make: { .stain($0) }, match: { if case .stain(let value) = $0 { value } else { nil } }),
            Component(
                "bias-field", "A smooth factor over the image, as of a coil.", prototype: BiasField(),
                parameters: [
                    probability(\.probability),
                    Parameter("strength", \.strength, in: .within(0...2), help: "How much it varies."),
                ],
                make: { .biasField($0) }, match: { if case .biasField(let value) = $0 { value } else { nil } }),
        ]
    }

    private static func probability<C: Sendable>(_ path: any WritableKeyPath<C, Double> & Sendable) -> Parameter<C> {
        Parameter("probability", path, in: .within(0...1), help: "How often.")
    }
}
