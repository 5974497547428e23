import LucencyFoundation

/// What ADELE makes small.
public enum AdeleTotal: String, Codable, Hashable, Sendable, CaseIterable {
    /// The objective of the image as it is, and λ/3 R: as the paper says.
    case paper
    /// A third of the objectives of all views, each of a third of the logits, and λ/3 R: as the authors' program has it.
    /// A network trained so has to have its logits divided by 3, or a temperature fitted, to be calibrated.
    case published
}

/// Adaptive early-learning correction for label maps with systematic errors: watches class by class how well predictions
/// agree with the labels, and where that curve flattens puts sure predictions in the place of labels, before their errors
/// are learnt by heart. S. Liu et al., "Adaptive Early-Learning Correction for Segmentation from Noisy Annotations", CVPR
/// 2022.
///
/// Predictions for curves and corrections come from a pass over the whole training images at the end of each epoch, with the
/// weights as they are then [ours]; the authors' program takes those that the epoch's steps made anyhow, which there are of
/// whole images without augmentation.
public struct Adele: Strategy {
    public static let name = "adele"

    /// By which part the slope of a class's curve must have fallen for its labels to be corrected; the paper has 0.9.
    public var level = 0.9
    /// What comes before the first rise of a curve by so much is left out; 0 leaves nothing out.
    public var minimumRise = 0.1
    /// Whether a class whose curve never rises so much between two epochs is never corrected, as in the authors' program.
    public var waitsForRise = false
    /// Epochs after which a class that was corrected may be corrected again.
    public var every = 10
    /// τ: how sure a foreground prediction must be, in 0...1.
    public var confidence: Float = 0.7
    /// The same of background; nil as foreground.
    public var backgroundConfidence: Float?
    /// Whether an image gets no class that its labels lack.
    public var keepsToPresentClasses = true
    /// What becomes of foreground in whose place background is predicted.
    public var dropped = DroppedForeground.background
    /// Whether corrections are left out that take away most of an image's foreground.
    public var isGuarded = true
    /// λ: weight of the consistency between scales, a third of which counts; 0 leaves the other two passes out.
    public var weight = 1.0
    /// By how much the other two views are smaller and larger.
    public var scales = [0.7, 1.5]
    /// ρ: images count in which some pixel's mean over the views is at least so sure, in 0...1.
    public var sureness: Float = 0.8
    public var total = AdeleTotal.paper

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        func require(_ holds: Bool, _ what: String) { if !holds { problems.append(problem(what)) } }
        func require(_ value: Double, _ name: String, in range: ClosedRange<Double>) {
            require(
                range.contains(value), "\(name) must be in \(range.lowerBound)...\(range.upperBound), found \(value)")
        }
        require(level, "level", in: 0...1)
        require(minimumRise, "minimumRise", in: 0...1)
        require(Double(confidence), "confidence", in: 0...1)
        require(Double(backgroundConfidence ?? confidence), "backgroundConfidence", in: 0...1)
        require(Double(sureness), "sureness", in: 0...1)
        require((1...1_000_000).contains(every), "every must be 1 or more, found \(every)")
        require(weight >= 0 && weight.isFinite, "the weight must not be negative, found \(weight)")
        require(scales.count == 2, "there are two scales besides 1, found \(scales.count)")
        for scale in scales { require(scale, "a scale", in: 0.1...4) }
        return problems
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? { AdeleRun(self, training) }

    /// When classes begin to be corrected, in a training of so many epochs.
    package func trigger(epochs: Int) -> CorrectionTrigger {
        var trigger = CorrectionTrigger()
        trigger.level = level
        trigger.minimumRise = minimumRise
        trigger.waitsForRise = waitsForRise
        trigger.epochs = epochs
        return trigger
    }

    var correction: LabelCorrection {
        var correction = LabelCorrection()
        correction.confidence = confidence
        correction.backgroundConfidence = backgroundConfidence
        correction.keepsToPresentClasses = keepsToPresentClasses
        correction.dropped = dropped
        correction.isGuarded = isGuarded
        return correction
    }
}
