import LucencyFoundation
import LucencyImaging

/// Keeps waves above, below or between given wavelengths.
///
/// A cut-off is a wavelength, and the response there is exactly ½ (amplitude, not power): with the low-pass response `L`
/// of `Profile`, the high-pass is `1 − L`, and the band-pass is `L(shortest)·(1 − L(longest))`, so that at either cut-off it
/// is half of what the other one lets through. Wavelengths in mm are the same distance in every direction, also where
/// pixels are not square; those in px count pixels along each axis. A volume is filtered in 3-D.
///
/// Each channel is filtered by itself; alpha is untouched.
public struct FrequencyFilter: Sendable {
    public enum Band: Hashable, Sendable {
        /// Keeps waves longer than the cut-off.
        case lowPass(Length)
        /// Keeps waves shorter than the cut-off.
        case highPass(Length)
        /// Keeps waves between the two wavelengths.
        case bandPass(shortest: Length, longest: Length)
    }

    public var band: Band
    public var profile: Profile
    public var border: Border
    /// What lies beyond a constant border; nil for the channel's mean.
    public var borderValue: Double?
    /// Adds the channel's mean back after a high-pass or band-pass, so that intensities stay in their usual range. A
    /// low-pass keeps the mean anyway.
    public var keepMean: Bool

    public init(
        _ band: Band, profile: Profile = .gaussian, border: Border = .reflect, borderValue: Double? = nil,
        keepMean: Bool = true
    ) {
        self.band = band
        self.profile = profile
        self.border = border
        self.borderValue = borderValue
        self.keepMean = keepMean
    }

    /// - Throws: `Diagnostic` when a cut-off is below 2 px, a metric one meets an assumed spacing, the band is empty or the
    ///   order is outside 1...20.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        let cutoffs = try cutoffs(in: image.geometry)
        let grid = try grid(for: image.geometry, cutoffs)
        let width = grid.padded.x / 2 + 1
        let filters = cutoffs.map { LowPass(profile, cutoff: $0, size: grid.padded) }
        let first = filters[0], last = filters[filters.count - 1]
        let band = band
        return try image.filteringChannels(grid, pool: pool) { mean in
            var base = mean
            if case .lowPass = band {} else if !keepMean { base = 0 }
            return (offset: mean, base: base, outside: borderValue ?? mean)
        } by: { y, z, row in
            switch band {
            case .lowPass: first.forEach(y, z, width) { row[$0] = Float($1) }
            case .highPass: first.forEach(y, z, width) { row[$0] = Float(1 - $1) }
            case .bandPass:
                first.forEach(y, z, width) { row[$0] = Float($1) }
                last.forEach(y, z, width) { row[$0] *= Float(1 - $1) }
            }
        }
    }

    private func grid(for geometry: Geometry, _ cutoffs: [SIMD3<Double>]) throws(Diagnostic) -> PaddedGrid {
        var longest = cutoffs[0]
        for cutoff in cutoffs { longest = pointwiseMax(longest, cutoff) }
        return try PaddedGrid(geometry.size, reach: longest * LowPass.reach(profile), border: border)
    }

    /// In pixels along x, y, z; the shortest first.
    private func cutoffs(in geometry: Geometry) throws(Diagnostic) -> [SIMD3<Double>] {
        switch band {
        case .lowPass(let cutoff), .highPass(let cutoff):
            return [try LowPass.pixels(of: cutoff, in: geometry, profile: profile)]
        case .bandPass(let shortest, let longest):
            let low = try LowPass.pixels(of: shortest, in: geometry, profile: profile)
            let high = try LowPass.pixels(of: longest, in: geometry, profile: profile)
            guard low.x < high.x, low.y < high.y, geometry.size.isPlanar || low.z < high.z else {
                throw Diagnostic(
                    .badArgument, "the band from \(shortest) to \(longest) is empty",
                    remedy: "give the shorter wavelength first")
            }
            return [low, high]
        }
    }
}

extension Image {
    /// Filters every channel but alpha by one real response, a row of which `response` writes.
    /// - Parameter shift: from a channel's mean, what to subtract before, what to add after, and what lies outside.
    func filteringChannels(
        _ grid: PaddedGrid, pool: ThreadPool,
        shift: (_ mean: Double) -> (offset: Double, base: Double, outside: Double),
        by response: @Sendable (_ y: Int, _ z: Int, _ row: UnsafeMutablePointer<Float>) -> Void
    ) throws -> Image {
        try filteringChannels(grid, pool: pool, shift: shift) { $0.multiply(by: response, pool: pool) }
    }

    /// Filters every channel but alpha by a change of its spectrum.
    /// - Parameter shift: from a channel's mean, what to subtract before, what to add after, and what lies outside.
    func filteringChannels(
        _ grid: PaddedGrid, pool: ThreadPool,
        shift: (_ mean: Double) -> (offset: Double, base: Double, outside: Double),
        through change: (inout Spectrum) throws -> Void
    ) throws -> Image {
        let count = size.count
        let result = try pixels.withUnsafeBufferPointer { source in
            try AlignedBuffer<Float>(count: source.count) { target in
                for channel in 0..<channels {
                    let range = channel * count..<(channel + 1) * count
                    let from = UnsafeBufferPointer(rebasing: source[range])
                    let to = UnsafeMutableBufferPointer(rebasing: target[range])
                    guard channel < colors else {
                        _ = to.update(from: from)
                        continue
                    }
                    let values = shift(Moments.mean(of: from, pool: pool))
                    try grid.filter(
                        from, into: to, subtracting: values.offset, adding: values.base, outside: values.outside,
                        pool: pool, through: change)
                }
            }
        }
        return try Image(transformed: result, geometry: geometry, colorModel: colorModel, origin: origin)
    }

    /// What a transform made of an image, which is finite.
    /// - Throws: `Diagnostic` when a value is not finite: the sums of a transform went beyond what float32 holds.
    init(
        transformed pixels: AlignedBuffer<Float>, geometry: Geometry, colorModel: ColorModel = .gray,
        origin: Origin? = nil
    ) throws(Diagnostic) {
        if pixels.firstNonFinite() != nil {
            throw Diagnostic(
                .notFinite, "the image's values are too large for a Fourier transform: its sums go beyond 3.4e38",
                remedy: "bring them to a common scale first: put a `normalize` stage before it")
        }
        try self.init(geometry: geometry, colorModel: colorModel, finitePixels: pixels, origin: origin)
    }
}
