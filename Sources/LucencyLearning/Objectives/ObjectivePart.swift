/// Any component of an objective. In JSON `{"uses": "dice", "with": {…}}`.
public struct ObjectivePart: Hashable, Sendable {
    public let component: any ObjectiveComponent

    public init(_ component: any ObjectiveComponent) {
        self.component = component
    }

    /// Every kind of component.
    public static let kinds: [any ObjectiveComponent.Type] = [
        CrossEntropyTarget.self, FocalTarget.self, LabelSmoothingTarget.self, VaryingSmoothingTarget.self,
        SelfDistillationTarget.self,
        DiceTerm.self, BoundaryTerm.self, ConfidencePenaltyTerm.self, MarginTerm.self, NeighbourTerm.self,
        EarlyLearningTerm.self,
    ]

    /// `cross-entropy`.
    public var name: String { component.name }
    /// Its factor in the total.
    public var weight: Double { (component as? any ObjectiveTerm)?.weight ?? 1 }
    var isTarget: Bool { component is any ObjectiveTarget }
    var goesWithoutTarget: Bool { (component as? any ObjectiveTerm).map { type(of: $0).goesWithoutTarget } ?? true }

    public static func == (left: ObjectivePart, right: ObjectivePart) -> Bool {
        AnyHashable(left.component) == AnyHashable(right.component)
    }

    public func hash(into hasher: inout Hasher) { component.hash(into: &hasher) }
}

extension ObjectivePart: Codable {
    private enum Key: String, CodingKey { case uses, with }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .uses)
        guard let kind = Self.kinds.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .uses, in: container, debugDescription: "there is no objective '\(name)'")
        }
        component = try container.decode(kind, forKey: .with)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .uses)
        try container.encode(component, forKey: .with)
    }
}
