import LucencyFoundation

/// Makes a one-channel image of a colour image.
///
/// Gray images are returned unchanged. Alpha is dropped from the result, after it has been used as `alpha` says.
public struct Gray: Sendable {
    public enum Method: Hashable, Sendable {
        /// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, section 2.5.1); for colour images only.
        case luminance
        /// The mean of all channels but alpha.
        case mean
        /// One channel, counted from 0; not alpha.
        case channel(Int)
    }

    /// What transparent pixels look like.
    public enum Alpha: String, CaseIterable, Hashable, Sendable {
        /// As if they were opaque.
        case ignore
        /// As seen on white or black paper: `gray·a + paper·(1 − a)`.
        case overWhite, overBlack
    }

    public var method: Method
    public var alpha: Alpha
    /// The value of white and of full opacity, for `overWhite` and `overBlack`. nil takes the greatest value of the stored
    /// integer type, or 1 for other images.
    public var white: Double?

    public init(_ method: Method = .luminance, alpha: Alpha = .ignore, white: Double? = nil) {
        self.method = method
        self.alpha = alpha
        self.white = white
    }

    /// - Throws: `Diagnostic` when the image has no such channel or no colours, or when opacity exceeds `white`.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        if image.colorModel == .gray {
            if case .channel(let index) = method, index != 0 { throw missing(index, 1) }
            return image
        }
        let weights = try weights(for: image.colorModel)
        let opacity = image.colorModel.hasAlpha && alpha != .ignore ? image.channels - 1 : nil
        let white = self.white ?? image.origin?.stored.integerRange?.upperBound ?? 1
        let paper = alpha == .overWhite ? white : 0
        guard white > 0, white.isFinite else { throw Diagnostic(.badArgument, "a white of \(white) is not possible") }
        if let opacity {
            let extremes = image.withChannel(opacity) { Moments.extremes(of: $0) }
            guard extremes.low >= 0, extremes.high <= white else {
                throw Diagnostic(
                    .badArgument, "opacity runs from \(extremes.low) to \(extremes.high), beyond 0...\(white)",
                    remedy: "give the value of white, or ignore alpha")
            }
        }
        let count = image.size.count
        let pixels = image.pixels.withUnsafeBufferPointer { source in
            AlignedBuffer<Float>(count: count) { target in
                nonisolated(unsafe) let source = source
                nonisolated(unsafe) let target = target
                let block = 1 << 16
                pool.forEach((count + block - 1) / block) { task in
                    for i in task * block..<min(count, (task + 1) * block) {
                        var value = 0.0
                        for (channel, weight) in weights { value += weight * Double(source[channel &* count &+ i]) }
                        if let opacity {
                            let share = Double(source[opacity &* count &+ i]) / white
                            value = value * share + paper * (1 - share)
                        }
                        target[i] = Float(value)
                    }
                }
            }
        }
        return try Image(geometry: image.geometry, pixels: pixels, origin: image.origin)
    }

    private func weights(for model: ColorModel) throws(Diagnostic) -> [(channel: Int, weight: Double)] {
        let colors = model.channelCount - (model.hasAlpha ? 1 : 0)
        switch method {
        case .luminance:
            if model == .grayAlpha { return [(0, 1)] }
            guard model == .rgb || model == .rgba else {
                throw Diagnostic(
                    .channelMismatch, "\(colors) channels that are not colours have no luminance",
                    remedy: "use `mean`, or choose a channel")
            }
            return [(0, 0.299), (1, 0.587), (2, 0.114)]
        case .mean: return (0..<colors).map { ($0, 1 / Double(colors)) }
        case .channel(let index):
            guard (0..<colors).contains(index) else { throw missing(index, colors) }
            return [(index, 1)]
        }
    }

    private func missing(_ index: Int, _ count: Int) -> Diagnostic {
        Diagnostic(.channelMismatch, "there is no channel \(index): the image has \(count), counted from 0")
    }
}
