import LucencyFoundation
import LucencyTensor

/// What the joint training of super-resolution and classification makes small:
/// 0.6 · mean |sr − hr| + 0.3 · (½ focal(p_sr) + ½ focal(p_hr)) + 0.1 · NT-Xent(F_sr, F_hr).
///
/// Xie et al., "SHISRCNet", MICCAI 2023. Cosine similarity is ours: nothing on record says which is meant, and it is what
/// NT-Xent usually takes. With τ = 2, the only constant on record, the contrastive term is then nearly flat.
public struct HistologyObjective: Codable, Hashable, Sendable {
    /// Which of the two things that are on record.
    public enum Form: String, Codable, Hashable, Sendable, CaseIterable {
        /// What the method says.
        case intended
        /// What the public script computes: the classifier's two results are taken for each other, so that the focal loss is
        /// of descriptors (their first channels standing for classes) and the contrast of the logits; of which there is only
        /// the super-resolved view, with no positives, the first other picture being the target.
        case executed
    }

    public var form = Form.intended
    /// Weight of the distance between the super-resolved picture and the sharp one.
    public var superResolution = 0.6
    /// Weight of the focal loss, half of it for each view.
    public var classification = 0.3
    /// Weight of the contrast between the descriptors of the two views.
    public var contrast = 0.1
    /// γ of the focal loss.
    public var gamma = 5.0
    /// τ of the contrast.
    public var temperature = 2.0
    public var similarity = ContrastiveSimilarity.cosine

    public init() {}

    /// What the classifier says of the pictures of one view.
    public struct View: Sendable {
        /// B, classes.
        public let logits: Value
        /// B, width.
        public let descriptors: Value

        public init(logits: Value, descriptors: Value) {
            self.logits = logits
            self.descriptors = descriptors
        }
    }

    /// What is out of range.
    public func problems() -> [Diagnostic] {
        var check = SettingChecks("objective")
        for (name, weight) in [
            ("superResolution", superResolution), ("classification", classification), ("contrast", contrast),
        ] {
            check.require(weight >= 0 && weight.isFinite, "the weight \(name) must not be negative, found \(weight)")
        }
        check.require(superResolution + classification + contrast > 0, "all weights are 0")
        check.require(gamma >= 0 && gamma.isFinite, "γ must not be negative, found \(gamma)")
        check.require(temperature > 0 && temperature.isFinite, "τ must be positive, found \(temperature)")
        return check.problems
    }

    /// The same with some terms left out.
    public func only(superResolution: Bool) -> HistologyObjective {
        var copy = self
        if superResolution { (copy.classification, copy.contrast) = (0, 0) } else { copy.superResolution = 0 }
        return copy
    }

    /// Whether the classifier has a part in it.
    var usesClassifier: Bool { classification > 0 || contrast > 0 }

    /// Puts the objective on a tape. Terms of weight 0 are left out.
    /// - Parameters:
    ///   - upscaled, sharp: B, channels, y, x; what is not clamped.
    ///   - views: of the super-resolved and of the sharp pictures.
    ///   - labels: B; class numbers.
    ///   - classWeights: one for each class, or none.
    /// - Throws: `Diagnostic`: the first of `problems`, or shapes that do not fit.
    public func record(
        on tape: Tape, upscaled: Value, sharp: Value, views: (upscaled: View, sharp: View)?, labels: Value,
        classWeights: [Float] = []
    ) throws(Diagnostic) -> ObjectiveValues {
        if let problem = problems().first { throw problem }
        var parts: [ObjectiveValues.Part] = []
        if superResolution > 0 {
            parts.append(
                .init(
                    name: "super-resolution", weight: superResolution,
                    value: try tape.meanAbsoluteError(upscaled, sharp)))
        }
        if let views {
            if classification > 0 {
                let value = try classificationLoss(tape, views.upscaled, views.sharp, labels, classWeights)
                parts.append(.init(name: "focal", weight: classification, value: value))
            }
            if contrast > 0 {
                let value =
                    form == .intended
                    ? try tape.contrastiveLoss(
                        views.upscaled.descriptors, views.sharp.descriptors, temperature: temperature,
                        similarity: similarity)
                    : try tape.firstOtherLoss(views.upscaled.logits, temperature: temperature)
                parts.append(.init(name: "contrast", weight: contrast, value: value))
            }
        }
        var total: Value?
        for part in parts {
            let weighted = try tape.scale(part.value, by: Float(part.weight))
            if let sum = total { total = try tape.add(sum, weighted) } else { total = weighted }
        }
        guard let total else { throw Diagnostic(.badArgument, "objective: no term is left") }
        return ObjectiveValues(total: total, parts: parts)
    }

    private func classificationLoss(
        _ tape: Tape, _ upscaled: View, _ sharp: View, _ labels: Value, _ classWeights: [Float]
    ) throws(Diagnostic) -> Value {
        func focal(_ view: View) throws(Diagnostic) -> Value {
            let logits = form == .intended ? view.logits : view.descriptors
            let rest = [Float](repeating: 1, count: max(0, logits.shape.channels - classWeights.count))
            let weights = classWeights.isEmpty ? [] : classWeights + rest
            let loss = try tape.focal(logits, labels: labels, gamma: Float(gamma), weights: weights)
            return try tape.scale(loss, by: 0.5)
        }
        return try tape.add(focal(upscaled), focal(sharp))
    }
}

/// Collects what is wrong with settings.
struct SettingChecks {
    let what: String
    private(set) var problems: [Diagnostic] = []

    init(_ what: String) { self.what = what }

    mutating func require(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds { problems.append(Diagnostic(.badArgument, "\(what): \(message())")) }
    }
}
