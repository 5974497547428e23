import LucencyFoundation
import LucencyImaging

/// For each case how many pixels would be lost at every threshold of a probability: counts in the slots of a
/// `ConfidenceScale`, and what they are a share of. Mergeable in any order.
struct LossCurves: Hashable, Codable, Sendable {
    struct Curve: Hashable, Codable, Sendable {
        var name: String
        /// What losses are a share of; 0 where there is nothing to lose.
        var total: Int
        /// Slots in use, ascending, and how many pixels lie in each.
        var slots: [Int]
        var counts: [Int]
    }

    static let scale = ConfidenceScale(bins: 1)

    /// By ascending name.
    private(set) var curves: [Curve] = []

    /// Curves that have something to lose, and the number of those without.
    var counted: [Curve] { curves.filter { $0.total > 0 } }
    var leftOut: Int { curves.count { $0.total == 0 } }

    init() {}

    /// A case whose pixels give a probability, or nil where they do not count.
    init(_ name: String, total: Int, pixels: Int, _ probability: (Int) -> Float?) {
        var counts = Array(repeating: 0, count: Self.scale.slots)
        Self.scale.edges.withUnsafeBufferPointer { edges in
            let finder = Self.scale.finder(edges)
            for index in 0..<pixels {
                if let value = probability(index) { counts[finder.slot(of: value)] &+= 1 }
            }
        }
        let slots = counts.indices.filter { counts[$0] > 0 }
        curves = [Curve(name: name, total: total, slots: slots, counts: slots.map { counts[$0] })]
    }

    /// - Throws: `Diagnostic` when both have a case of one name.
    mutating func merge(_ other: LossCurves) throws(Diagnostic) {
        let all = (curves + other.curves).sorted { $0.name < $1.name }
        if let (twice, _) = zip(all, all.dropFirst()).first(where: { $0.name == $1.name }) {
            throw Diagnostic(.duplicateName, "there are two cases named \"\(twice.name)\"")
        }
        curves = all
    }

    /// The largest threshold at which the mean loss R of the n cases has (n R + 1)/(n + 1) ≤ risk, where what lies below
    /// the threshold is lost (Angelopoulos, Bates, Fisch, Lei, Schuster, "Conformal risk control", ICLR 2024, eq. 4), and R.
    /// At threshold 0 nothing is lost.
    func largestThreshold(risk: Double) -> (threshold: Float, observed: Double) {
        let curves = counted
        var losses = Array(repeating: 0.0, count: Self.scale.slots + 1)
        for curve in curves {
            for (slot, count) in zip(curve.slots, curve.counts) {
                losses[slot + 1] += Double(count) / Double(curve.total)
            }
        }
        var slot = 0, sum = 0.0
        while slot < Self.scale.slots, sum + losses[slot + 1] + 1 <= limit(risk, curves.count) {
            slot += 1
            sum += losses[slot]
        }
        return (Self.scale.lowerLimit(of: slot), sum / Double(max(1, curves.count)))
    }

    /// The smallest threshold with the same property, where what reaches the threshold is lost, a case's loss being 1 at
    /// most. Above 1 nothing is lost.
    func smallestThreshold(risk: Double) -> (threshold: Float, observed: Double) {
        let curves = counted
        var losses = Array(repeating: 0.0, count: Self.scale.slots + 1)
        for curve in curves {
            var lost = 0
            var next = curve.slots.count - 1
            for slot in (0..<Self.scale.slots).reversed() {
                if next >= 0, curve.slots[next] == slot {
                    lost += curve.counts[next]
                    next -= 1
                }
                losses[slot] += min(1, Double(lost) / Double(curve.total))
            }
        }
        var slot = Self.scale.slots
        while slot > 0, losses[slot - 1] + 1 <= limit(risk, curves.count) { slot -= 1 }
        return (Self.scale.lowerLimit(of: slot), losses[slot] / Double(max(1, curves.count)))
    }

    /// What the sum of losses and 1 may reach. The excess is far below what a pixel changes, and above what rounding does.
    private func limit(_ risk: Double, _ cases: Int) -> Double { risk * Double(cases + 1) * (1 + 1e-12) }
}

extension LossCurves {
    private enum CodingKeys: String, CodingKey { case curves }

    /// Refuses what counting does not give.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        curves = try container.decode([Curve].self, forKey: .curves)
        let fits =
            zip(curves, curves.dropFirst()).allSatisfy { $0.name < $1.name }
            && curves.allSatisfy { curve in
                curve.total >= 0 && curve.slots.count == curve.counts.count
                    && curve.slots.allSatisfy { (0..<Self.scale.slots).contains($0) }
                    && zip(curve.slots, curve.slots.dropFirst()).allSatisfy { $0 < $1 }
                    && curve.counts.allSatisfy { $0 > 0 && $0 < 1 << 40 }
            }
        guard fits else {
            throw DecodingError.dataCorruptedError(forKey: .curves, in: container, debugDescription: "not loss curves")
        }
    }
}

extension ConfidenceScale {
    /// The smallest probability in this slot or a later one; above 1 where there is none.
    func lowerLimit(of slot: Int) -> Float {
        let one = Float(1).bitPattern
        // Bit patterns of numbers that are not negative rise with them, and so do slots.
        var low: UInt32 = 0, high = one + 1
        while low < high {
            let middle = low + (high - low) / 2
            if self.slot(of: Float(bitPattern: middle)) < slot { low = middle + 1 } else { high = middle }
        }
        return Float(bitPattern: low)
    }
}
