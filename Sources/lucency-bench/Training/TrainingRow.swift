import Foundation
import Lucency

/// What the trainings of one seed came to.
struct TrainingRow {
    struct Step {
        let loss: Double
        let seconds: Double
        var peersLoss: Double?
        var peersSeconds: Double?
    }

    let seed: Int
    let steps: [Step]
    /// Mean over test images.
    let dice: Double
    let peersDice: Double?

    /// Losses are compared over so many steps: later ones drift apart as rounding grows.
    static let compared = 20

    /// The largest difference of losses relative to the peer's, over the first steps.
    var difference: Double? {
        let found = steps.prefix(Self.compared).compactMap { step in
            step.peersLoss.map { abs(step.loss - $0) / max(abs($0), 1e-12) }
        }
        return found.max()
    }

    /// Milliseconds of a step, medians.
    var milliseconds: Double { 1000 * steps.map(\.seconds).median }
    var peersMilliseconds: Double? {
        let found = steps.compactMap(\.peersSeconds)
        return found.isEmpty ? nil : 1000 * found.median
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "seed": .integer(seed), "dice": .number(dice), "ms": .number(milliseconds),
            "losses": .array(steps.map { .number($0.loss) }),
        ]
        if let difference, let peersDice, let peersMilliseconds {
            members["loss_difference"] = .number(difference)
            members["peer_dice"] = .number(peersDice)
            members["peer_ms"] = .number(peersMilliseconds)
            members["ratio"] = .number(peersMilliseconds / milliseconds)
            members["peer_losses"] = .array(steps.compactMap { $0.peersLoss.map { .number($0) } })
        }
        return .object(members)
    }

    static let heading = """
        | seed | largest difference of losses | Dice | peer's Dice | ms a step | peer's ms | ratio |
        | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        """

    var text: String {
        func number(_ value: Double?, _ format: String) -> String { value.map { String(format: format, $0) } ?? "-" }
        let cells = [
            "\(seed)", number(difference, "%.1e"), number(dice, "%.4f"), number(peersDice, "%.4f"),
            number(milliseconds, "%.1f"), number(peersMilliseconds, "%.1f"),
            number(peersMilliseconds.map { $0 / milliseconds }, "%.2f"),
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }
}

/// Mean and spread of a figure over seeds.
struct Spread {
    let mean: Double
    /// Standard deviation of the sample; 0 of a single value.
    let deviation: Double

    /// nil where there are none.
    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.mean = mean
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
    }

    /// Whether the intervals mean ± deviation touch.
    func overlaps(_ other: Spread) -> Bool { abs(mean - other.mean) <= deviation + other.deviation }

    var json: JSONValue { ["mean": .number(mean), "sd": .number(deviation)] }
    var text: String { String(format: "%.4f ± %.4f", mean, deviation) }
}
