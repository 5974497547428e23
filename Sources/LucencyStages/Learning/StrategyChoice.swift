import LucencyLearning
import LucencyPipeline

/// How a network learns otherwise than from labels as they are, as a pipeline names it.
struct StrategyChoice: ComponentValue {
    let component: any Strategy

    static let usual = StrategyChoice(component: Supervised())
    static var componentKind: String { "strategy" }
    static var components: [Component<StrategyChoice>] { [.supervised] }
}

extension Component<StrategyChoice> {
    private init<S: Strategy>(_ summary: String, _ prototype: S, _ parameters: [Parameter<S>]) {
        self.init(
            S.name, summary, prototype: prototype, parameters: parameters, make: { StrategyChoice(component: $0) },
            match: { $0.component as? S })
    }

    static let supervised = Component("Learning from labels as they are.", Supervised(), [])
}
