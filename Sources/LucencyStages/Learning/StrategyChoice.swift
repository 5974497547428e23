import LucencyLearning
import LucencyPipeline

/// How a network learns otherwise than from labels as they are, as a pipeline names it.
struct StrategyChoice: ComponentValue {
    let component: any Strategy

    static let usual = StrategyChoice(component: Supervised())
    static var componentKind: String { "strategy" }
    static var components: [Component<StrategyChoice>] { [.supervised, .mixture] }
}

extension Component<StrategyChoice> {
    private init<S: Strategy>(_ summary: String, _ prototype: S, _ parameters: [Parameter<S>]) {
        self.init(
            S.name, summary, prototype: prototype, parameters: parameters, make: { StrategyChoice(component: $0) },
            match: { $0.component as? S })
    }

    static let supervised = Component("Learning from labels as they are.", Supervised(), [])

    static let mixture = Component(
        "For scribbles, points and boxes: unlabelled pixels (-1) belong to the classes as their features lie near those of "
            + "labelled pixels (Wu et al. 2023). Label some background too.", MixtureStrategy(),
        [
            Parameter(
                "absent", \.absentWeight, in: .atLeast(0),
                help: "Weight of the loss for classes that are not in the image."),
            Parameter(
                "mutual", \.mutualWeight, in: .atLeast(0),
                help: "Weight of the loss between memberships and probabilities."),
            Parameter(
                "supervised", \.supervisedWeight, in: .atLeast(0),
                help: "Weight of the loss between labels and memberships."),
            Parameter(
                "separation", \.separationWeight, in: .atLeast(0), help: "Weight of the loss that holds classes apart."),
            Parameter(
                "separationForm", \.separation,
                help:
                    "Means of classes are averaged over a batch, or summed as in the authors' program, where separation "
                    + "grows with the batch."),
            Parameter(
                "variance", \.adaptsVariance,
                help: "Give each class and image a variance, as in the paper; the authors' program has it fixed."),
            Parameter(
                "excludeVoid", \.excludesVoid,
                help:
                    "Let nothing belong to a class beyond the image; the authors' program blurs such pixels into others."
            ),
            Parameter(
                "imageClasses", \.imageClasses,
                help: "Classes that an image may show: those that it has labelled pixels of, or all."),
        ])
}

extension MixtureSeparation: ChoiceParameter {}
extension MixtureStrategy.ImageClasses: ChoiceParameter {}
