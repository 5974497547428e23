import LucencyFoundation
import LucencyNetworks

/// Everything that decides how a segmentation network is trained, besides the network and the data.
public struct TrainingSettings: Codable, Hashable, Sendable {
    public var objective = Objective([CrossEntropyTarget(), DiceTerm()])
    /// How it learns otherwise than from labels as they are.
    public var strategy = TrainingStrategy.supervised
    public var optimizer = Optimizer.adamW(decay: 1e-4)
    /// Highest learning rate.
    public var rate = 1e-3
    /// How the rate falls, and the rest of the schedule; its `rate` and `steps` are filled in from here.
    public var schedule = Schedule(.cosine, rate: 1e-3)
    /// Passes over the training cases; each case gives `patchesPerCase` patches in a pass.
    public var epochs = 50
    /// Optimiser steps in all; wins over `epochs` where it is given.
    public var steps: Int?
    public var patchesPerCase = 1
    /// Images in a step.
    public var batch = 8
    /// Extents of a patch, x, y (and z); empty takes whole images, which then must be of one size.
    public var patch: [Int] = []
    /// Part of each batch that is aimed at a foreground class.
    public var foregroundFraction = 1.0 / 3
    public var augmentation = AugmentationPipeline()
    /// Gradients of a larger norm are shortened to it; nil leaves them.
    public var maximumNorm: Float? = 10
    /// Decay of the moving average of the weights, which is then what is validated and kept; nil keeps no average.
    public var averageDecay: Float?
    /// Epochs from one validation to the next.
    public var validationInterval = 1
    /// What a better validation is.
    public var metric = ValidationMetric.dice
    /// Epochs without a better score after which training stops; nil trains to the end.
    public var patience: Int?
    /// Keep the weights of the best validation instead of the last ones.
    public var keepsBest = true
    public var seed: UInt64 = 0

    public init() {}

    /// What contradicts or is out of range.
    package func problems() -> [Diagnostic] {
        var found: [Diagnostic] = []
        func require(_ holds: Bool, _ what: String) {
            if !holds { found.append(Diagnostic(.badArgument, "training: \(what)")) }
        }
        require((1...1_000_000).contains(epochs), "epochs must be in 1...1000000, found \(epochs)")
        require((1...100_000_000).contains(steps ?? 1), "steps must be in 1...100000000")
        require((1...10_000).contains(patchesPerCase), "patchesPerCase must be in 1...10000")
        require((1...4096).contains(batch), "batch must be in 1...4096, found \(batch)")
        require(patch.isEmpty || (2...3).contains(patch.count), "a patch has two or three extents, found \(patch)")
        require(patch.allSatisfy { (1...1 << 16).contains($0) }, "the patch \(patch) is not possible")
        require(foregroundFraction >= 0 && foregroundFraction <= 1, "foregroundFraction must be in 0...1")
        require(rate > 0 && rate.isFinite, "the rate must be positive")
        require(validationInterval >= 1, "validationInterval must be at least 1")
        require((patience ?? 1) >= 1, "patience must be at least 1")
        return found + objective.problems() + strategy.component.problems(classes: nil)
    }
}
