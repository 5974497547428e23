// Calibration errors over bins of equal mass: exact on samples, and from a histogram of narrow slots.

/// Pairs of a confidence and whether it was right, ascending by confidence; equal ones in the order they came in.
public struct ConfidenceSample: Sendable {
    public let confidences: [Double]
    /// `hits[r]`: how many of the r lowest are right.
    let hits: [Int]
    /// Sums of the r lowest confidences.
    let sums: [Double]

    public init(_ confidences: [Double], correct: [Bool]) {
        let count = min(confidences.count, correct.count)
        let order = (0..<count).sorted {
            confidences[$0] != confidences[$1] ? confidences[$0] < confidences[$1] : $0 < $1
        }
        self.confidences = order.map { confidences[$0] }
        var hits = [0], sums = [0.0]
        for index in order {
            hits.append(hits[hits.count - 1] + (correct[index] ? 1 : 0))
            sums.append(sums[sums.count - 1] + confidences[index])
        }
        (self.hits, self.sums) = (hits, sums)
    }

    private func excess(_ low: Int, _ high: Int) -> Double {
        abs(sums[high] - sums[low] - Double(hits[high] - hits[low]))
    }

    /// Bin b of M holds ranks ⌊bN/M⌋ ≤ r < ⌊(b+1)N/M⌋; Σ n_b/N · gap.
    public func adaptiveError(bins: Int = 15) -> Score {
        let count = confidences.count
        guard count > 0, bins >= 1 else { return .undefined }
        let sum = (0..<bins).reduce(0.0) { $0 + excess($1 * count / bins, ($1 + 1) * count / bins) }
        return .value(sum / Double(count))
    }

    /// The form of public code: edges are order statistics interpolated at N + 1 positions, bins are open on the left, so
    /// that the smallest confidences fall in none.
    public func adaptiveErrorByEdges(bins: Int = 15) -> Score {
        let count = confidences.count
        guard count > 0, bins >= 1 else { return .undefined }
        let edges = (0...bins).map { index in
            let position = min(Double(count) * Double(index) / Double(bins), Double(count - 1))
            let low = Int(position), high = min(count - 1, low + 1)
            return confidences[low] + (confidences[high] - confidences[low]) * (position - Double(low))
        }
        func rank(above edge: Double) -> Int { confidences.firstIndex { $0 > edge } ?? count }
        let ranks = edges.map(rank)
        return .value(zip(ranks, ranks.dropFirst()).reduce(0.0) { $0 + excess($1.0, $1.1) } / Double(count))
    }

    /// Of confidences above the threshold only; bins of ⌊n/M⌋, the last of which takes the rest; weighted by count.
    public func thresholdedAdaptiveError(bins: Int = 15, threshold: Double = 1e-3) -> Score {
        let first = confidences.firstIndex { $0 > threshold } ?? confidences.count
        let kept = confidences.count - first
        guard kept > 0, bins >= 1 else { return confidences.isEmpty ? .undefined : .value(0) }
        let width = kept / bins
        let sum = (0..<bins).reduce(0.0) {
            $0 + excess(first + $1 * width, $1 == bins - 1 ? confidences.count : first + ($1 + 1) * width)
        }
        return .value(sum / Double(kept))
    }
}

extension ConfidenceHistogram {
    /// As `ConfidenceSample.adaptiveError`. A slot that a limit of a bin cuts is taken as even: its right pairs and its sum
    /// are shared out in proportion, which is what the exact form gives on average where confidences are equal. The error
    /// is at most the share of pairs in the M − 1 cut slots, whose confidences differ by 1/16 of their distance to 0 or 1 (of single classes: 1/8).
    public func adaptiveError(bins: Int? = nil) -> Score {
        let bins = bins ?? scale.bins, count = Int(total)
        guard count > 0, bins >= 1 else { return .undefined }
        let ranks = (0...bins).map { index in
            // ⌊index · N / M⌋ without overflow.
            count / bins * index + count % bins * index / bins
        }
        return .value(excess(between: ranks) / Double(count))
    }

    /// As `ConfidenceSample.thresholdedAdaptiveError`, with slots shared out as in `adaptiveError`.
    public func thresholdedAdaptiveError(bins: Int? = nil) -> Score {
        let bins = bins ?? scale.bins, count = Int(total)
        guard count > 0, bins >= 1 else { return .undefined }
        let first = slots.reduce(0) { $0 + ($1.index < scale.firstAboveThreshold ? Int($1.count) : 0) }
        guard count > first else { return .value(0) }
        let width = (count - first) / bins
        let ranks = (0..<bins).map { first + $0 * width } + [count]
        return .value(excess(between: ranks) / Double(count - first))
    }

    /// Σ |confidence − right pairs| between ascending ranks.
    private func excess(between ranks: [Int]) -> Double {
        var sum = 0.0, last = 0.0
        var slot = 0, before = 0, gaps = 0.0
        for (index, rank) in ranks.enumerated() {
            while slot < slots.count, before + Int(slots[slot].count) <= rank {
                gaps += slots[slot].gap
                before += Int(slots[slot].count)
                slot += 1
            }
            var here = gaps
            if slot < slots.count, rank > before {
                here += slots[slot].gap * Double(rank - before) / Double(slots[slot].count)
            }
            if index > 0 { sum += abs(here - last) }
            last = here
        }
        return sum
    }
}
