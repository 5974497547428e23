import LucencyFoundation
import LucencyImaging

/// The pixels of a case that something is fitted to.
struct RegionPixels: Sendable {
    private let region: CalibrationRegion
    /// The place of background among the classes.
    let background: Int
    /// The true class of each pixel, 255 where it is ignored.
    let truth: AlignedBuffer<UInt8>
    private let predicted: AlignedBuffer<UInt8>

    /// - Parameter labels: the label of each plane; empty: as the reference names the classes, or 0, 1, 2, ….
    /// - Throws: `Diagnostic` when the maps do not fit, a label has no class, or nothing is fitted to such a region.
    init(
        _ map: ProbabilityMap, _ reference: LabelMap, region: CalibrationRegion, labels: [Int32], background: Int32,
        ignoring: Int32?, pool: ThreadPool
    ) throws(Diagnostic) {
        try CalibrationEvaluation.require(map)
        try reference.geometry.requireMatch(map.geometry, "the probabilities and the reference")
        guard [.all, .foreground, .foregroundUnion].contains(region) else {
            throw Diagnostic(
                .badArgument, "a recalibration is not fitted to the region '\(region.rawValue)'",
                remedy: "take all, foreground or foreground-union")
        }
        let labels = PixelTruth.labels(labels, of: map.classes, in: reference)
        guard labels.count == map.classes.count, let place = labels.firstIndex(of: background) else {
            throw Diagnostic(
                .badLabel,
                "\(labels.count) labels for \(map.classes.count) classes, with \(background) as background, do not fit")
        }
        (self.region, self.background) = (region, place)
        truth = try PixelTruth(reference, labels: labels, ignoring: ignoring).classes
        predicted = PixelDecisions(map, pool: pool).classes
    }

    /// Whether a pixel is of the region and not ignored.
    @inline(__always)
    func contains(_ index: Int) -> Bool {
        guard truth[index] != PixelTruth.ignored else { return false }
        return region == .all || Int(truth[index]) != background
            || region == .foregroundUnion && Int(predicted[index]) != background
    }
}
