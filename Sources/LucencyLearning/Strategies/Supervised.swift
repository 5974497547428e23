import LucencyFoundation

/// Learning from labels as they are, and from nothing else.
public struct Supervised: Strategy {
    package static let name = "supervised"

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] { [] }
    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? { nil }
}
