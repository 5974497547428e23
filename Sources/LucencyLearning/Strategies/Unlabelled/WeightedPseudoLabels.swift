import LucencyFoundation
import LucencyTensor

/// The cross-entropy of pseudo-labels, each pixel with a weight of its own, on a tape.
struct WeightedPseudoLabels {
    private var values: (labels: Value, weights: Value)?

    mutating func record(on tape: Tape, logits: Value) throws -> Value {
        let shape = try Shape([logits.shape.images] + logits.shape.spatial)
        let labels = tape.input("unlabelled.labels", shape), weights = tape.input("unlabelled.weights", shape)
        values = (labels, weights)
        return try tape.weightedCrossEntropy(logits, labels: labels, weights: weights)
    }

    func inputs(labels: Tensor, weights: Tensor) -> [Value: Tensor] {
        guard let values else { return [:] }
        return [values.labels: labels, values.weights: weights]
    }

    /// Weights that make the sum a mean over all pixels that count, those below a threshold as 0 of it.
    /// - Parameter counted: N, spatial; below 0 where pixels do not count.
    static func weights(_ pseudo: PseudoLabels, counted: Tensor, atLeast threshold: Float) -> (Tensor, kept: Double) {
        let confidence = pseudo.confidence.buffer, counts = counted.buffer
        var pixels = 0, kept = 0
        for index in 0..<counts.count where counts[index] >= 0 {
            pixels += 1
            if confidence[index] >= threshold { kept += 1 }
        }
        let share = 1 / Float(max(1, pixels))
        let tensor = Tensor(trusted: counted.shape) { out in
            for index in 0..<out.count {
                out[index] = counts[index] >= 0 && confidence[index] >= threshold ? share : 0
            }
        }
        return (tensor, Double(kept) / Double(max(1, pixels)))
    }
}

/// Means over the steps of an epoch, for the record.
struct EpochMeans {
    private var sums: [String: Double] = [:]
    private var count = 0

    mutating func add(_ facts: [String: Double]) {
        sums.merge(facts, uniquingKeysWith: +)
        count += 1
    }

    mutating func finish() -> [String: JSONValue] {
        defer { self = EpochMeans() }
        return sums.mapValues { .number($0 / Double(max(1, count))) }
    }
}
