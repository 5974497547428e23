/// What validation is judged by: which weights are the best, and when training has stopped to become better.
public enum ValidationMetric: String, Codable, Hashable, Sendable, CaseIterable {
    /// Mean Dice of the foreground classes.
    case dice
    /// Mean intersection over union of the foreground classes.
    case iou
    /// Dice of the foreground class that is segmented worst.
    case lowestDice = "lowest-dice"
    /// Mean of -log p of the true class over all pixels; less is better.
    case logLoss = "log-loss"

    /// The metric's value in a score, turned so that more is better.
    package func merit(_ score: ValidationScore) -> Double {
        switch self {
        case .dice: score.dice
        case .iou: score.iou
        case .lowestDice: score.diceByClass.dropFirst().compactMap { $0 }.min() ?? 0
        case .logLoss: -score.logLoss
        }
    }
}
