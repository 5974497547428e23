import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a data set is like: the facts from which a training is planned. Made by `FingerprintSurvey`.
///
/// Lengths are millimetres; statistics are rounded to six digits, so that they can be read.
public struct Fingerprint: Codable, Hashable, Sendable {
    /// How a number differs from case to case.
    public struct Spread: Codable, Hashable, Sendable {
        public var minimum: Double
        /// The tenth percentile.
        public var tenth: Double
        public var median: Double
        public var maximum: Double

        /// nil of nothing.
        init?(_ values: [Double]) {
            let sorted = values.sorted()
            guard let first = sorted.first, let last = sorted.last else { return nil }
            func quantile(_ fraction: Double) -> Double {
                let position = fraction * Double(sorted.count - 1), rank = Int(position)
                guard rank + 1 < sorted.count else { return sorted[rank] }
                return sorted[rank] + (position - Double(rank)) * (sorted[rank + 1] - sorted[rank])
            }
            (minimum, tenth, median, maximum) = (
                first.rounded(digits: 6), quantile(0.1).rounded(digits: 6), quantile(0.5).rounded(digits: 6),
                last.rounded(digits: 6)
            )
        }
    }

    /// Distances between pixels.
    public struct Spacings: Codable, Hashable, Sendable {
        /// Cases whose spacing a file or a person stated, and the others.
        public var stated: Int
        public var assumed: Int
        /// Cases with a stated spacing that is three times as large along one axis as along another.
        public var anisotropic: Int
        /// In mm along x, y (and z), of the cases that state it.
        public var axes: [Spread]
        /// What the images cover, in mm along x, y (and z), of the same cases.
        public var extents: [Spread]
    }

    /// How samples were stored, before anything was done to them.
    public struct Stored: Codable, Hashable, Sendable {
        /// Cases of each type: `uint8`; `unknown` where no file stands behind.
        public var types: [String: Int]
        /// Of all channels, as they come to the training.
        public var minimum: Double
        public var maximum: Double
    }

    /// The distribution of intensities over many pixels.
    public struct Intensities: Codable, Hashable, Sendable {
        public var pixels: Int
        public var mean: Double
        public var deviation: Double
        /// The 0.5th percentile, the median and the 99.5th percentile.
        public var low: Double
        public var median: Double
        public var high: Double
        /// Whether the percentiles are exact; else they are off by at most 0.2 percent.
        public var isExact: Bool
        /// Standard deviation of the cases' means: small beside `deviation` where all cases share a scale.
        public var betweenCases: Double
    }

    public struct Channel: Codable, Hashable, Sendable {
        public var name: String
        /// Over all pixels.
        public var all: Intensities
        /// Over pixels of a class other than 0; nil where there are none.
        public var foreground: Intensities?
    }

    public struct ClassSize: Codable, Hashable, Sendable {
        public var name: String
        public var value: Int
        /// Cases in which it occurs.
        public var cases: Int
        public var pixels: Int
        /// Of the labelled pixels of all cases.
        public var fraction: Double
        /// Connected parts (full connectivity); nil of class 0, which is not measured.
        public var objects: Int?
        /// Their median size in pixels, and where all cases state a spacing in `unit`.
        public var medianPixels: Double?
        public var medianSize: Double?
        /// `mm²` or `mm³`.
        public var unit: String?
    }

    public var cases: Int
    /// Cases of a single slice.
    public var planar: Int
    /// Pixels along x, y (and z where any case has slices).
    public var sizes: [Spread]
    /// Pixels of all cases together.
    public var pixels: Int
    public var spacings: Spacings
    /// What the channels are: `gray`, `rgb`.
    public var color: String
    public var stored: Stored
    public var channels: [Channel]
    /// Ascending; empty where no labels were given.
    public var classes: [ClassSize]
}

extension Double {
    /// The nearest number of so many significant decimal digits, up to 15.
    func rounded(digits: Int) -> Double {
        guard isFinite, self != 0 else { return self }
        // Powers of ten up to 10²² are exact, so the quotient is the number nearest to its decimal text.
        let exponent = digits - 1 - Int(log10(abs(self)).rounded(.down))
        guard abs(exponent) <= 22 else { return self }
        let scale = (0..<abs(exponent)).reduce(1.0) { scale, _ in scale * 10 }
        return exponent >= 0 ? (self * scale).rounded() / scale : (self / scale).rounded() * scale
    }
}
