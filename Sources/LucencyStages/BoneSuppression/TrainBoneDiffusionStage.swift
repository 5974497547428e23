import LucencyNetworks
import LucencyPipeline

extension CollectorDescriptor {
    static let trainBoneDiffusion = CollectorDescriptor(
        "train.bone-diffusion", "Trains latent diffusion to draw a film's soft tissue (BS-LDM).",
        prototype: BoneDiffusionTraining(), source: "Sun et al. 2025 (BS-LDM)", isRandom: true, usesKernels: true,
        groups: [BoneDiffusionTraining.group], outputs: ["model", "record"],
        parameters: BoneDiffusionTraining.parameters, check: { try $0.check() },
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: {
            (stage: BoneDiffusionTraining, pairs: [LatentPair], context: StageContext)
                throws -> (ModelFile, RecordValue)
            in try stage(pairs, context)
        })
}
