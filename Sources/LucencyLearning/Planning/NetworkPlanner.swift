import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

/// Derives spacing, normalization, patch, network, batch and length of a training from a fingerprint, for a memory and a time.
///
/// The facts that count and most limits are nnU-Net's (Isensee et al. 2021, Nature Methods 18); the order differs, because here
/// time runs out before memory does. Of the smallest patch, batch and width, first the patch grows up to the images' median
/// size, then the batch, then the width, each as long as memory allows and time for 1000 steps is left; what then is left gives
/// more steps. A plan
/// depends on the fingerprint, the settings and the kernel family, never on a clock or the machine.
public struct NetworkPlanner {
    public var fingerprint: Fingerprint
    public var budget = TrainingBudget()
    public var stated = StatedSettings()
    public var network: PlannedNetwork
    public var classes: Int
    /// What is not planned: objective, optimizer and so on.
    public var settings: TrainingSettings
    /// Pixels of all cases to validate with.
    public var validationPixels = 0
    /// Images without labels, for strategies that learn from them.
    public var unlabelled = 0
    public var kernels: Kernels

    /// Channels of the first level: what is tried first, then where there is plenty, then where there is little.
    private static let width = 16, wideWidth = 32, narrowWidth = 8
    private static let mostLevels = 6
    static let preferredBatch = (flat: 8, deep: 4)
    private static let fewestImages = (flat: 4, deep: 2)
    /// A batch shows no more than this part of all pixels.
    private static let batchShare = 0.05
    /// Longest sides of patches that are tried, in pixels of the finest axis.
    private static let sides = [16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512]
    private static let longest = (flat: 512, deep: 160)
    /// Spacings that differ by less count as equal.
    private static let sameSpacing = 1.05
    /// An axis is coarse whose pixels are this much longer than the others (nnU-Net's factor).
    private static let coarse = 3.0
    /// A volume of fewer slices than this is worked on slice by slice.
    private static let fewestSlices = 8

    public init(
        _ fingerprint: Fingerprint, network: PlannedNetwork, classes: Int, settings: TrainingSettings, kernels: Kernels
    ) {
        self.fingerprint = fingerprint
        self.network = network
        self.classes = classes
        self.settings = settings
        self.kernels = kernels
    }

    /// - Throws: `Diagnostic` when even the smallest training that what was stated allows needs more than the budget;
    ///   `DiagnosticList` when the fingerprint or the settings contradict themselves.
    public func plan() throws -> NetworkPlan {
        try check()
        let (axes, axesWhy) = dimensions()
        let (spacing, spacingWhy) = try targetSpacing(axes)
        let grid = Grid(fingerprint, axes: axes, spacing: spacing)
        let chosen = try grown(grid)
        let rules = fingerprint.channels.indices.map { IntensityRule(fingerprint, channel: $0) }
        var planned = settings
        planned.patch = chosen.patch
        planned.batch = chosen.batch
        planned.patchesPerCase = chosen.length.patchesPerCase
        planned.validationInterval = chosen.length.validationInterval
        if let epochs = stated.epochs { planned.epochs = epochs }
        planned.steps = stated.epochs == nil || stated.steps != nil ? chosen.length.steps : nil
        var decisions = [
            decision("dimensions", "\(axes)", axesWhy, isStated: !stated.patch.isEmpty),
            decision(
                "spacing", spacing.map { Self.product($0.map { JSONValue.number($0).text }) + " mm" } ?? "as it is",
                spacingWhy, isStated: stated.spacing != nil),
        ]
        decisions += normalizationDecisions(rules)
        decisions += networkDecisions(chosen, grid)
        decisions += lengthDecisions(chosen)
        return NetworkPlan(
            network: chosen.network, spacing: spacing,
            normalizations: rules.map { stated.normalization ?? $0.normalization }, settings: planned,
            bytes: chosen.bytes, seconds: chosen.length.seconds, decisions: decisions)
    }

    private func check() throws {
        var problems = fingerprint.problems() + stated.applied(to: settings).problems()
        if let spacing = stated.spacing, !spacing.allSatisfy({ $0 > 1e-9 && $0 < 1e9 }) || spacing.count < 2 {
            problems.append(Diagnostic(.badArgument, "the spacing \(spacing) is not two or three lengths"))
        }
        if !(budget.memory > 0 && budget.seconds > 0 && budget.seconds.isFinite && validationPixels >= 0) {
            problems.append(Diagnostic(.badArgument, "the budget of a training must be positive"))
        }
        if !problems.isEmpty { throw DiagnosticList(problems) }
    }

