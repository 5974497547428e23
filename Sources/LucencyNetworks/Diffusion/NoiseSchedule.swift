import Foundation
import LucencyFoundation
import LucencyTensor

/// How much noise an image holds at each time of a diffusion: time 0 has the least, and already some.
///
/// β is how much noise a step adds, ᾱ = Π (1 - β) how much of the image is left: x_t = √ᾱ x0 + √(1 - ᾱ) ε.
public struct NoiseSchedule: Hashable, Sendable {
    public enum Form: String, Codable, Hashable, Sendable, CaseIterable {
        /// β grows evenly (Ho et al. 2020).
        case linear
        /// √β grows evenly (Rombach et al. 2022).
        case scaledLinear = "scaled-linear"
        /// ᾱ falls as a squared cosine (Nichol and Dhariwal 2021), as BS-LDM has it. Its ends are fixed.
        case cosine

        /// The first and the last β where none are stated.
        var ends: (Double, Double) { self == .linear ? (1e-4, 0.02) : (0.00085, 0.012) }
    }

    public let form: Form
    /// Times, `betas.count`.
    public var steps: Int { betas.count }
    public let betas: [Float]
    /// ᾱ of each time.
    public let cumulative: [Float]

    /// - Parameters:
    ///   - steps: number of times, 1...100000.
    ///   - ends: the first and the last β, for the linear forms.
    ///   - endsInNoise: rescaled so that nothing of the image is left at the last time (Lin et al. 2023, algorithm 1).
    /// - Throws: `Diagnostic` when a setting is out of range.
    public init(
        _ form: Form, steps: Int = 1000, ends: (first: Double, last: Double)? = nil, endsInNoise: Bool = false
    ) throws(Diagnostic) {
        let (first, last) = ends.map { ($0.first, $0.last) } ?? form.ends
        guard (1...100_000).contains(steps), first > 0, last < 1, first <= last else {
            throw Diagnostic(
                .badArgument, "a noise schedule of \(steps) steps with β from \(first) to \(last) is not possible",
                remedy: "take 1 to 100000 steps and 0 < first β ≤ last β < 1")
        }
        guard !endsInNoise || steps > 1 else {
            throw Diagnostic(.badArgument, "a noise schedule that ends in pure noise needs two steps or more")
        }
        var betas: [Float]
        switch form {
        case .linear: betas = Self.even(from: Float(first), to: Float(last), count: steps)
        case .scaledLinear:
            betas = Self.even(from: Float(first.squareRoot()), to: Float(last.squareRoot()), count: steps)
                .map { $0 * $0 }
        case .cosine:
            func left(_ u: Double) -> Double {
                let c = cos((u + 0.008) / 1.008 * .pi / 2)
                return c * c
            }
            betas = (0..<steps).map { time in
                Float(min(1 - left(Double(time + 1) / Double(steps)) / left(Double(time) / Double(steps)), 0.999))
            }
        }
        if endsInNoise {
            let roots = Self.products(betas).map { Double($0).squareRoot() }
            let (r0, rT) = (roots[0], roots[steps - 1])
            let left = roots.map { root in
                let r = (root - rT) * r0 / (r0 - rT)
                return r * r
            }
            betas = left.indices.map { Float(1 - ($0 == 0 ? left[0] : left[$0] / left[$0 - 1])) }
        }
        self.form = form
        self.betas = betas
        cumulative = Self.products(betas)
    }

    /// Even numbers, each rounded once, from both ends to the middle: the bits of the usual tensor library.
    private static func even(from a: Float, to b: Float, count: Int) -> [Float] {
        guard count > 1 else { return [a] }
        let step = (b - a) / Float(count - 1)
        return (0..<count).map { index in
            index < count / 2
                ? a.addingProduct(step, Float(index)) : b.addingProduct(-step, Float(count - 1 - index))
        }
    }

    private static func products(_ betas: [Float]) -> [Float] {
        var product = 1.0
        return betas.map { beta in
            product *= Double(1 - beta)
            return Float(product)
        }
    }

