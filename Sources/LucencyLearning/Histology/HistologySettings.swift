import LucencyFoundation
import LucencyTensor

/// Everything about how super-resolution and classification are trained together, besides the networks and the data.
public struct HistologySettings: Codable, Hashable, Sendable {
    /// In which order the parts learn.
    public enum Order: String, Codable, Hashable, Sendable, CaseIterable {
        /// Both from the first step.
        case endToEnd = "end-to-end"
        /// First the super-resolution alone, then both.
        case staged
        /// The classifier alone, on pictures enlarged as the network begins: by bicubic interpolation with `skip: cubic`. The
        /// rival by which to see whether super-resolution helps the class.
        case classifierOnly = "classifier-only"
    }

    /// How classes count that are unequally frequent.
    public enum ClassWeights: String, Codable, Hashable, Sendable, CaseIterable {
        /// Every picture alike.
        case equal
        /// Pictures of a class by n / (classes · n of the class), n the pictures to train with.
        case balanced
    }

    /// What a better validation is.
    public enum Metric: String, Codable, Hashable, Sendable, CaseIterable {
        /// The weighted sum of the distance and the focal loss of super-resolved pictures.
        case objective
        case psnr
        case accuracy
        case logLoss = "log-loss"
    }

    public var objective = HistologyObjective()
    public var order = Order.endToEnd
    /// Part of the steps in which `staged` trains the super-resolution alone.
    public var firstStage = 0.5
    public var classWeights = ClassWeights.equal
    public var optimizer = Optimizer.adam()
    /// Highest learning rate.
    public var rate = 1e-3
    /// How the rate falls; its `rate` and `steps` are filled in from here.
    public var schedule = Schedule(.cosine, rate: 1e-3)
    /// Passes over the pictures; each gives `patchesPerCase` patches in a pass.
    public var epochs = 100
    /// Optimiser steps in all; wins over `epochs` where it is given.
    public var steps: Int?
    public var patchesPerCase = 1
    /// Pictures in a step.
    public var batch = 4
    /// Side of a sharp patch in pixels.
    public var patch = 128
    /// The value of full intensity, which becomes 1: 255 for bytes.
    public var white = 255.0
    public var augmentation = AugmentationPipeline([.flip(Flip()), .rot90(QuarterTurn())])
    /// Gradients of a larger norm are shortened to it; nil leaves them.
    public var maximumNorm: Float?
    /// Decay of the moving average of the weights, which is then what is validated and kept; nil keeps no average.
    public var averageDecay: Float?
    /// Epochs from one validation to the next.
    public var validationInterval = 1
    public var metric = Metric.objective
    /// Epochs without a better score after which training stops; nil trains to the end.
    public var patience: Int?
    /// Keep the weights of the best validation instead of the last ones.
    public var keepsBest = true
    public var seed: UInt64 = 0

    public init() {}

    /// The classifier's scales meet without a cut in patches of such sides.
    static let patchMultiple = 64

    /// What contradicts or is out of range.
    public func problems() -> [Diagnostic] {
        var check = SettingChecks("training")
        check.require((1...1_000_000).contains(epochs), "epochs must be in 1...1000000, found \(epochs)")
        check.require((1...100_000_000).contains(steps ?? 1), "steps must be in 1...100000000")
        check.require((1...10_000).contains(patchesPerCase), "patchesPerCase must be in 1...10000")
        check.require((1...1024).contains(batch), "batch must be in 1...1024, found \(batch)")
        check.require((1...1 << 14).contains(patch), "a patch of \(patch) is not possible")
        check.require(firstStage >= 0 && firstStage < 1, "firstStage must be in 0..<1, found \(firstStage)")
        check.require(white > 0 && white.isFinite, "white must be positive, found \(white)")
        check.require(rate > 0 && rate.isFinite, "the rate must be positive")
        check.require(validationInterval >= 1, "validationInterval must be at least 1")
        check.require((patience ?? 1) >= 1, "patience must be at least 1")
        check.require(
            order != .staged || firstStage == 0 || objective.superResolution > 0,
            "staged begins with the super-resolution alone, whose weight is 0")
        check.require(
            order != .classifierOnly || objective.usesClassifier,
            "classifier-only has nothing to learn where classification and contrast have no weight")
        for augmentation in augmentation.augmentations {
            switch augmentation {
            case .flip, .rot90: break
            case .stain(let jitter):
                check.require(
                    jitter.white == white, "the augmentation stain has the white \(jitter.white), training \(white)")
            default:
                check.require(
                    false,
                    "the augmentation \(augmentation.name) would change how the two resolutions differ; there are flip, "
                        + "rot90 and stain")
            }
        }
        return objective.problems() + check.problems
    }
}
