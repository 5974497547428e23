import Foundation
import LucencyFoundation
import LucencyTensor

/// What a diffusion network gives.
public enum DiffusionPrediction: String, Codable, Hashable, Sendable, CaseIterable {
    /// The noise ε.
    case epsilon
    /// The image without noise, x0.
    case sample
    /// √ᾱ ε - √(1 - ᾱ) x0.
    case velocity = "v"
}

/// What keeps estimates of the image without noise in bounds while sampling.
public enum CleanLimit: Codable, Hashable, Sendable {
    case none
    /// To ± a number.
    case range(Double)
    /// To ± the quantile of each image's magnitudes, which is kept in 1...maximum, and divided by it (Saharia et al. 2022).
    case dynamic(quantile: Double, maximum: Double)
    /// To ± (intercept + slope · j · T/S) in step j of S (BS-LDM's temporal adaptive thresholding; the slope is that of a
    /// chain through all T times): tight while the estimate is a guess, wide towards the end.
    case adaptive(intercept: Double, slope: Double)

    /// BS-LDM's.
    public static let published = CleanLimit.adaptive(intercept: 1.4, slope: 0.003)

    /// The number to which a step clamps; nil for none and `dynamic`.
    public func threshold(step: Int, of count: Int, times: Int) -> Double? {
        switch self {
        case .none, .dynamic: nil
        case .range(let range): range
        case .adaptive(let intercept, let slope):
            intercept + slope * Double(step) * Double(times) / Double(max(1, count))
        }
    }
}

/// A step of sampling: from the image at a time, and what the network says of it, to the image at an earlier one. Random
/// numbers are handed in.
public struct Denoising: Sendable {
    /// The variance of ancestral steps (Ho et al. 2020, section 3.2).
    public enum Variance: String, Codable, Hashable, Sendable, CaseIterable { case small, large }

    public let schedule: NoiseSchedule
    public let prediction: DiffusionPrediction
    /// Whether nothing but the image is left before time 0.
    public var finalIsOne = true
    /// Whether the noise is computed anew from the clamped estimate, in DDIM.
    public var recomputesNoise = false

    /// - Throws: `Diagnostic` when the prediction would divide by 0.
    public init(_ schedule: NoiseSchedule, _ prediction: DiffusionPrediction) throws(Diagnostic) {
        guard prediction != .epsilon || schedule.cumulative.last ?? 0 > 0 else {
            throw Diagnostic(
                .badArgument, "nothing of the image is left at the last time, so that noise says nothing of it",
                remedy: "let the network predict v or the sample")
        }
        self.schedule = schedule
        self.prediction = prediction
    }

    /// What the network's output says of the image without noise, before clamping, and of the noise.
    public func estimates(_ x: Tensor, output: Tensor, time: Int) -> (clean: Tensor, noise: Tensor) {
        let left = schedule.left(at: time), a = left.squareRoot(), b = (1 - left).squareRoot()
        switch prediction {
        case .epsilon: return (x.combined(with: output) { Float((Double($1) - b * Double($2)) / a) }, output)
        case .sample: return (output, x.combined(with: output) { Float((Double($1) - a * Double($2)) / b) })
        case .velocity:
            return (
                x.combined(with: output) { Float(a * Double($1) - b * Double($2)) },
                x.combined(with: output) { Float(a * Double($2) + b * Double($1)) }
            )
        }
    }

    /// Clamps an estimate of the image.
    /// - Parameter threshold: of `CleanLimit.threshold`.
    public func limited(_ clean: Tensor, _ limit: CleanLimit, threshold: Double?) -> Tensor {
        if case .dynamic(let quantile, let maximum) = limit {
            let images = max(1, clean.shape.dimensions.first ?? 1), count = clean.shape.count / images
            let scales = (0..<images).map { image -> Float in
                let sorted = (0..<count).map { abs(clean.buffer[image * count + $0]) }.sorted()
                guard let last = sorted.last else { return 1 }
                let place = quantile * Double(count - 1), low = min(count - 1, max(0, Int(place)))
                let next = low + 1 < count ? sorted[low + 1] : last
                let value = sorted[low] + Float(place - Double(low)) * (next - sorted[low])
                return min(max(value, 1), Float(max(1, maximum)))
            }
            return clean.combined(with: clean) { index, x, _ in
                let s = scales[index / max(1, count)]
                return min(max(x, -s), s) / s
            }
        }
        guard let threshold else { return clean }
        let s = Float(threshold)
        return clean.combined(with: clean) { _, x, _ in min(max(x, -s), s) }
    }

