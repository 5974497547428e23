import LucencyFoundation

/// Any strategy. In JSON `{"uses": "cw-bass", "with": {…}}`.
public struct TrainingStrategy: Hashable, Sendable {
    package let component: any Strategy

    package init(_ component: any Strategy) {
        self.component = component
    }

    /// Every kind of strategy.
    package static let kinds: [any Strategy.Type] = [
        Supervised.self, MixtureStrategy.self, Adele.self, CWBASS.self, SelfTraining.self, MeanTeacher.self,
        FixMatch.self,
    ]

    /// Learning from labels as they are.
    public static let supervised = TrainingStrategy(Supervised())

    /// `cw-bass`.
    public var name: String { component.name }
    /// Whether it learns from images without labels too; false where these weigh nothing.
    public var usesUnlabelled: Bool { component.usesUnlabelled }

    /// Whether its teacher is an average of weights with running statistics that are not averaged.
    public var copiesBuffers: Bool {
        usesUnlabelled && component.averagedTeacher.map { $0.buffers == .copied && $0.decay > 0 } ?? false
    }

    /// Whether the weights that are kept are its teacher's.
    public var judgesTeacher: Bool { usesUnlabelled && component.judged == .teacher }

    /// Whether the student sees strongly augmented images, which must be normalised.
    public var spoilsImages: Bool { usesUnlabelled && component.isStrong }

    public static func == (left: TrainingStrategy, right: TrainingStrategy) -> Bool {
        AnyHashable(left.component) == AnyHashable(right.component)
    }

    public func hash(into hasher: inout Hasher) { component.hash(into: &hasher) }
}

extension TrainingStrategy: Codable {
    private enum Key: String, CodingKey { case uses, with }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .uses)
        guard let kind = Self.kinds.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .uses, in: container, debugDescription: "there is no strategy '\(name)'")
        }
        component = try container.decode(kind, forKey: .with)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .uses)
        try container.encode(component, forKey: .with)
    }
}