    // MARK: Grid

    /// Two or three, and why.
    private func dimensions() -> (Int, String) {
        if !stated.patch.isEmpty { return (stated.patch.count, "the patch has so many extents") }
        if fingerprint.planar == fingerprint.cases { return (2, "the images are planar") }
        if fingerprint.planar > 0 { return (2, "\(fingerprint.planar) of \(fingerprint.cases) images are planar") }
        let slices = Int(fingerprint.sizes[2].median)
        if slices < Self.fewestSlices { return (2, "\(slices) slices are too few to halve: slice by slice") }
        let axes = fingerprint.spacings.axes
        if network.isAlike, axes.count == 3, axes[2].median >= Self.coarse * max(axes[0].median, axes[1].median) {
            return (
                2, "a U-Net halves all axes alike, and slices lie three times as far apart as pixels: slice by slice"
            )
        }
        return (3, "the images are volumes")
    }

    /// What images are resampled to, and why.
    private func targetSpacing(_ axes: Int) throws(Diagnostic) -> ([Double]?, String) {
        let spacings = fingerprint.spacings
        if let spacing = stated.spacing {
            guard spacing.count >= axes else {
                throw Diagnostic(
                    .badArgument, "the spacing \(spacing) mm says nothing of the axis z, and the network takes volumes",
                    remedy: "give three lengths")
            }
            guard spacings.assumed == 0 else {
                throw Diagnostic(
                    .assumedSpacing, "\(spacings.assumed) of \(fingerprint.cases) cases state no spacing",
                    remedy: "state it: `spacing: 0.2 mm` on the source, or `--assume-spacing 0.2mm`")
            }
            return (Array(spacing.prefix(axes)), "")
        }
        guard spacings.assumed == 0, spacings.axes.count >= axes else {
            return (nil, "\(spacings.assumed) of \(fingerprint.cases) cases state no spacing")
        }
        let own = Array(spacings.axes.prefix(axes))
        guard own.contains(where: { $0.maximum > $0.minimum * Self.sameSpacing }) else {
            return (nil, "all cases have the same")
        }
        var target = own.map(\.median), why = "the median of spacings that differ"
        // The median of a coarse axis would blur the finer cases; nnU-Net takes the tenth percentile there.
        if let axis = target.indices.max(by: { target[$0] < target[$1] }),
            target.indices.allSatisfy({ $0 == axis || target[axis] >= Self.coarse * target[$0] })
        {
            target[axis] = own[axis].tenth
            why += ", along the coarse axis the tenth percentile"
        }
        return (target, why)
    }

    /// The median image at the spacing that the network sees.
    struct Grid {
        let extents: [Int]
        /// Of its pixels, in any unit.
        let spacing: [Double]
        /// How many pixels there will be for each that there is.
        let growth: Double

        init(_ fingerprint: Fingerprint, axes: Int, spacing target: [Double]?) {
            let own = fingerprint.spacings.axes.map(\.median), sizes = fingerprint.sizes.map(\.median)
            let isStated = fingerprint.spacings.assumed == 0 && own.count >= axes
            spacing = target ?? (isStated ? Array(own.prefix(axes)) : Array(repeating: 1, count: axes))
            extents = (0..<axes).map { axis in
                guard axis < sizes.count else { return 1 }
                guard let target else { return max(1, Int(sizes[axis])) }
                let extent = fingerprint.spacings.extents[axis].median / target[axis]
                return Int(min(max(1, extent.rounded()), 1e9))
            }
            growth = target.map { target in zip(own, target).reduce(1) { $0 * $1.0 / $1.1 } } ?? 1
        }
    }

    // MARK: Growing

    /// A training that could be.
    struct Candidate {
        let patch: [Int]
        let batch: Int
        let scheme: PoolingScheme
        let channels: [Int]
        let norm: Norm.Kind?
        let network: any Network
        let bytes: Int
        /// nil where it does not fit the time.
        let length: TrainingLength?
        /// Seconds of one step.
        let step: Double
    }

