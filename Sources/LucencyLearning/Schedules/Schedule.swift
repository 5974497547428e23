#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The learning rate of every step.
public struct Schedule: Codable, Hashable, Sendable {
    /// How the rate falls after the warm-up. With p going from 0 to 1 between the warm-up and `steps`:
    public enum Course: String, Codable, Hashable, Sendable, CaseIterable {
        case constant
        /// Times `factor` after every `interval` steps.
        case step
        /// (1 + cos πp) / 2 (Loshchilov and Hutter 2017).
        case cosine
        /// (1 - p)^`power`; nnU-Net uses 0.9.
        case polynomial
    }

    public var course: Course
    /// The highest rate.
    public var rate: Double
    /// All steps, the warm-up included; the rate stays as it is afterwards.
    public var steps: Int
    /// Steps in which the rate grows evenly up to `rate`.
    public var warmUp = 0
    /// What `cosine` and `polynomial` end with, as a fraction of `rate`.
    public var floor = 0.0
    public var factor = 0.1
    public var interval = 1000
    public var power = 0.9

    public init(_ course: Course, rate: Double, steps: Int = 0) {
        self.course = course
        self.rate = rate
        self.steps = steps
    }

    /// The rate of a step; the first step is 0.
    public func rate(at step: Int) -> Double {
        if step < warmUp { return rate * Double(step + 1) / Double(warmUp) }
        let after = step - max(0, warmUp)
        let progress = min(1, Double(after) / Double(max(1, steps - max(0, warmUp))))
        switch course {
        case .constant: return rate
        case .step: return rate * pow(factor, Double(after / max(1, interval)))
        case .cosine: return rate * (floor + (1 - floor) * (1 + cos(.pi * progress)) / 2)
        case .polynomial: return rate * (floor + (1 - floor) * pow(1 - progress, power))
        }
    }
}
