import LucencyFoundation
import LucencyLearning
import LucencyPipeline

/// How a network learns otherwise than from labels as they are, as a pipeline names it.
struct StrategyChoice: ComponentValue {
    let component: any Strategy

    static let usual = StrategyChoice(component: Supervised())
    static var componentKind: String { "strategy" }
    static var components: [Component<StrategyChoice>] {
        [.supervised, .mixture, .adele, .confidence, .selfTraining, .meanTeacher, .fixMatch]
    }
}

extension AdeleTotal: ChoiceParameter {}
extension DroppedForeground: ChoiceParameter {}

extension Component<StrategyChoice> {
    init<S: Strategy>(
        _ summary: String, _ prototype: S, _ parameters: [Parameter<S>],
        check: @escaping @Sendable (S) throws -> Void = { _ in }
    ) {
        self.init(
            S.name, summary, prototype: prototype, parameters: parameters, check: check,
            make: { StrategyChoice(component: $0) }, match: { $0.component as? S })
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

    static let adele = Component(
        "Corrects the labels of a class by sure predictions when its learning curve flattens, and learns from three scales "
            + "(ADELE; Liu et al. 2022).",
        Adele(),
        [
            Parameter(
                "level", \.level, in: .within(0...1),
                help:
                    "By which part the slope of a class's curve must have fallen for it to be corrected; published: 0.9."
            ),
            Parameter(
                "minimumRise", \.minimumRise, in: .within(0...1),
                help: "What comes before the first rise of a curve by so much is left out; 0: nothing."),
            Parameter(
                "waitsForRise", \.waitsForRise,
                help:
                    "Never correct a class whose curve does not rise so much between two epochs, as the authors' program."
            ),
            Parameter(
                "every", \.every, in: .within(1...1_000_000),
                help: "Epochs after which a class that was corrected may be corrected again."),
            Parameter(
                "confidence", \.confidence, in: .within(0...1), help: "How sure a prediction must be to become a label."
            ),
            Parameter(
                "backgroundConfidence", \.backgroundConfidence, in: .within(0...1),
                help: "The same of background; left out: as `confidence`."),
            Parameter(
                "presentClassesOnly", \.keepsToPresentClasses, help: "Give an image no class that its labels lack."),
            Parameter(
                "dropped", \.dropped,
                help: "What becomes of foreground where background is predicted: background, or no longer counted."),
            Parameter(
                "guard", \.isGuarded, help: "Leave out corrections that take away most of an image's foreground."),
            Parameter(
                "weight", \.weight, in: .atLeast(0),
                help: "Weight of the consistency of three scales, a third of which counts; 0 leaves two passes out."),
            Parameter(
                "scales", \.scales, in: .within(0.1...4),
                help: "By how much the other two views are smaller and larger."),
            Parameter(
                "sureness", \.sureness, in: .within(0...1),
                help: "Images are held to consistency in which some pixel is at least so sure."),
            Parameter(
                "total", \.total,
                help: "The objective of the image itself, or `published`: the mean of three views, logits divided by 3."
            ),
        ],
        check: { adele in
            var warnings: [Diagnostic] = []
            if adele.total == .published {
                warnings.append(
                    Diagnostic(
                        .badValue, "with `total: published` the network learns with its logits divided by 3",
                        remedy: "fit a temperature (`calibrate.temperature`) before its probabilities are believed",
                        severity: .warning))
            }
            if adele.waitsForRise {
                warnings.append(
                    Diagnostic(
                        .badValue,
                        "with `waitsForRise` a class whose IoU never rises by \(adele.minimumRise) from one epoch to the "
                            + "next is never corrected",
                        remedy: "look at the curves on the page `corrections`", severity: .warning))
            }
            if adele.dropped == .published {
                warnings.append(
                    Diagnostic(
                        .badValue,
                        "with `dropped: published` foreground stops to count wherever background is predicted, however "
                            + "unsure that is", remedy: "write `dropped: ignored`", severity: .warning))
            }
            if !warnings.isEmpty { throw DiagnosticList(warnings) }
        })
}

extension MixtureSeparation: ChoiceParameter {}
extension MixtureStrategy.ImageClasses: ChoiceParameter {}
