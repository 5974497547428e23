import LucencyFoundation

/// Augmentations in order.
///
/// First all parameters are drawn, from random streams that depend on the seed, the step, the item and the kind of
/// augmentation alone; then they are applied, which is free of chance. So neither the number of workers nor their order
/// changes a byte, and a changed setting leaves the draws of other augmentations as they were.
public struct AugmentationPipeline: Codable, Hashable, Sendable {
    public var augmentations: [Augmentation]

    public init(_ augmentations: [Augmentation] = []) {
        self.augmentations = augmentations
    }

    /// - Throws: `DiagnosticList` with all that is wrong for samples of this form.
    public func check(for form: SampleForm) throws(DiagnosticList) {
        var found: [Diagnostic] = []
        for (index, augmentation) in augmentations.enumerated() {
            do { try augmentation.component.check(for: form) } catch { found.append(error) }
            if case .spatial = augmentation, index > 0 {
                found.append(
                    Diagnostic(
                        .badArgument, "augmentation 'spatial' stands at place \(index + 1)",
                        remedy: "put one first: it happens while the patch is cut from its image"))
            }
        }
        if !found.isEmpty { throw DiagnosticList(found) }
    }

    /// The parameters for one sample; augmentations that chance left out are missing.
    /// - Parameters:
    ///   - name: of the item, such as a patient or file.
    ///   - position: tells apart several samples of one item in one step.
    /// - Throws: `DiagnosticList` with all that is wrong for samples of this form.
    public func draw(
        seed: UInt64, step: Int, name: String, position: Int = 0, for form: SampleForm
    ) throws(DiagnosticList) -> [DrawnAugmentation] {
        try check(for: form)
        var seen: [String: Int] = [:]
        return augmentations.compactMap { augmentation in
            let kind = augmentation.name, occurrence = seen[kind, default: 0]
            seen[kind] = occurrence + 1
            var random = PhiloxStream(
                seed: seed, stream: "augmentation.\(kind).\(occurrence).\(step).\(name)", index: position)
            return augmentation.component.draw(from: &random, for: form)
        }
    }

    /// The sample after drawn augmentations.
    /// - Throws: `Diagnostic` when parameters do not fit the sample.
    public static func apply(_ drawn: [DrawnAugmentation], to sample: Sample) throws(Diagnostic) -> Sample {
        var sample = sample
        for augmentation in drawn { try augmentation.apply(to: &sample) }
        return sample
    }

    /// Cuts a patch and augments it. A spatial transform at the start is part of the cutting, so that it sees the image
    /// around the patch.
    /// - Throws: `Diagnostic` when parameters do not fit the case.
    public static func apply(
        _ drawn: [DrawnAugmentation], to patch: PatchDraw, of item: TrainingCase, by sampler: PatchSampler
    ) throws(Diagnostic) -> Sample {
        guard case .spatial(let transform)? = drawn.first else {
            return try apply(drawn, to: try sampler.cut(patch, from: item))
        }
        return try apply(Array(drawn.dropFirst()), to: try sampler.cut(patch, from: item, transform: transform))
    }

    /// The chain of nnU-Net v2 for samples of a form: the same order, probabilities and ranges as its trainer's
    /// (`nnUNetTrainer.get_training_transforms`, with batchgeneratorsv2; Isensee et al. 2021, Nature Methods 18).
    ///
    /// Differences: noise is drawn for each channel by itself; scaling is by how much things grow, not coordinates.
    /// Expects channels normalised to mean 0 and standard deviation 1.
    public static func nnUNet(for form: SampleForm) -> AugmentationPipeline {
        let size = form.size, sides = size.isPlanar ? [size.x, size.y] : [size.x, size.y, size.z]
        let longest = Double(sides.max() ?? 1)
        var spatial = SpatialTransform()
        if size.isPlanar {
            if longest > 1.5 * Double(sides.min() ?? 1) { spatial.rotation = Interval(-15, 15) }
        } else if longest > 3 * Double(size.z) {
            spatial.isInPlane = true
        } else {
            spatial.rotation = Interval(-30, 30)
        }
        var lowResolution = LowResolution()
        if spatial.isInPlane { lowResolution.axes = [.x, .y] }
        var inverted = Gamma()
        inverted.isInverted = true
        inverted.probability = 0.1
        return AugmentationPipeline([
            .spatial(spatial), .noise(GaussianNoise()), .blur(GaussianBlur()), .brightness(Brightness()),
            .contrast(Contrast()), .lowResolution(lowResolution), .gamma(inverted), .gamma(Gamma()), .flip(Flip()),
        ])
    }
}
