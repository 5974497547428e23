import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Progressive self-knowledge distillation: cross-entropy with a target that slides from the label to what the network said
/// an epoch ago. K. Kim et al., "Self-Knowledge Distillation with Progressive Refinement of Targets", ICCV 2021.
///
/// The teacher is the network with the weights of the end of the previous epoch, as in the paper; it sees the same
/// augmented images, and no gradient reaches it. (The authors' program keeps each sample's last prediction instead, which
/// wants samples that come again unchanged.) In the first epoch targets are the labels.
public struct SelfDistillationTarget: ObjectiveTarget {
    public static let name = "ps-kd"

    /// The teacher's part in the last epoch, in 0..<1; 0 is cross-entropy.
    public var alpha: Float = 0.8

    public init() {}
    public init(alpha: Float) { self.alpha = alpha }

    public func problems(classes: Int?) -> [Diagnostic] {
        alpha >= 0 && alpha < 1 ? [] : [problem("alpha must be in 0..<1, found \(alpha)")]
    }

    /// The teacher's part in an epoch, from 0 on: it grows by the same amount in each.
    public func alpha(epoch: Int, of epochs: Int) -> Float {
        Float(Double(alpha) * Double(epoch + 1) / Double(max(1, epochs)))
    }

    static let targets = "ps-kd.targets"
    public var additionalInputs: [String] { alpha == 0 ? [] : [Self.targets] }

    /// The labels as distributions: what targets are without a teacher.
    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        let count = labels.size.count
        return AlignedBuffer<Float>(count: classes * count) { out in
            out.initialize(repeating: 0)
            labels.labels.withUnsafeBufferPointer { labels in
                for index in labels.indices where labels[index] >= 0 { out[Int(labels[index]) &* count &+ index] = 1 }
            }
        }
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        guard alpha > 0 else {
            return try tape.crossEntropy(logits, labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
        }
        return try tape.softCrossEntropy(
            logits, targets: inputs.additional(Self.targets), labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
    }
}

extension Objective {
    /// The target that wants a teacher, if there is one.
    public var selfDistillation: SelfDistillationTarget? {
        parts.lazy.compactMap { $0.component as? SelfDistillationTarget }.first { $0.alpha > 0 }
    }
}

extension ObjectiveInputs {
    /// Lets a teacher's predictions take their part of the targets: (1 - α) y + α q.
    /// - Parameters:
    ///   - tensors: of the batch, as `tensors(_:)` made them.
    ///   - probabilities: q, of the logits' shape; each pixel's sum to 1.
    ///   - part: α.
    /// - Throws: `Diagnostic` when the shapes differ, or the objective takes no teacher.
    public func teach(
        _ tensors: inout [Value: Tensor], probabilities: Tensor, part: Float
    ) throws(Diagnostic) {
        let value = try additional(SelfDistillationTarget.targets)
        guard let labels = tensors[value], labels.shape == probabilities.shape else {
            throw Diagnostic(
                .shapeMismatch, "a teacher's predictions of \(probabilities.shape) do not fit targets of \(value.shape)"
            )
        }
        tensors[value] = Tensor(trusted: labels.shape) { out in
            labels.buffer.withUnsafeBufferPointer { labels in
                probabilities.buffer.withUnsafeBufferPointer { probabilities in
                    for index in labels.indices {
                        out[index] = (1 - part) * labels[index] + part * probabilities[index]
                    }
                }
            }
        }
    }
}
