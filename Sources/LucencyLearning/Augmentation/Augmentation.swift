import LucencyFoundation

/// The settings of one kind of augmentation: how likely it is, and the ranges of its parameters.
public protocol AugmentationComponent: Codable, Hashable, Sendable {
    /// Its name in settings and records.
    static var name: String { get }
    /// - Throws: `Diagnostic` when a probability or range is not possible, or not for samples of this form.
    func check(for form: SampleForm) throws(Diagnostic)
    /// The parameters for one sample; nil where it stays as it is. Expects settings that passed `check`.
    func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation?
}

/// One step of the augmentation of training samples.
public enum Augmentation: Hashable, Sendable {
    case spatial(SpatialTransform)
    case flip(Flip)
    case rot90(QuarterTurn)
    case gamma(Gamma)
    case contrast(Contrast)
    case brightness(Brightness)
    case noise(GaussianNoise)
    case blur(GaussianBlur)
    case lowResolution(LowResolution)
    case stain(StainJitter)
    case biasField(BiasField)
    case normalize(ChannelNormalization)

    /// The settings, whatever the kind.
    public var component: any AugmentationComponent {
        switch self {
        case .spatial(let value): value
        case .flip(let value): value
        case .rot90(let value): value
        case .gamma(let value): value
        case .contrast(let value): value
        case .brightness(let value): value
        case .noise(let value): value
        case .blur(let value): value
        case .lowResolution(let value): value
        case .stain(let value): value
        case .biasField(let value): value
        case .normalize(let value): value
        }
    }

    public var name: String { type(of: component).name }
}

extension Augmentation: Codable {
    private enum Key: String, CodingKey { case uses, with }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .uses)
        try component.encode(to: container.superEncoder(forKey: .with))
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .uses)
        func settings<C: AugmentationComponent>() throws -> C { try container.decode(C.self, forKey: .with) }
        switch name {
        case SpatialTransform.name: self = .spatial(try settings())
        case Flip.name: self = .flip(try settings())
        case QuarterTurn.name: self = .rot90(try settings())
        case Gamma.name: self = .gamma(try settings())
        case Contrast.name: self = .contrast(try settings())
        case Brightness.name: self = .brightness(try settings())
        case GaussianNoise.name: self = .noise(try settings())
        case GaussianBlur.name: self = .blur(try settings())
        case LowResolution.name: self = .lowResolution(try settings())
        case StainJitter.name: self = .stain(try settings())
        case BiasField.name: self = .biasField(try settings())
        case ChannelNormalization.name: self = .normalize(try settings())
        default: throw Diagnostic(.unknownComponent, "there is no augmentation '\(name)'")
        }
    }
}

extension AugmentationComponent {
    func require(_ holds: Bool, _ what: String, remedy: String? = nil) throws(Diagnostic) {
        guard !holds else { return }
        throw Diagnostic(.badArgument, "augmentation '\(Self.name)': \(what)", remedy: remedy)
    }

    func check(probability: Double, _ name: String = "probability") throws(Diagnostic) {
        try require(
            probability >= 0 && probability <= 1, "a \(name) of \(probability) is not possible",
            remedy: "give a number in 0...1")
    }
}
