import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor

/// A network, what is done to images before it, and how it is trained: as it was written, or as it was planned.
struct TrainingSetup: Sendable {
    let network: any Network
    let preprocessing: Preprocessing
    let settings: TrainingSettings
    /// nil where nothing was planned.
    let plan: NetworkPlan?
}

extension TrainSegmenter {
    /// The normalization as far as it is known before the images are.
    var likelyNormalization: Preprocessing.Normalization {
        // A plan gives colours their own scale, which is the only one that can be wrong before the images are read.
        stated.normalization ?? (network.automatic == nil ? .zScore : .window(low: 0, high: 255))
    }

    /// The spacing that is stated, in mm.
    func millimetres() throws(Diagnostic) -> [Double]? {
        guard let spacing else { return nil }
        let lengths = spacing.compactMap { length in length.unit.millimetres.map { length.value * $0 } }
        guard lengths.count == spacing.count, (2...3).contains(lengths.count) else {
            throw Diagnostic(
                .badArgument, "a spacing is two or three lengths that are not pixels, x, y (and z)",
                remedy: "write `spacing: [0.5 mm, 0.5 mm]`")
        }
        return lengths
    }

    /// What the images and everything that is stated come to.
    /// - Throws: `Diagnostic` when there is nothing to train with, or no training fits the budget.
    func setup(
        _ training: [LabelledCase], _ validation: [LabelledCase], _ settings: TrainingSettings, classes: Int,
        unlabelled: Int, kernels: Kernels
    ) throws -> TrainingSetup {
        guard let first = training.first else {
            throw Diagnostic(.noItems, "no image is left to train with", remedy: "lower `validation`")
        }
        let names = first.image.colorModel.channelNames, spacing = try millimetres()
        guard let automatic = network.automatic else {
            let settings = stated.applied(to: settings)
            let axes = settings.patch.isEmpty ? first.image.size.dimensions : settings.patch.count
            return TrainingSetup(
                network: network.network.fitted(axes: axes, inputChannels: first.image.channels, classes: classes),
                preprocessing: Preprocessing(
                    spacing: spacing,
                    channels: names.map { .init(name: $0, normalization: stated.normalization ?? .zScore) }),
                settings: settings, plan: nil)
        }
        var survey = FingerprintSurvey(measuresObjects: false)
        for item in training { try survey.add(item.name, item.image, item.label) }
        var planner = NetworkPlanner(
            try survey.fingerprint(), network: automatic.network, classes: classes, settings: settings, kernels: kernels
        )
        planner.budget = automatic.budget
        planner.stated = stated
        planner.stated.spacing = spacing
        planner.stated.channels = automatic.stated.channels
        planner.stated.norm = automatic.stated.norm
        planner.unlabelled = unlabelled
        planner.validationPixels = validation.reduce(0) { $0 + $1.image.size.count }
        let plan = try planner.plan()
        return TrainingSetup(
            network: plan.network,
            preprocessing: Preprocessing(
                spacing: plan.spacing,
                channels: zip(names, plan.normalizations).map { .init(name: $0, normalization: $1) }),
            settings: plan.settings, plan: plan)
    }
}
