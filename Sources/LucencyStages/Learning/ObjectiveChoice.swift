import LucencyFoundation
import LucencyLearning
import LucencyPipeline
import LucencyTensor

/// A target or a term of the objective, as a pipeline names it.
struct ObjectiveChoice: ComponentValue {
    let component: any ObjectiveComponent

    static var componentKind: String { "objective" }
    static var components: [Component<ObjectiveChoice>] {
        [
            .crossEntropy, .focal, .labelSmoothing, .varyingSmoothing, .selfDistillation, .dice, .boundary,
            .confidencePenalty, .margin, .neighbours, .earlyLearning,
        ]
    }
}

extension MarginForm: ChoiceParameter {}
extension PriorDistanceForm: ChoiceParameter {}
extension WindowBorder: ChoiceParameter {}
extension NeighbourTerm.Prior: ChoiceParameter {}
extension EarlyLearningScope: ChoiceParameter {}

extension Component<ObjectiveChoice> {
    private init<C: ObjectiveComponent>(
        _ summary: String, _ prototype: C, _ parameters: [Parameter<C>],
        check: @escaping @Sendable (C) throws -> Void = { _ in }
    ) {
        self.init(
            C.name, summary, prototype: prototype, parameters: parameters, check: check,
            make: { ObjectiveChoice(component: $0) }, match: { $0.component as? C })
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
            Parameter(
                "gamma", \.gamma, in: .within(0...20), help: "How much less; NACL compares with 3, Lin et al. have 2."),
            Parameter("weights", \.weights, in: .atLeast(0), help: "One weight for each class; left out: equal."),
        ])

    static let labelSmoothing = Component(
        "Target: cross-entropy with a part of each label spread over all classes (Szegedy et al. 2016).",
        LabelSmoothingTarget(),
        [
            Parameter(
                "alpha", \.alpha, in: .within(0...1),
                help: "That part; published: 0.1, and SVLS compares with 0.1, 0.2 and 0.3.")
        ])

    static let varyingSmoothing = Component(
        "Target: cross-entropy with labels that are blurred near boundaries (SVLS; Islam and Glocker 2021).",
        VaryingSmoothingTarget(),
        [
            Parameter(
                "sigma", \.sigma, in: .above(0, upTo: 1000),
                help: "Width of the blur in pixels, one number or one for each axis x, y, z; published: 1."),
            Parameter(
                "window", \.window, in: .within(3...31),
                help:
                    "Odd side of the kernel in pixels; published: 3, where alone the authors' program puts ½ in the middle."
            ),
            Parameter(
                "strength", \.strength, in: .within(0...1),
                help: "Part of the blurred labels in the target; published: 1, and 0 is cross-entropy."),
        ])

    static let selfDistillation = Component(
        "Target: the label, and more and more of what the network said an epoch ago (PS-KD; Kim et al. 2021). "
            + "Each step costs a forward pass more.",
        SelfDistillationTarget(),
        [
            Parameter(
                "alpha", \.alpha, in: .within(0...0.999),
                help: "The earlier prediction's part in the last epoch, to which it grows from 0; published: 0.8. The "
                    + "teacher is the network of the last epoch's end, where the authors' program keeps each prediction."
            )
        ])

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
        "Term: the negative entropy of the probabilities (Pereyra et al. 2017).", ConfidencePenaltyTerm(),
        [
            weight(),
            Parameter(
                "sumOverClasses", \.sumsOverClasses,
                help: "Sum over classes, as the formula; else their mean, as the programs that papers compare with."),
        ])

    static let margin = Component(
        "Term: logits that lie further than a margin below the largest (Liu et al. 2022).", MarginTerm(),
        [
            weight(),
            Parameter(
                "margin", \.margin, in: .atLeast(0),
                help: "The margin between logits; papers on segmentation have 5, their program's settings 10."),
            Parameter(
                "form", \.form,
                help: "How an excess is penalised; `unhinged` is what the authors' program computes for squares."),
        ])

    static let neighbours = Component(
        "Term: logits held to the classes' shares in the window around each pixel (NACL; Murugesan et al. 2023).",
        NeighbourTerm(),
        [
            Parameter(
                "weight", \.weight, in: .atLeast(0),
                help: "Its factor; 0.1 as published, of a mean over classes: tune it anew for other numbers of classes."
            ),
            Parameter("prior", \.prior, help: "What the window comes to; published: `mean`, the others as ablations."),
            Parameter("window", \.window, in: .within(3...31), help: "Odd side of the window in pixels; published: 3."),
            Parameter(
                "border", \.border,
                help:
                    "What lies beyond the edge; published: `background` in 2-D, `zero` in 3-D, `replicate` for `gaussian`."
            ),
            Parameter(
                "sigma", \.sigma, in: .above(0, upTo: 1000), help: "Width of the Gaussian priors in pixels."),
            Parameter("distance", \.distance, help: "Absolute (`l1`, as published) or squared differences."),
            Parameter(
                "onProbabilities", \.isOfProbabilities, help: "Hold probabilities to the shares instead of logits."),
            Parameter(
                "sumOverClasses", \.sumsOverClasses,
                help: "Sum over classes, as the paper's formula; else their mean, as the authors' program."),
        ])

    static let earlyLearning = Component(
        "Term: rewards agreement with what the network said of the same pixel before, against wrong labels (ELR; Liu et al. "
            + "2020). Networks trained so are too sure of themselves: calibrate them.",
        EarlyLearningTerm(),
        [
            Parameter("weight", \.weight, in: .atLeast(0), help: "Its factor in the total; published: 1 to 7."),
            Parameter(
                "momentum", \.momentum, in: .within(0...0.999),
                help: "How much of what was said before one step keeps; published: 0.7 and 0.9."),
            Parameter(
                "scope", \.scope,
                help: "What is remembered by itself: every pixel, or every image by the mean of its probabilities."),
            Parameter(
                "every", \.every, in: .within(1...1024),
                help:
                    "Pixels between those that are remembered, along each axis: 4 takes a sixteenth of the room in 2-D."
            ),
            Parameter(
                "rampSteps", \.rampSteps, in: .atLeast(0), help: "Steps in which the weight rises; published: 0."),
            Parameter(
                "averageDecay", \.averageDecay, in: .within(0...0.99999),
                help:
                    "Decay of a moving average of the weights whose word is remembered instead, as in ELR+; published: 0.997."
            ),
        ],
        check: { _ in
            throw Diagnostic(
                .badValue, "networks trained with elr tend to be surer than they are right",
                remedy: "fit a temperature (`calibrate.temperature`) before their probabilities are believed",
                severity: .note)
        })
}