    /// ᾱ of a time; before time 0 nothing but the image is left, 1, unless `finalIsOne` is false: then that of time 0.
    public func left(at time: Int, finalIsOne: Bool = true) -> Double {
        guard time >= 0 else { return finalIsOne ? 1 : Double(cumulative[0]) }
        return Double(cumulative[min(time, steps - 1)])
    }

    // MARK: Forward

    /// x_t = √ᾱ x0 + √(1 - ᾱ) ε.
    /// - Parameter times: one for each image, in 0..<steps.
    /// - Throws: `Diagnostic` when shapes or times do not fit.
    public func noised(_ clean: Tensor, noise: Tensor, times: [Int]) throws(Diagnostic) -> Tensor {
        try mixed(clean, noise, times) { ($0.squareRoot(), (1 - $0).squareRoot()) }
    }

    /// What a network that predicts v is to give: v = √ᾱ ε - √(1 - ᾱ) x0 (Salimans and Ho 2022).
    /// - Throws: `Diagnostic` when shapes or times do not fit.
    public func velocity(_ clean: Tensor, noise: Tensor, times: [Int]) throws(Diagnostic) -> Tensor {
        try mixed(clean, noise, times) { (-(1 - $0).squareRoot(), $0.squareRoot()) }
    }

    private func mixed(
        _ a: Tensor, _ b: Tensor, _ times: [Int], _ factors: (Double) -> (Double, Double)
    ) throws(Diagnostic) -> Tensor {
        guard a.shape == b.shape, a.shape.rank >= 1, a.shape[0] == times.count else {
            throw Diagnostic(
                .shapeMismatch, "noise of \(b.shape) at \(times.count) time(s) does not go with images of \(a.shape)")
        }
        guard times.allSatisfy({ (0..<steps).contains($0) }) else {
            throw Diagnostic(.badArgument, "the times \(times) are not all in 0..<\(steps)")
        }
        let count = a.shape.count / max(1, times.count)
        return a.combined(with: b) { index, x, y in
            let (p, q) = factors(left(at: times[index / max(1, count)]))
            return Float(p * Double(x) + q * Double(y))
        }
    }

    // MARK: Times of sampling

    /// How the times of a shorter chain are spread.
    public enum Spacing: String, Codable, Hashable, Sendable, CaseIterable {
        /// Multiples of ⌊T/S⌋, from 0 on.
        case leading
        /// Evenly from the first to the last time.
        case linspace
        /// From the last time down in steps of T/S.
        case trailing
    }

    /// The times that `count` steps visit, falling.
    /// - Parameter offset: added to every time, for `leading`.
    /// - Throws: `Diagnostic` when there are fewer times than steps.
    public func times(_ count: Int, spacing: Spacing = .leading, offset: Int = 0) throws(Diagnostic) -> [Int] {
        guard (1...steps).contains(count), offset >= 0 else {
            throw Diagnostic(
                .badArgument, "\(count) steps through a diffusion of \(steps) times are not possible",
                remedy: "take 1 to \(steps) steps")
        }
        switch spacing {
        case .leading:
            let ratio = steps / count
            return (0..<count).reversed().map { min(steps - 1, $0 * ratio + offset) }
        case .linspace:
            guard count > 1 else { return [0] }
            let distance = Double(steps - 1) / Double(count - 1)
            return (0..<count).reversed().map { index in
                index == count - 1
                    ? steps - 1 : Int((Double(index) * distance).rounded(.toNearestOrEven))
            }
        case .trailing:
            let ratio = Double(steps) / Double(count)
            return (0..<count).map { index in
                max(0, Int((Double(steps) - Double(index) * ratio).rounded(.toNearestOrEven)) - 1)
            }
        }
    }
}

extension Tensor {
    /// A tensor of the same shape, element by element.
    package func combined(with other: Tensor, _ body: (Int, Float, Float) -> Float) -> Tensor {
        Tensor(trusted: shape) { target in
            buffer.withUnsafeBufferPointer { a in
                other.buffer.withUnsafeBufferPointer { b in
                    for index in 0..<min(a.count, b.count) {
                        target.initializeElement(at: index, to: body(index, a[index], b[index]))
                    }
                }
            }
        }
    }
}
