import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// How intensities of an image become the numbers that a super-resolving network takes, and back.
struct ImageScale {
    /// Per channel: number = (intensity - offset) / unit, cut to `range` first.
    private struct Channel {
        let offset: Double
        let unit: Double
        let range: ClosedRange<Double>
    }

    private let channels: [Channel]
    /// Whether results are rounded, because intensities are whole numbers.
    private let isWhole: Bool

    /// - Parameters:
    ///   - white: the intensity that 1 stands for and 0 the other end; nil: what the model says, else what the image is
    ///     stored as.
    ///   - isWhole: whether intensities are whole numbers.
    /// - Throws: `Diagnostic` when neither says it, or the model's normalization has no way back.
    init(
        _ preprocessing: Preprocessing?, channels count: Int, origin: Origin?, white: Double?, isWhole: Bool
    ) throws(Diagnostic) {
        self.isWhole = isWhole
        if let white {
            guard white > 0, white.isFinite else {
                throw Diagnostic(.badArgument, "a white of \(white) is not possible")
            }
            channels = Array(repeating: Channel(offset: 0, unit: white, range: 0...white), count: count)
            return
        }
        guard let preprocessing else {
            guard let range = origin?.stored.integerRange, range.lowerBound == 0 else {
                throw Diagnostic(
                    .badArgument, "neither the model nor the image says which intensity is white",
                    remedy: "say it: `white: 255`")
            }
            let channel = Channel(offset: 0, unit: range.upperBound, range: range)
            channels = Array(repeating: channel, count: count)
            return
        }
        guard preprocessing.channels.count == count else {
            throw Diagnostic(
                .channelMismatch,
                "the model takes \(preprocessing.channels.count) channel(s) "
                    + "(\(preprocessing.channels.map(\.name).joined(separator: ", "))), the image has \(count)")
        }
        channels = try preprocessing.channels.map { channel throws(Diagnostic) in
            switch channel.normalization {
            case .window(let low, let high): return Channel(offset: low, unit: high - low, range: low...high)
            case .standard(let mean, let deviation, let low, let high):
                return Channel(offset: mean, unit: deviation, range: low...high)
            case .none: return Channel(offset: 0, unit: 1, range: 0...1)
            case .zScore, .percentile:
                throw Diagnostic(
                    .badArgument,
                    "channel '\(channel.name)' of the model is normalised by each image's own numbers, so its results "
                        + "have no intensities",
                    remedy: "train with `white`, or a window")
            }
        }
    }

    /// The network's numbers of planar intensities, 1, C, rows, width.
    func numbers(_ pixels: AlignedBuffer<Float>, _ shape: Shape) -> Tensor {
        let plane = shape.pixels
        return Tensor(trusted: shape) { target in
            pixels.withUnsafeBufferPointer { source in
                for (index, channel) in channels.enumerated() {
                    let low = Float(channel.range.lowerBound), high = Float(channel.range.upperBound)
                    let offset = Float(channel.offset), unit = Float(channel.unit)
                    for place in index * plane..<(index + 1) * plane {
                        target[place] = (min(max(source[place], low), high) - offset) / unit
                    }
                }
            }
        }
    }

    /// Intensities of the network's numbers, cut to the range and, of whole intensities, rounded.
    func intensities(_ numbers: Tensor) -> AlignedBuffer<Float> {
        let plane = numbers.shape.pixels
        return AlignedBuffer(count: numbers.shape.count) { target in
            numbers.buffer.withUnsafeBufferPointer { source in
                for (index, channel) in channels.enumerated() {
                    let low = Float(channel.range.lowerBound), high = Float(channel.range.upperBound)
                    let offset = Float(channel.offset), unit = Float(channel.unit)
                    for place in index * plane..<(index + 1) * plane {
                        let value = min(max(source[place] * unit + offset, low), high)
                        target[place] = isWhole ? value.rounded() : value
                    }
                }
            }
        }
    }
}
