import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Spatially varying label smoothing: cross-entropy with the label map blurred by a small kernel, so that pixels near a
/// boundary have soft targets and all others keep theirs. M. Islam, B. Glocker, "Spatially Varying Label Smoothing", IPMI
/// 2021, with the kernel of `WindowKernel.centred`; beyond the edge stands the nearest pixel.
///
/// Pixels that do not count leave the windows of their neighbours [ours].
public struct VaryingSmoothingTarget: ObjectiveTarget {
    public static let name = "svls"

    /// σ in pixels: one for all axes, or one for each, x, y (and z); above 0. It moves weight between the neighbours only:
    /// each pixel keeps half of its own class.
    public var sigma: [Double] = [1]
    /// Side of the window in pixels, odd; 3 in all published work.
    public var window = 3
    /// Part of the blurred map in the target, in 0...1; the rest is the label itself [ours; there 1]. 0 is cross-entropy.
    public var strength: Float = 1

    public init() {}
    public init(sigma: [Double], window: Int = 3, strength: Float = 1) {
        self.sigma = sigma
        self.window = window
        self.strength = strength
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        var problems = windowProblems(window, sigma: sigma)
        if !(strength >= 0 && strength <= 1) {
            problems.append(problem("strength must be in 0...1, found \(strength)"))
        }
        return problems
    }

    private static let targets = "svls.targets"
    public var additionalInputs: [String] { strength == 0 ? [] : [Self.targets] }

    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        let kernel = WindowKernel.centred(
            side: window, deviations: deviations(sigma), isPlanar: labels.size.isPlanar)
        var neighbourhood = Neighbourhood(kernel, border: .replicate)
        neighbourhood.strength = strength
        return try neighbourhood(labels, classes: classes)
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        guard strength > 0 else {
            return try tape.crossEntropy(logits, labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
        }
        return try tape.softCrossEntropy(
            logits, targets: inputs.additional(Self.targets), labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
    }
}

extension ObjectiveComponent {
    /// What is wrong with a window and its σ.
    func windowProblems(_ side: Int, sigma: [Double]) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        if !(3...31).contains(side) || side % 2 == 0 {
            problems.append(problem("the window must be an odd number of pixels in 3...31, found \(side)"))
        }
        if sigma.isEmpty || sigma.count > 3 || !sigma.allSatisfy({ $0 > 0 && $0 <= 1000 }) {
            problems.append(
                problem("sigma must be above 0 and at most 1000, one number or one for each axis, found \(sigma)"))
        }
        return problems
    }

    /// σ along x, y, z; those that are not given are as the last one.
    func deviations(_ sigma: [Double]) -> SIMD3<Double> {
        let last = sigma.last ?? 1
        return SIMD3(sigma.first ?? last, sigma.count > 1 ? sigma[1] : last, sigma.count > 2 ? sigma[2] : last)
    }
}
