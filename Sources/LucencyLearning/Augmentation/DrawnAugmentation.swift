import LucencyFoundation

/// Everything that decides what one augmentation does to one sample; the record of a draw.
public protocol DrawnParameters: Codable, Hashable, Sendable {
    static var name: String { get }
    /// Changes the sample. Equal parameters and samples give equal bytes, on any thread.
    /// - Throws: `Diagnostic` when the parameters do not fit the sample.
    func apply(to sample: inout Sample) throws(Diagnostic)
}

/// One augmentation with its parameters drawn: plain numbers that can be stored and applied again.
public enum DrawnAugmentation: Hashable, Sendable {
    case spatial(SpatialTransform.Drawn)
    case flip(Flip.Drawn)
    case rot90(QuarterTurn.Drawn)
    case gamma(Gamma.Drawn)
    case contrast(Contrast.Drawn)
    case brightness(Brightness.Drawn)
    case noise(GaussianNoise.Drawn)
    case blur(GaussianBlur.Drawn)
    case lowResolution(LowResolution.Drawn)
    case stain(StainJitter.Drawn)
    case biasField(BiasField.Drawn)
    case normalize(ChannelNormalization.Drawn)

    /// The parameters, whatever the kind.
    public var parameters: any DrawnParameters {
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

    public var name: String { type(of: parameters).name }

    /// The sample as the augmentation makes it.
    /// - Throws: `Diagnostic` when the parameters do not fit the sample.
    public func apply(to sample: inout Sample) throws(Diagnostic) { try parameters.apply(to: &sample) }
}

extension DrawnAugmentation: Codable {
    private enum Key: String, CodingKey { case uses, with }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .uses)
        try parameters.encode(to: container.superEncoder(forKey: .with))
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .uses)
        func drawn<D: DrawnParameters>() throws -> D { try container.decode(D.self, forKey: .with) }
        switch name {
        case SpatialTransform.name: self = .spatial(try drawn())
        case Flip.name: self = .flip(try drawn())
        case QuarterTurn.name: self = .rot90(try drawn())
        case Gamma.name: self = .gamma(try drawn())
        case Contrast.name: self = .contrast(try drawn())
        case Brightness.name: self = .brightness(try drawn())
        case GaussianNoise.name: self = .noise(try drawn())
        case GaussianBlur.name: self = .blur(try drawn())
        case LowResolution.name: self = .lowResolution(try drawn())
        case StainJitter.name: self = .stain(try drawn())
        case BiasField.name: self = .biasField(try drawn())
        case ChannelNormalization.name: self = .normalize(try drawn())
        default: throw Diagnostic(.unknownComponent, "there is no augmentation '\(name)'")
        }
    }
}

extension DrawnParameters {
    func require(_ holds: Bool, _ what: String) throws(Diagnostic) {
        guard !holds else { return }
        throw Diagnostic(
            .badArgument, "drawn parameters of '\(Self.name)': \(what)",
            remedy: "apply a record only to the sample, or the kind of sample, it was drawn for")
    }

    /// One value per channel.
    func require(_ values: [Double], for sample: Sample, _ name: String, in limits: ClosedRange<Double>)
        throws(Diagnostic)
    {
        try require(
            values.count == sample.channels && values.allSatisfy { $0.isFinite && limits.contains($0) },
            "\(name) \(values) do not fit \(sample.channels) channel(s)")
    }
}
