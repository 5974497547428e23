import LucencyFoundation
import LucencyTensor

/// Noise with a part that is the same over all of a channel (BS-LDM, after an idea of Guttenberg 2023): without it a
/// diffusion network hardly learns to change an image's overall brightness.
public struct OffsetNoise: Hashable, Sendable {
    /// λ, the standard deviation of the common part; BS-LDM takes 0.1.
    public var strength: Double

    public init(strength: Double = 0.1) { self.strength = strength }

    /// ε = εg + λ · εb.
    /// - Parameters:
    ///   - gaussian: N, C, spatial. - offsets: N, C, 1…
    /// - Throws: `Diagnostic` when shapes do not fit.
    public func callAsFunction(_ gaussian: Tensor, offsets: Tensor) throws(Diagnostic) -> Tensor {
        let rows = gaussian.shape.dimensions.prefix(2).reduce(1, *)
        guard gaussian.shape.rank >= 2, offsets.shape.count == rows, rows > 0 else {
            throw Diagnostic(.shapeMismatch, "offsets of \(offsets.shape) do not go with noise of \(gaussian.shape)")
        }
        let pixels = max(1, gaussian.shape.count / rows), strength = Float(strength)
        return gaussian.combined(with: gaussian) { index, x, _ in x + strength * offsets.buffer[index / pixels] }
    }

    /// Noise of a shape from a stream.
    /// - Throws: `Diagnostic` when the shape has no channels.
    public func draw(_ shape: Shape, from stream: inout PhiloxStream) throws(Diagnostic) -> Tensor {
        let gaussian = Tensor.normal(shape, from: &stream)
        guard strength > 0 else { return gaussian }
        let offsets = try Tensor.normal(Shape(Array(shape.dimensions.prefix(2))), from: &stream)
        return try self(gaussian, offsets: offsets)
    }
}
