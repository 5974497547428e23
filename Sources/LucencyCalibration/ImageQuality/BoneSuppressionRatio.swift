import LucencyFoundation

/// How much of a radiograph's bone is gone, BSR, as the code of BS-LDM computes it (Sun et al., "BS-LDM: effective bone
/// suppression in high-resolution chest X-ray images with conditional latent diffusion models", 2024).
///
/// With a radiograph c, its true soft tissue s and an output o, which is first shifted to the mean of s:
/// `1 − Σ max(s − o, 0)² / Σ (c − s)²`. Only what is too dark counts against an output, so bone that is left too bright is not
/// punished: `twoSided` counts both. An untouched radiograph already scores 0.66...0.89 on public images: state
/// `unsuppressed` beside any other.
public struct BoneSuppressionRatio: Hashable, Sendable {
    /// As published.
    public var ratio: Double
    /// The same with differences to either side.
    public var twoSided: Double
    /// The published ratio of the radiograph itself.
    public var unsuppressed: Double

    /// - Throws: `Diagnostic` when the planes differ in size, or the radiograph is the soft tissue: there is no bone.
    public init(
        radiograph: QualityPlane, softTissue: QualityPlane, output: QualityPlane
    ) throws(Diagnostic) {
        try radiograph.requireSize(of: softTissue)
        try output.requireSize(of: softTissue)
        var bone = 0.0
        for (c, s) in zip(radiograph.values, softTissue.values) { bone += (c - s) * (c - s) }
        guard bone > 0 else {
            throw Diagnostic(
                .undefinedResult, "the radiograph and its soft tissue are the same, so there is no bone to suppress")
        }
        let (dark, both) = Self.errors(output.values, softTissue.values)
        ratio = 1 - dark / bone
        twoSided = 1 - both / bone
        unsuppressed = 1 - Self.errors(radiograph.values, softTissue.values).dark / bone
    }

    /// Sums of squares of what is too dark, and of all differences, after a shift to the same mean.
    private static func errors(_ output: [Double], _ truth: [Double]) -> (dark: Double, both: Double) {
        var shift = 0.0
        for (o, s) in zip(output, truth) { shift += s - o }
        shift /= Double(truth.count)
        var dark = 0.0, both = 0.0
        for (o, s) in zip(output, truth) {
            let gap = s - (o + shift)
            both += gap * gap
            if gap > 0 { dark += gap * gap }
        }
        return (dark, both)
    }
}
