import LucencyFoundation
import LucencyLearning
import LucencyPipeline
import LucencyTensor

/// A target or a term of the objective, as a pipeline names it.
struct ObjectiveChoice: ComponentValue {
    let component: any ObjectiveComponent

    static var componentKind: String { "objective" }
    static var components: [Component<ObjectiveChoice>] {
        [.crossEntropy, .focal, .labelSmoothing, .dice, .boundary, .confidencePenalty, .margin]
    }
}

extension MarginForm: ChoiceParameter {}

extension Component<ObjectiveChoice> {
    private init<C: ObjectiveComponent>(_ summary: String, _ prototype: C, _ parameters: [Parameter<C>]) {
        self.init(
            C.name, summary, prototype: prototype, parameters: parameters, make: { ObjectiveChoice(component: $0) },
            match: { $0.component as? C })
    }

    private static func weight<C: ObjectiveTerm>() -> Parameter<C> {
        Parameter("weight", \C.weight, in: .atLeast(0), help: "Its factor in the total; the default is the paper's.")
    }

    static let crossEntropy = Component(
        "Target: the mean of -log p of each pixel's class.", CrossEntropyTarget(),
        [Parameter("weights", \.weights, in: .atLeast(0), help: "One weight for each class; left out: equal.")])

    static let focal = Component(
        "Target: cross-entropy in which pixels that are right already count less (Lin et al. 2017).", FocalTarget(),
        [
            Parameter("gamma", \.gamma, in: .within(0...20), help: "How much less."),
            Parameter("weights", \.weights, in: .atLeast(0), help: "One weight for each class; left out: equal."),
        ])

    static let labelSmoothing = Component(
        "Target: cross-entropy with a part of each label spread over all classes (Szegedy et al. 2016).",
        LabelSmoothingTarget(), [Parameter("alpha", \.alpha, in: .within(0...1), help: "That part.")])

    static let dice = Component(
        "Term: 1 - the soft Dice coefficient; may also stand alone.", DiceTerm(),
        [
            weight(),
            Parameter("background", \.form.includesBackground, help: "Whether class 0 counts."),
            Parameter("squared", \.form.isSquared, help: "Squares in the denominator (Milletari et al. 2016)."),
            Parameter("overBatch", \.form.sumsOverBatch, help: "Sum over the batch before dividing."),
            Parameter("skipAbsent", \.form.skipsAbsent, help: "Leave out classes that the labels lack."),
        ])

    static let boundary = Component(
        "Term: probability weighs with its distance to the class (Kervadec et al. 2019).", BoundaryTerm(),
        [
            weight(),
            Parameter("background", \.includesBackground, help: "Whether class 0 counts."),
        ])

    static let confidencePenalty = Component(
        "Term: the negative entropy of the probabilities (Pereyra et al. 2017).", ConfidencePenaltyTerm(), [weight()])

    static let margin = Component(
        "Term: logits that lie further than a margin below the largest (Liu et al. 2022).", MarginTerm(),
        [
            weight(),
            Parameter("margin", \.margin, in: .atLeast(0), help: "The margin between logits."),
            Parameter("form", \.form, help: "How an excess is penalised."),
        ])
}
