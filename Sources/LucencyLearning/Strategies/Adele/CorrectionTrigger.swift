/// When the labels of a class begin to be corrected: when the curve of its IoU flattens.
///
/// Liu et al., CVPR 2022, section 3.2, with the details of the authors' program.
package struct CorrectionTrigger: Hashable, Sendable {
    /// By which part the slope must have fallen since epoch 1, in 0...1.
    package var level = 0.9
    /// How many epochs are looked ahead.
    package var epochs = 100
    /// What comes before the first rise of at least so much between two epochs is left out; 0 leaves nothing out.
    package var minimumRise = 0.1
    /// Whether a class is never corrected that never rises so much, as in the authors' program; otherwise nothing is left
    /// out then.
    package var waitsForRise = false

    package init() {}

    /// How many values at the beginning are left out.
    package func skipped(_ values: [Double]) -> Int {
        guard minimumRise > 0, values.count > 1 else { return 0 }
        let rise = values.indices.dropLast().first { values[$0 + 1] - values[$0] >= minimumRise }
        return rise ?? (waitsForRise ? values.count - 1 : 0)
    }

    /// The curve through the values that count.
    package func curve(_ values: [Double]) -> LearningCurve {
        LearningCurve(fitting: Array(values.dropFirst(skipped(values))))
    }

    /// From which epoch on the class is to be corrected, as far as is known now; nil: not at all.
    /// - Parameter values: the IoU of each epoch so far.
    package func firstEpoch(_ values: [Double]) -> Int? {
        guard !values.isEmpty else { return nil }
        return curve(values).firstEpoch(level: level, epochs: epochs).map { $0 + skipped(values) }
    }

    /// Whether the class is to be corrected after these epochs. Two values are no curve, and a class that has not come as far
    /// as the least rise has not been learnt at all yet [ours]: nearly nothing looks flat.
    package func isDue(_ values: [Double]) -> Bool {
        let highest = values.max() ?? 0
        guard values.count - skipped(values) >= 3, highest > 0, highest >= minimumRise else { return false }
        return firstEpoch(values).map { values.count - 1 >= $0 } ?? false
    }
}
