/// Pixels of one class against all others, and the overlap measures that follow.
///
/// Where only one of prediction and reference has the class, Dice and IoU are 0; where neither has it, they are undefined.
public struct Overlap: Hashable, Codable, Sendable {
    public var truePositives: Int
    public var falsePositives: Int
    public var falseNegatives: Int
    public var trueNegatives: Int

    public init(truePositives: Int = 0, falsePositives: Int = 0, falseNegatives: Int = 0, trueNegatives: Int = 0) {
        self.truePositives = truePositives
        self.falsePositives = falsePositives
        self.falseNegatives = falseNegatives
        self.trueNegatives = trueNegatives
    }

    public var predictedPixels: Int { truePositives &+ falsePositives }
    public var referencePixels: Int { truePositives &+ falseNegatives }
    public var presence: Presence { Presence(prediction: predictedPixels > 0, reference: referencePixels > 0) }

    /// 2 |P ∩ R| / (|P| + |R|), also called F1.
    public var dice: Score { .ratio(2 &* truePositives, predictedPixels &+ referencePixels) }
    /// |P ∩ R| / |P ∪ R|, the Jaccard index.
    public var iou: Score { .ratio(truePositives, truePositives &+ falsePositives &+ falseNegatives) }
    /// Found part of the reference: sensitivity.
    public var recall: Score { .ratio(truePositives, referencePixels) }
    /// Right part of the prediction: positive predictive value.
    public var precision: Score { .ratio(truePositives, predictedPixels) }
    /// Part of the rest that was left alone.
    public var specificity: Score { .ratio(trueNegatives, trueNegatives &+ falsePositives) }
    /// (|P| − |R|) / |R|, undefined without reference.
    public var volumeDifference: Score { .ratio(predictedPixels &- referencePixels, referencePixels) }
}
