import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// The neighbour-aware calibration penalty: the mean over pixels and classes of the distance between a pixel's logits and
/// what the classes have of the label window around it. B. Murugesan et al., "Trust your neighbours", MICCAI 2023,
/// arXiv:2303.06268, and "Neighbor-Aware Calibration of Segmentation Networks with Penalty-Based Constraints",
/// arXiv:2401.14487.
///
/// Pixels that do not count leave the windows of their neighbours [ours]. A constant added to all logits of a pixel changes
/// the penalty, which is meant: it holds logits down.
public struct NeighbourTerm: ObjectiveTerm {
    public static let name = "nacl"

    /// What the window around a pixel comes to.
    public enum Prior: String, Codable, Hashable, Sendable, CaseIterable {
        /// Each class has the part of the pixels that are of it.
        case mean
        /// The targets of `svls`.
        case gaussian
        /// A normal distribution as a second public program has it: cut off at 4 σ whatever the window.
        case wideGaussian = "wide-gaussian"
        /// The commonest class has all; of equal ones the first.
        case mode
        /// As `mean`, with pixels weighted by exp(-|difference|) of the intensities of the image's first channel.
        case image = "image-l1"
        /// Likewise by exp(-difference²).
        case imageSquared = "image-l2"
    }

    /// The authors' program has 0.1 of a mean over classes. Another number of classes asks for another weight.
    public var weight = 0.1
    public var prior = Prior.mean
    /// Side of the window in pixels, odd.
    public var window = 3
    /// What windows find beyond the edge [ours]; the authors' program has `background` in two dimensions and `zero` in
    /// three, and `replicate` for `gaussian`.
    public var border = WindowBorder.valid
    /// σ of the Gaussian priors, in pixels.
    public var sigma = 1.0
    public var distance = PriorDistanceForm.absolute
    /// Whether probabilities are held to the prior instead of logits.
    public var isOfProbabilities = false
    /// Whether the mean runs over pixels only, as in the paper's formula, and classes are summed.
    public var sumsOverClasses = false

    public init() {}
    public init(
        weight: Double = 0.1, prior: Prior = .mean, window: Int = 3, border: WindowBorder = .valid,
        distance: PriorDistanceForm = .absolute
    ) {
        self.weight = weight
        self.prior = prior
        self.window = window
        self.border = border
        self.distance = distance
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        var problems = windowProblems(window, sigma: [sigma])
        if prior == .wideGaussian, sigma > 8 {
            problems.append(problem("sigma must be at most 8 for the prior wide-gaussian, found \(sigma)"))
        }
        return problems
    }

    private static let shares = "nacl.prior"
    public var additionalInputs: [String] { [Self.shares] }

    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        try neighbourhood(isPlanar: labels.size.isPlanar)(labels, classes: classes, image: image)
    }

    private func neighbourhood(isPlanar: Bool) -> Neighbourhood {
        let kernel: WindowKernel =
            switch prior {
            case .mean, .mode, .image, .imageSquared: .uniform(side: window, isPlanar: isPlanar)
            case .gaussian: .centred(side: window, deviations: SIMD3(repeating: sigma), isPlanar: isPlanar)
            case .wideGaussian: .gaussian(deviation: sigma, isPlanar: isPlanar)
            }
        var neighbourhood = Neighbourhood(kernel, border: border)
        switch prior {
        case .mean, .gaussian, .wideGaussian: break
        case .mode: neighbourhood.reading = .mode
        case .image: neighbourhood.reading = .alike(isSquared: false)
        case .imageSquared: neighbourhood.reading = .alike(isSquared: true)
        }
        return neighbourhood
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        let mean = try tape.priorDistance(
            logits, prior: inputs.additional(Self.shares), labels: inputs.labels, form: distance,
            isOfProbabilities: isOfProbabilities, ignoring: ObjectiveInputs.ignored)
        return sumsOverClasses ? try tape.scale(mean, by: Float(logits.shape.channels)) : mean
    }
}
