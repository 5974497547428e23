import LucencyFoundation

extension Image {
    /// How many channels are not alpha.
    package var colors: Int { channels - (colorModel.hasAlpha ? 1 : 0) }

    /// The value of white: the greatest of the stored type where that is whole numbers, else 1.
    package var storedWhite: Double { origin?.stored.integerRange?.upperBound ?? 1 }

    /// The image with a function applied to every value but alpha.
    package func mappingColors(
        pool: ThreadPool, _ function: @Sendable (Double) -> Double
    ) throws(Diagnostic) -> Image {
        let count = colors * size.count
        var pixels = pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            nonisolated(unsafe) let pixels = pixels
            let block = 1 << 14
            pool.forEach((count + block - 1) / block) { (task: Int) in
                for i in task * block..<min(count, (task + 1) * block) {
                    pixels[i] = Float(function(Double(pixels[i])))
                }
            }
        }
        return try Image(geometry: geometry, colorModel: colorModel, pixels: pixels, origin: origin?.rescaled)
    }

    /// The image with every channel but alpha replaced by what `change` writes.
    package func mappingChannels(
        _ change: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws -> Image {
        let count = size.count
        let changed = try pixels.withUnsafeBufferPointer { source in
            try AlignedBuffer<Float>(count: source.count) { target in
                for channel in 0..<channels {
                    let range = channel * count..<(channel + 1) * count
                    let from = UnsafeBufferPointer(rebasing: source[range])
                    let to = UnsafeMutableBufferPointer(rebasing: target[range])
                    if channel < colors { try change(from, to) } else { _ = to.initialize(from: from) }
                }
            }
        }
        return try Image(geometry: geometry, colorModel: colorModel, pixels: changed, origin: origin?.rescaled)
    }
}
