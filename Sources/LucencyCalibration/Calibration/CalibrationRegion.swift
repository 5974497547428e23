/// Which pixels of a case a number is about. Pixels whose reference is ignored belong to none.
public enum CalibrationRegion: String, CaseIterable, Hashable, Codable, Sendable {
    /// Every pixel; easy background dominates.
    case all
    /// Pixels that are foreground in the reference: the literature's convention. It cannot see false positives.
    case foreground
    /// Pixels that are foreground in the reference or in the prediction, so that false positives count: the headline.
    case foregroundUnion = "foreground-union"
    /// Pixels near a change of label in the reference, by the evaluation's `boundary` width.
    case boundary
    /// All others.
    case interior
    /// Pixels of a mask that was given.
    case mask

    /// The region in words, for tables and reports.
    public var definition: String {
        switch self {
        case .all: "every pixel that is not ignored"
        case .foreground: "pixels whose reference is not background (false positives are not seen)"
        case .foregroundUnion: "pixels that are not background in the reference or in the prediction"
        case .boundary: "pixels near a change of label in the reference"
        case .interior: "pixels that are not near a change of label in the reference"
        case .mask: "pixels of the mask that was given"
        }
    }
}
