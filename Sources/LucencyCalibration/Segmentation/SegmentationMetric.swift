/// What is measured of one class in one case.
public enum SegmentationMetric: String, CaseIterable, Hashable, Codable, Sendable {
    case dice, iou, recall, precision
    /// Hausdorff distance, and its 95th percentile.
    case hd, hd95
    /// Average surface distance from the prediction to the reference, and the symmetric one.
    case asd, assd
    /// Normalized surface distance at the tolerance.
    case nsd

    /// Whether it is a length, which may be infinite.
    public var isDistance: Bool { [.hd, .hd95, .asd, .assd].contains(self) }
}
