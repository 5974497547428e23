import LucencyFoundation
import LucencyNetworks

/// How a channel's intensities come to a common scale, from what the fingerprint says of it.
///
/// - Colours of 8 bits have a scale of their own: 0...255 becomes 0...1.
/// - Where a number means the same in every case, as in CT, it must go on meaning the same: cut at the foreground's 0.5th and
///   99.5th percentile, then the foreground's mean and deviation (Isensee et al. 2021). Hounsfield units show by air far below
///   zero; other gray images count as such when more than 8 bits deep and the cases' means hardly differ.
/// - Everything else gets mean 0 and deviation 1 case by case.
struct IntensityRule {
    let normalization: Preprocessing.Normalization
    let why: String

    /// A case below this has Hounsfield units: air is at -1000.
    private static let air = -500.0
    /// Cases' means that differ by less than this part of the deviation speak for one scale.
    private static let sharedScale = 0.15
    /// Fewer cases say nothing about that.
    private static let fewestCases = 4

    init(_ fingerprint: Fingerprint, channel: Int) {
        let channel = fingerprint.channels[channel]
        let isByte = fingerprint.stored.types.keys.allSatisfy { $0 == "uint8" }
        let measured = channel.foreground ?? channel.all
        let standard = Preprocessing.Normalization.standard(
            mean: measured.mean, deviation: measured.deviation, low: measured.low, high: measured.high)
        let isUsable = measured.deviation > 0 && measured.low < measured.high
        let part = measured.deviation > 0 ? measured.betweenCases / measured.deviation : 1
        let percent = Int((100 * part).rounded())
        if fingerprint.color.hasPrefix("rgb"), isByte || fingerprint.holdsBytes {
            normalization = .window(low: 0, high: 255)
            why = "colours of 8 bits have a scale of their own"
        } else if isUsable, fingerprint.color == "gray", channel.all.low <= Self.air {
            normalization = standard
            why =
                "values down to \(JSONValue.number(channel.all.low).text) are Hounsfield units, which mean the same in every case"
        } else if isUsable, fingerprint.color == "gray", !isByte, !fingerprint.holdsBytes,
            fingerprint.cases >= Self.fewestCases, part <= Self.sharedScale
        {
            normalization = standard
            why =
                "the cases share a scale: their means differ by \(percent) % of the deviation between pixels"
        } else {
            normalization = .zScore
            why =
                part > Self.sharedScale
                ? "the scale differs from case to case: their means by \(percent) % of the deviation between pixels"
                : "nothing says that a number means the same in every case"
        }
    }
}

extension Fingerprint {
    /// Whether values look like those of 8 bits: from 0 or more, above 1, up to 255.
    fileprivate var holdsBytes: Bool { stored.minimum >= 0 && stored.maximum > 1 && stored.maximum <= 255 }
}
