import LucencyFoundation
import LucencyLearning
import LucencyPipeline

extension ConfidenceThresholdForm: ChoiceParameter {}
extension ConfidenceDecayForm: ChoiceParameter {}
extension LabelBoundaryForm: ChoiceParameter {}
extension LabelBoundaryFrame: ChoiceParameter {}
extension JudgedNetwork: ChoiceParameter {}
extension TeacherBufferForm: ChoiceParameter {}
extension TeacherDecayForm: ChoiceParameter {}

/// Strategies that learn from images without labels.
extension Component<StrategyChoice> {
    private static func weight<S: Sendable>(_ path: any WritableKeyPath<S, Double> & Sendable) -> Parameter<S> {
        Parameter("weight", path, in: .atLeast(0), help: "Weight of the loss for images without labels.")
    }

    private static func strong<S: Sendable>(_ path: any WritableKeyPath<S, Bool> & Sendable) -> Parameter<S> {
        Parameter(
            "strong", path,
            help:
                "Let the student see strongly augmented copies: brightness, contrast, gamma, noise, blur, and cut-out "
                + "rectangles, whose pixels do not count.")
    }

    private static func judge<S: Sendable>(_ path: any WritableKeyPath<S, JudgedNetwork> & Sendable) -> Parameter<S> {
        Parameter("judge", path, help: "Whose weights are validated and kept; the authors' program takes the student.")
    }

    private static func teacher<S: Sendable>(
        _ decay: any WritableKeyPath<S, Double> & Sendable, _ form: any WritableKeyPath<S, TeacherDecayForm> & Sendable,
        _ buffers: any WritableKeyPath<S, TeacherBufferForm> & Sendable
    ) -> [Parameter<S>] {
        [
            Parameter(
                "teacherDecay", decay, in: .within(0...1),
                help: "How much of the teacher's weights remains in a step, at most; less for short trainings."),
            Parameter(
                "teacherDecayForm", form,
                help:
                    "At most 1 - 1/(step + 2), so that random first weights are soon forgotten; or constant, as in the "
                    + "authors' program of CW-BASS."),
            Parameter(
                "teacherBuffers", buffers,
                help:
                    "Running statistics of batch normalization in the teacher: averaged like weights, or copied from the "
                    + "student, as in the authors' program of CW-BASS."),
        ]
    }

