import LucencyFoundation

/// What a planned training may take.
public struct TrainingBudget: Codable, Hashable, Sendable {
    /// Bytes besides the images: weights, gradients, moments, activations.
    public var memory = 2_000_000_000
    /// Seconds on one thread, by `TrainingRate`.
    public var seconds = 600.0

    public init() {}
}

/// How fast training goes: constants instead of a clock, so that a plan depends on the data and the kernel family alone.
///
/// They are a half to two thirds of what U-Nets of 16 and 32 channels reached on one thread of an AMD EPYC (Zen 4), less where
/// the kernels were not tried on their own processors. So trainings usually end before their time; more threads end sooner
/// still. Rates beyond a processor's own come from Winograd's algorithm, which saves most of the operations that are counted.
public enum TrainingRate {
    /// A backward pass counts as two forward passes: gradients of inputs and of weights.
    public static let passesPerStep = 3.0

    /// Floating-point operations in a second, a multiply-add counted as two.
    public static func operations(_ family: KernelFamily) -> Double {
        switch family {
        case .avx512: 100e9
        case .avx2: 60e9
        case .neon: 40e9
        case .portable: 30e9
        }
    }

    /// Pixels of patches that are drawn, augmented and compared in a second.
    public static let pixels = 2e6

    /// Threads whose working memory is counted, so that the plan is the same on every machine.
    public static let threads = 8
}
