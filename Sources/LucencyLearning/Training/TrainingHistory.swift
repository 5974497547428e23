import LucencyFoundation

/// What happened in one epoch. No times and places stand here, so that equal trainings have equal records.
public struct EpochRecord: Codable, Hashable, Sendable {
    /// From 1.
    public var epoch: Int
    /// Optimiser steps done after it.
    public var step: Int
    /// Learning rate of its last step.
    public var rate: Double
    /// Mean of the objective over its steps.
    public var loss: Double
    /// Mean of each part of the objective, without its weight.
    public var parts: [String: Double]
    /// Mean norm of the gradients before clipping.
    public var gradientNorm: Double
    /// nil where this epoch was not validated.
    public var validation: ValidationScore?
    /// Validation by other measures than those of segmentation, by name; nil where there are none.
    public var scores: [String: Double]?
    /// What the strategy says of it besides; nil without one.
    public var strategy: [String: JSONValue]?

    /// One line of JSON.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "epoch": .integer(epoch), "step": .integer(step), "rate": .number(rate), "loss": .number(loss),
            "parts": .object(parts.mapValues { .number($0) }), "gradientNorm": .number(gradientNorm),
        ]
        if let validation { members["validation"] = validation.json }
        if let scores { members["validation"] = .object(scores.mapValues { .number($0) }) }
        if let strategy { members["strategy"] = .object(strategy) }
        return .object(members)
    }
}

/// How good the network is on cases that it does not learn from.
public struct ValidationScore: Codable, Hashable, Sendable {
    /// Mean over the foreground classes and the cases in which they occur (or are predicted).
    public var dice: Double
    /// Mean over cases, by class; nil where a class never occurs.
    public var diceByClass: [Double?]
    /// Mean intersection over union, as `dice`.
    public var iou: Double
    /// Mean of -log p of the true class over the pixels of all cases.
    public var logLoss: Double

    public init(dice: Double, diceByClass: [Double?], iou: Double, logLoss: Double) {
        self.dice = dice
        self.diceByClass = diceByClass
        self.iou = iou
        self.logLoss = logLoss
    }

    public var json: JSONValue {
        [
            "dice": .number(dice), "diceByClass": .array(diceByClass.map { $0.map { .number($0) } ?? .null }),
            "iou": .number(iou), "logLoss": .number(logLoss),
        ]
    }
}