    /// A training that fits.
    struct Chosen {
        let candidate: Candidate
        let length: TrainingLength

        var patch: [Int] { candidate.patch }
        var batch: Int { candidate.batch }
        var network: any Network { candidate.network }
        var bytes: Int { candidate.bytes }
    }

    private func grown(_ grid: Grid) throws -> Chosen {
        let isFlat = grid.extents.count == 2
        let fewest = stated.batch ?? (isFlat ? Self.fewestImages.flat : Self.fewestImages.deep)
        let most = stated.batch ?? (isFlat ? Self.preferredBatch.flat : Self.preferredBatch.deep)
        let patches = patches(on: grid)
        guard let smallest = patches.first else { throw Diagnostic(.badArgument, "no patch is possible") }
        var width = Self.width
        func candidate(_ patch: PatchForm, _ batch: Int, _ width: Int) throws -> Candidate {
            try self.candidate(patch, batch: batch, width: width, grid)
        }
        let isOpen = stated.steps == nil && stated.epochs == nil
        func fitting(_ candidate: Candidate, leaving steps: Int = 1) -> Chosen? {
            guard candidate.bytes <= budget.memory, let length = candidate.length,
                !isOpen || length.steps >= steps
            else { return nil }
            return Chosen(candidate: candidate, length: length)
        }
        var last = try candidate(smallest, fewest, width)
        var best = fitting(last)
        if best == nil, stated.channels == nil {
            width = Self.narrowWidth
            last = try candidate(smallest, fewest, width)
            best = fitting(last)
        }
        if best == nil, stated.batch == nil {
            last = try candidate(smallest, 1, width)
            best = fitting(last)
        }
        guard var best else { throw refusal(last) }
        var form = smallest
        let enough = TrainingLength.enoughSteps
        for patch in patches.dropFirst() {
            guard let next = fitting(try candidate(patch, best.batch, width), leaving: enough) else { break }
            (best, form) = (next, patch)
        }
        let share = Self.batchShare * Double(fingerprint.pixels) * grid.growth
        while best.batch < most, Double((best.batch + 1) * best.patch.reduce(1, *)) <= share,
            let next = fitting(try candidate(form, best.batch + 1, width), leaving: enough)
        {
            best = next
        }
        if width == Self.width, stated.channels == nil,
            let wide = fitting(try candidate(form, best.batch, Self.wideWidth), leaving: enough)
        {
            best = wide
        }
        return best
    }

    private struct PatchForm: Hashable {
        let extents: [Int]
        let scheme: PoolingScheme
    }

    /// Patches that may be, ascending: as long in millimetres along every axis as the images allow.
    private func patches(on grid: Grid) -> [PatchForm] {
        func form(_ extents: [Int], isExact: Bool) -> PatchForm {
            var scheme: PoolingScheme
            let levels = stated.channels?.count
            guard network.isAlike else {
                func scheme(_ levels: Int?, _ isExact: Bool) -> PoolingScheme {
                    PoolingScheme(
                        extents: extents, spacing: grid.spacing, levels: levels, maximum: Self.mostLevels,
                        isExact: isExact)
                }
                let free = scheme(levels, isExact)
                let own = free.levels < network.fewestLevels ? scheme(network.fewestLevels, false) : free
                return PatchForm(extents: own.padded(extents), scheme: own)
            }
            scheme = PoolingScheme(alike: extents, levels: levels, maximum: Self.mostLevels, isExact: isExact)
            if scheme.levels < network.fewestLevels {
                scheme = PoolingScheme(
                    alike: extents, levels: levels ?? network.fewestLevels, maximum: Self.mostLevels, isExact: false)
            }
            return PatchForm(extents: scheme.padded(extents), scheme: scheme)
        }
        guard stated.patch.isEmpty else { return [form(stated.patch, isExact: stated.channels == nil)] }
        let finest = grid.spacing.min() ?? 1
        let longest = grid.extents.count == 2 ? Self.longest.flat : Self.longest.deep
        var found: [PatchForm] = []
        for side in Self.sides where side <= longest {
            let extents = grid.extents.indices.map { axis in
                min(grid.extents[axis], max(PoolingScheme.smallest, Int(Double(side) * finest / grid.spacing[axis])))
            }
            let next = form(extents, isExact: false)
            if found.last != next { found.append(next) }
            if extents == grid.extents { break }
        }
        return found
    }