    /// A step with the posterior's noise (Ho et al. 2020, equation 7).
    ///
    /// - Parameters:
    ///   - noise: standard normal; added unless the step ends at the image (`previous` below 0).
    ///   - clean: clamped.
    public func ancestral(
        _ x: Tensor, clean: Tensor, from time: Int, to previous: Int, variance: Variance = .small, noise: Tensor?
    ) -> Tensor {
        let left = schedule.left(at: time), before = schedule.left(at: previous)
        let current = left / before, beta = 1 - current
        let p = before.squareRoot() * beta / (1 - left), q = current.squareRoot() * (1 - before) / (1 - left)
        let mean = clean.combined(with: x) { Float(p * Double($1) + q * Double($2)) }
        guard time > 0, previous >= 0, let noise else { return mean }
        let spread = variance == .large ? beta : max(1e-20, (1 - before) / (1 - left) * beta)
        return mean.combined(with: noise) { Float(Double($1) + spread.squareRoot() * Double($2)) }
    }

    /// A step of denoising diffusion implicit models (Song et al. 2021, equation 12).
    ///
    /// - Parameters:
    ///   - clean: clamped. - estimate: of the noise.
    ///   - eta: 0 is deterministic, 1 has the noise of `ancestral` with the small variance.
    public func implicit(
        _ x: Tensor, clean: Tensor, estimate: Tensor, from time: Int, to previous: Int, eta: Double = 0,
        noise: Tensor? = nil
    ) -> Tensor {
        let left = schedule.left(at: time), before = schedule.left(at: previous, finalIsOne: finalIsOne)
        let variance = (1 - before) / (1 - left) * (1 - left / before)
        let deviation = eta * max(0, variance).squareRoot()
        var estimate = estimate
        if recomputesNoise {
            estimate = x.combined(with: clean) {
                Float((Double($1) - left.squareRoot() * Double($2)) / (1 - left).squareRoot())
            }
        }
        let direction = max(0, 1 - before - deviation * deviation).squareRoot(), root = before.squareRoot()
        let mean = clean.combined(with: estimate) { Float(root * Double($1) + direction * Double($2)) }
        guard eta > 0, let noise else { return mean }
        return mean.combined(with: noise) { Float(Double($1) + deviation * Double($2)) }
    }

    /// What the second-order solver remembers of the step before.
    public struct Memory: Sendable {
        let clean: Tensor
        /// Difference of log(√ᾱ / √(1 - ᾱ)) over that step.
        let width: Double
    }

    /// A step of DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): of second order, with one call of the network. The first
    /// step and the one to the image itself are of first order.
    ///
    /// - Parameters:
    ///   - clean: clamped. - memory: of the step before; changed to that of this one.
    public func multistep(
        _ x: Tensor, clean: Tensor, from time: Int, to previous: Int, memory: inout Memory?
    ) -> Tensor {
        let left = schedule.left(at: time), before = schedule.left(at: previous, finalIsOne: finalIsOne)
        guard before < 1 else { return clean }
        func logarithm(_ left: Double) -> Double { 0.5 * log(max(left, 1e-300) / (1 - left)) }
        let width = logarithm(before) - logarithm(left), shrink = exp(-width)
        let p = ((1 - before) / (1 - left)).squareRoot(), q = before.squareRoot() * (1 - shrink)
        var direction = clean
        if let memory, left > 0 {
            let weight = width / (2 * memory.width)
            direction = clean.combined(with: memory.clean) {
                Float((1 + weight) * Double($1) - weight * Double($2))
            }
        }
        // Where nothing of the image is left, the logarithm is infinite, and the next step begins anew.
        memory = left > 0 ? Memory(clean: clean, width: width) : nil
        return x.combined(with: direction) { Float(p * Double($1) + q * Double($2)) }
    }
}
