import LucencyFoundation
import LucencyTensor

/// How an image is drawn from noise: which solver, in how many steps.
public struct DiffusionSampler: Codable, Hashable, Sendable {
    public enum Method: String, Codable, Hashable, Sendable, CaseIterable {
        /// With the posterior's noise in each step (Ho et al. 2020).
        case ddpm
        /// Song et al. 2021.
        case ddim
        /// DPM-Solver++(2M) (Lu et al. 2022).
        case solver = "dpm-solver"
    }

    public var method = Method.ddim
    /// Calls of the network, up to the times of the schedule.
    public var steps = 50
    public var spacing = NoiseSchedule.Spacing.trailing
    /// Noise of DDIM, 0...1.
    public var eta = 0.0
    public var variance = Denoising.Variance.small
    public var limit = CleanLimit.published
    /// Whether ddim takes the noise that goes with the clamped estimate of the image, rather than what the network said.
    /// Where much is clamped, as in the first steps of a network that predicts the noise, the latter is the better.
    public var recomputesNoise = false
    /// Whether a step leads to the next of the visited times; otherwise ⌊T/S⌋ times earlier, as the usual library does,
    /// which with some spacings is another.
    public var followsTimes = true

    public init() {}

    /// - Throws: `Diagnostic` for what is out of range.
    public func check(times: Int) throws(Diagnostic) {
        guard (1...times).contains(steps) else {
            throw Diagnostic(
                .badArgument, "\(steps) steps through a diffusion of \(times) times are not possible",
                remedy: "take 1 to \(times) steps")
        }
        guard (0...1).contains(eta) else { throw Diagnostic(.badArgument, "eta must be in 0...1, found \(eta)") }
        if case .adaptive(let intercept, let slope) = limit, intercept <= 0 || slope < 0 {
            throw Diagnostic(.badArgument, "the threshold needs a positive intercept and no negative slope")
        }
    }

    /// Draws images.
    ///
    /// - Parameters:
    ///   - start: noise.
    ///   - denoising: the schedule, and what the network predicts.
    ///   - noise: standard normal numbers of the images' shape for a step, where the method wants some.
    ///   - network: what it gives for noisy images at a time.
    ///   - watch: sees every step: its number, the clamped estimate of the image, and the image of the next time.
    /// - Throws: `Diagnostic` for settings out of range, and what `network` throws.
    public func callAsFunction(
        from start: Tensor, _ denoising: Denoising, noise: (Int) -> Tensor,
        network: (Tensor, Int) throws -> Tensor, watch: (Int, Tensor, Tensor) throws -> Void = { _, _, _ in }
    ) throws -> Tensor {
        let schedule = denoising.schedule
        try check(times: schedule.steps)
        let times = try schedule.times(steps, spacing: spacing)
        var x = start, memory: Denoising.Memory?
        for (step, time) in times.enumerated() {
            let previous =
                followsTimes ? (step + 1 < times.count ? times[step + 1] : -1) : time - schedule.steps / steps
            let output = try network(x, time)
            guard output.shape == x.shape else {
                throw Diagnostic(.shapeMismatch, "the network gave \(output.shape) for images of \(x.shape)")
            }
            let found = denoising.estimates(x, output: output, time: time)
            let threshold = limit.threshold(step: step, of: steps, times: schedule.steps)
            let clean = denoising.limited(found.clean, limit, threshold: threshold)
            switch method {
            case .ddpm:
                x = denoising.ancestral(
                    x, clean: clean, from: time, to: previous, variance: variance,
                    noise: time > 0 ? noise(step) : nil)
            case .ddim:
                x = denoising.implicit(
                    x, clean: clean, estimate: found.noise, from: time, to: previous, eta: eta,
                    noise: eta > 0 ? noise(step) : nil)
            case .solver: x = denoising.multistep(x, clean: clean, from: time, to: previous, memory: &memory)
            }
            try watch(step, clean, x)
        }
        return x
    }
}