    private func candidate(_ form: PatchForm, batch: Int, width: Int, _ grid: Grid) throws -> Candidate {
        let channels = stated.channels ?? PlannedNetwork.channels(width: width, levels: form.scheme.levels)
        let norm = stated.norm ?? (network.isAlike ? (form.extents.count == 3 || batch < 4 ? .instance : .batch) : nil)
        let made = network.network(
            channels: channels, scheme: form.scheme, norm: norm, inputChannels: fingerprint.channels.count,
            classes: classes)
        let problems = made.problems()
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        var trial = settings
        trial.patch = form.extents
        trial.batch = batch
        let runs = try standIns(made, trial)
        let step = try TrainingStep(made, classes: classes, settings: trial, runs: runs, kernels: kernels)
        let pixels = Double(batch * form.extents.reduce(1, *)), forward = Double(step.forwardOperations)
        let rate = TrainingRate.operations(kernels.family)
        // A teacher looks once at as many images without labels, which are drawn too.
        let learnsMore = settings.strategy.usesUnlabelled && unlabelled > 0
        let seconds =
            (TrainingRate.passesPerStep * (forward + Double(step.addedOperations)) + (learnsMore ? forward : 0)) / rate
            + (learnsMore ? 2 : 1) * pixels / TrainingRate.pixels
        // Tiles overlap by a quarter.
        let seen = Double(validationPixels) * grid.growth / (0.75 * 0.75 * (form.extents.count == 3 ? 0.75 : 1))
        let validation = seen / pixels * forward / rate
        let frame = TrainingLength.Frame(
            budget: budget.seconds, cases: max(fingerprint.cases, learnsMore ? unlabelled : 0), batch: batch,
            step: seconds, validation: validation)
        return Candidate(
            patch: form.extents, batch: batch, scheme: form.scheme, channels: channels, norm: norm, network: made,
            bytes: try step.bytes(threads: TrainingRate.threads), length: TrainingLength(frame, stated: stated),
            step: seconds)
    }

    /// The strategy at work on one empty patch, for what it takes.
    private func standIns(_ network: any Network, _ settings: TrainingSettings) throws -> [any StrategyRun] {
        guard settings.strategy != .supervised else { return [] }
        let extents = settings.patch + (settings.patch.count == 2 ? [1] : [])
        let form = SampleForm(
            size: GridSize(extents[0], extents[1], extents[2]), channels: fingerprint.channels.count)
        let empty = TrainingCase(
            try Sample(
                name: "", form: form, image: AlignedBuffer(repeating: 0, count: form.size.count * form.channels),
                labels: AlignedBuffer(repeating: 0, count: form.size.count)))
        let training = StrategyTraining(
            network: network, classes: classes, settings: settings, cases: [empty],
            unlabelled: unlabelled > 0 ? [empty] : [], sampler: PatchSampler(size: form.size), steps: 1,
            stepsPerEpoch: 1, parameters: try network.parameters(seed: 0), kernels: kernels, pool: .serial,
            folder: nil)
        return try settings.strategy.component.run(in: training).map { [$0] } ?? []
    }

    private func refusal(_ candidate: Candidate) -> Diagnostic {
        let what = "patch \(Self.product(candidate.patch)), batch \(candidate.batch), channels \(candidate.channels)"
        if candidate.bytes > budget.memory {
            return Diagnostic(
                .overBudget,
                "the smallest training takes \(Self.size(candidate.bytes)), more than the \(Self.size(budget.memory)) it may (\(what))",
                remedy: "allow more, as in `memory: \(candidate.bytes / 1_000_000 + 1) MB`, or state less by hand")
        }
        let steps =
            stated.steps.map { "\($0) steps" } ?? stated.epochs.map { "\($0) epochs" }
            ?? "\(TrainingLength.fewestSteps) steps"
        return Diagnostic(
            .overBudget,
            "the smallest training does not fit in \(Self.duration(budget.seconds)): \(steps) at "
                + "\(Self.duration(candidate.step)) each, and validation (\(what))",
            remedy: "allow more, as in `time: 1 h`, or state less by hand")
    }
}
