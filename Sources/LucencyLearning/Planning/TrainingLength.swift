import LucencyFoundation

/// How long to train, and how often to validate, so that both fit a time.
struct TrainingLength: Hashable {
    let steps: Int
    let patchesPerCase: Int
    let validationInterval: Int
    /// All of it, validations included.
    let seconds: Double

    /// Fewer steps teach a network nothing worth having.
    static let fewestSteps = 250
    /// Larger patches, batches or networks must leave so many.
    static let enoughSteps = 1000
    /// nnU-Net's: 1000 epochs of 250 (Isensee et al. 2021).
    static let mostSteps = 250_000
    /// More epochs would mostly write checkpoints.
    private static let mostEpochs = 100
    /// Part of the time that validation may take.
    private static let validationShare = 0.2

    /// What decides it.
    struct Frame: Hashable {
        var budget: Double
        var cases: Int
        var batch: Int
        /// Seconds of a step and of one validation.
        var step: Double
        var validation: Double
    }

    /// nil where the time is too short.
    init?(_ frame: Frame, stated: StatedSettings) {
        let isOpen = stated.steps == nil && stated.epochs == nil
        func stepsPerEpoch(_ patches: Int) -> Int { max(1, (frame.cases * patches + frame.batch - 1) / frame.batch) }
        var steps = min(Self.mostSteps, Int(min(frame.budget / frame.step, 1e9)))
        if let epochs = stated.epochs { steps = epochs * stepsPerEpoch(stated.patchesPerCase ?? 1) }
        if let given = stated.steps { steps = given }
        while true {
            guard steps >= (isOpen ? Self.fewestSteps : 1) else { return nil }
            let seen = frame.cases * Self.mostEpochs
            let patches =
                stated.patchesPerCase ?? (isOpen ? min(10_000, max(1, (steps * frame.batch + seen - 1) / seen)) : 1)
            let pass = stepsPerEpoch(patches)
            // Whole epochs where there is more than one.
            let length = isOpen && steps > pass ? steps / pass * pass : steps
            let epochs = (length + pass - 1) / pass
            let allowed = max(1, Int(min(Self.validationShare * frame.budget / max(frame.validation, 1e-9), 1e9)))
            let interval = stated.validationInterval ?? max(1, (epochs + allowed - 1) / allowed)
            let validations = (epochs + interval - 1) / interval
            let total = Double(length) * frame.step + Double(validations) * frame.validation
            if total <= frame.budget {
                (self.steps, patchesPerCase, validationInterval, seconds) = (length, patches, interval, total)
                return
            }
            guard isOpen else { return nil }
            steps = min(length - 1, Int(Double(length) * frame.budget / total))
        }
    }
}
