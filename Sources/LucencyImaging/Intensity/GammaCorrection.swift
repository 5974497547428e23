import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Power law: `white · (v / white)^gamma`; below 1 brightens, above 1 darkens. Alpha is untouched.
public struct GammaCorrection: Sendable {
    public var gamma: Double
    /// The value that stays as it is, with 0. nil: of the stored type (255 for bytes), 1 for others.
    public var white: Double?

    public init(_ gamma: Double = 1, white: Double? = nil) {
        self.gamma = gamma
        self.white = white
    }

    /// - Throws: `Diagnostic` when gamma or white is not positive, or a value is negative.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        let white = self.white ?? image.storedWhite, gamma = gamma
        guard gamma > 0, gamma.isFinite, white > 0, white.isFinite else {
            throw Diagnostic(.badArgument, "a gamma of \(gamma) with white \(white) is not possible")
        }
        let least = image.pixels.withUnsafeBufferPointer {
            Moments.extremes(of: UnsafeBufferPointer(rebasing: $0[..<(image.colors * image.size.count)])).low
        }
        guard least >= 0 else {
            throw Diagnostic(
                .badArgument, "the smallest value is \(least), and negative values have no power",
                remedy: "normalize to 0...1 first")
        }
        return try image.mappingColors(pool: pool) { white * pow($0 / white, gamma) }
    }
}

/// Turns bright and dark around: every value `v` becomes `low + high − v`. Alpha is untouched.
public struct Invert: Sendable {
    /// The value that becomes `high`. nil: the least of the stored type, 0 where that is no whole number.
    public var low: Double?
    /// The value that becomes `low`. nil: the greatest of the stored type, 1 where that is no whole number.
    public var high: Double?

    public init(low: Double? = nil, high: Double? = nil) {
        self.low = low
        self.high = high
    }

    /// - Throws: `Diagnostic` when the range is empty or not finite.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        let low = self.low ?? image.origin?.stored.integerRange?.lowerBound ?? 0
        let high = self.high ?? image.storedWhite
        guard low < high, low.isFinite, high.isFinite else {
            throw Diagnostic(.badArgument, "the range \(low)...\(high) is empty")
        }
        let sum = low + high
        let turned = try image.mappingColors(pool: pool) { sum - $0 }
        // Whole numbers stay whole, so the image can be stored as it was.
        return try Image(
            geometry: turned.geometry, colorModel: turned.colorModel, pixels: turned.pixels,
            origin: sum == sum.rounded() ? image.origin : turned.origin)
    }
}
