import LucencyLearning
import LucencyNetworks
import LucencyPipeline

extension BoneDiffusionTraining {
    /// Few steps begin at noise alone, so that training must know it.
    fileprivate static var fewSteps: BoneDiffusionTraining {
        var training = BoneDiffusionTraining()
        (training.noise, training.prediction, training.endsInNoise) = (.scaledLinear, .velocity, true)
        training.distillation = DistillationTrainer.Settings()
        return training
    }

    fileprivate var later: DistillationTrainer.Settings {
        get { distillation ?? DistillationTrainer.Settings() }
        set { distillation = newValue }
    }
}

extension CollectorDescriptor {
    static let trainBoneDistilled = CollectorDescriptor(
        "train.bone-distilled",
        "Trains latent diffusion up a ladder of films with fewer bones, each rung the next one's teacher, for few steps.",
        prototype: BoneDiffusionTraining.fewSteps,
        source: "Noroozi et al. 2024 (YONOS-SR), with attenuated bones in place of magnifications", isRandom: true,
        usesKernels: true,
        groups: [BoneDiffusionTraining.group], outputs: ["model", "record"],
        parameters: BoneDiffusionTraining.parameters + [
            Parameter(
                "laterSteps", \.later.share, in: .above(0, upTo: 100),
                help: "Steps of each rung above the first, as a share of `steps`."),
            Parameter("laterRate", \.later.laterRate, in: .positive, help: "Highest learning rate of those rungs."),
            Parameter(
                "plain", \.later.isPlain,
                help:
                    "Let errors of the estimated image count alike at all times, rather than those at little noise more."
            ),
        ], check: { try $0.check() },
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: {
            (stage: BoneDiffusionTraining, pairs: [LatentPair], context: StageContext)
                throws -> (ModelFile, RecordValue)
            in try stage(pairs, context)
        })
}
