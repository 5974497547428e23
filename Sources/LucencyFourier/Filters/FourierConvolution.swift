import LucencyFoundation
import LucencyImaging

/// Convolves with a kernel of any size, by Fourier transforms: the cost does not depend on the kernel. Each channel is
/// convolved by itself; alpha is untouched.
public struct FourierConvolution: Sendable {
    public var kernel: PointSpread
    public var border: Border
    /// What lies beyond a constant border; nil for the channel's mean.
    public var borderValue: Double?

    public init(_ kernel: PointSpread, border: Border = .reflect, borderValue: Double? = nil) {
        self.kernel = kernel
        self.border = border
        self.borderValue = borderValue
    }

    /// - Throws: `Diagnostic` when the kernel does not fit the grid.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        let kernel = try kernel.kernel(in: image.geometry)
        let grid = try PaddedGrid(image.size, reach: kernel.extent, border: border)
        let transfer = try kernel.spectrum(on: grid.padded, pool: pool)
        let sum = kernel.values.reduce(0, +)
        return try image.filteringChannels(grid, pool: pool) { mean in
            (offset: mean, base: sum * mean, outside: borderValue ?? mean)
        } through: {
            $0.multiply(by: transfer, pool: pool)
        }
    }
}