    static let confidence = Component(
        "Pseudo-labels of an averaged teacher, weighted by its confidence, with a threshold that follows it and a term for "
            + "boundaries (CW-BASS; Tarubinga et al. 2025).", CWBASS(),
        [
            weight(\.weight),
            Parameter(
                "warmUp", \.warmUp, in: .within(0...1_000_000), help: "Epochs over which that weight rises from 0."),
            Parameter(
                "threshold", \.threshold,
                help:
                    "How sure a pixel must be: `dynamic` as published, `centred` on the base, `fixed`, or `floor`, not far "
                    + "below the mean confidence so far; left out: floor for up to four classes, else dynamic."),
            Parameter(
                "base", \.base, in: .within(0...1), help: "Where the threshold starts; in `dynamic` twice its middle."),
            Parameter(
                "beta", \.slope, in: .within(0...1000), help: "How steeply the threshold follows the mean confidence."),
            Parameter("level", \.level, in: .within(0...1), help: "The `fixed` threshold; 0 keeps every pixel."),
            Parameter(
                "gamma", \.gamma, in: .within(0...100),
                help: "Pixels weigh their confidence to this power; 0: all the same."),
            Parameter(
                "decay", \.decay, in: .within(0...1),
                help: "What confidences are multiplied by, epoch after epoch; 1: nothing is taken back."),
            Parameter(
                "decayForm", \.decayForm,
                help: "To the power of the epoch, down to one half; or once, as in the authors' program."),
            Parameter(
                "boundaryWeight", \.boundaryWeight, in: .within(0...1000),
                help: "Weight of the mean cross-entropy at boundaries between pseudo-labels."),
            Parameter(
                "boundary", \.boundary,
                help:
                    "What a boundary is: where a Sobel filter answers, slice by slice, which overlooks the middle of thin "
                    + "lines; or where any neighbour differs, in volumes of 26."),
            Parameter(
                "frame", \.frame,
                help: "Labels beyond the frame: the nearest ones; or none, so that the whole frame is a boundary."),
            strong(\.isStrong), judge(\.judged),
        ] + teacher(\.teacher.decay, \.teacher.form, \.teacher.buffers),
        check: { strategy in
            var warnings: [Diagnostic] = []
            func warn(_ what: String, _ remedy: String) {
                warnings.append(Diagnostic(.badValue, what, remedy: remedy, severity: .warning))
            }
            func ignored(_ name: String, _ why: String, _ remedy: String) {
                warn("`\(name)` is of no effect \(why)", remedy)
            }
            let usual = CWBASS()
            if strategy.level != usual.level, strategy.threshold != .fixed {
                ignored("level", "without `threshold: fixed`", "write it, or leave `level` out")
            }
            if strategy.threshold == .fixed {
                let remedy = "leave it out, or give `level`"
                if strategy.base != usual.base { ignored("base", "with `threshold: fixed`", remedy) }
                if strategy.slope != usual.slope { ignored("beta", "with `threshold: fixed`", remedy) }
            }
            if strategy.decay < 1, strategy.gamma == 0 {
                ignored("decay", "with `gamma: 0`, which takes no notice of confidences", "leave it out")
            }
            if strategy.decay == 1, strategy.decayForm != usual.decayForm {
                ignored("decayForm", "with `decay: 1`, which takes nothing back", "give a decay, or leave it out")
            }
            if strategy.boundaryWeight == 0, strategy.boundary != usual.boundary || strategy.frame != usual.frame {
                let name = strategy.boundary != usual.boundary ? "boundary" : "frame"
                ignored(name, "with `boundaryWeight: 0`", "leave it out")
            }
            let threshold = strategy.threshold(classes: 2), limit = threshold.limit
            // The surest class is at least as probable as the mean of all.
            if strategy.threshold == .dynamic || strategy.threshold == .centred, limit <= 0.5 {
                let classes = Int(1 / limit)
                warn(
                    "this threshold never exceeds \((limit * 1000).rounded(.up) / 1000): with up to \(classes) classes no "
                        + "pixel can be rejected, and with a few more hardly any",
                    "write `threshold: floor`, or raise `base`")
            }
            if strategy.decayForm == .constant, strategy.decay < 1 {
                warn(
                    "a constant decay only multiplies the confidence-weighted term by "
                        + "\(strategy.decay) to the power of gamma",
                    "write `decayForm: progressive` with a decay such as 0.98")
            }
            if strategy.frame == .zero, strategy.boundaryWeight > 0 {
                warn(
                    "with `frame: zero` the whole frame of every patch counts as a boundary", "write `frame: replicate`"
                )
            }
            if !warnings.isEmpty { throw DiagnosticList(warnings) }
        })

    static let selfTraining = Component(
        "Pseudo-labels of the network as it was after a part of the training, all of which count.", SelfTraining(),
        [
            weight(\.weight),
            Parameter(
                "start", \.start, in: .within(0.01...0.99),
                help: "Part of the training after which the teacher stands still and is learnt from."),
            strong(\.isStrong),
        ])

    static let meanTeacher = Component(
        "Agreement with the network's moving average (Tarvainen and Valpola 2017).", MeanTeacher(),
        [
            weight(\.weight),
            Parameter(
                "rampUp", \.rampUp, in: .within(0...1), help: "Part of the training over which that weight rises."),
            strong(\.isStrong), judge(\.judged),
        ] + teacher(\.teacher.decay, \.teacher.form, \.teacher.buffers))

    static let fixMatch = Component(
        "What the network is sure of in an image must hold in a strongly augmented copy (FixMatch; Sohn et al. 2020).",
        FixMatch(),
        [
            weight(\.weight),
            Parameter("threshold", \.threshold, in: .within(0...1), help: "How sure a pixel must be to count."),
        ])
}
