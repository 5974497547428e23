import LucencyFoundation
import LucencyImaging

/// Keeps what lies within a mask: every pixel of the mask whose label is above 0, such as a camera's field of view.
public struct WithinMask: Sendable {
    /// What labels outside become.
    public enum Outside: String, CaseIterable, Hashable, Sendable {
        /// Label 0.
        case background
        /// A label that nobody judges.
        case ignore
    }

    public var outside: Outside
    /// What intensities outside become.
    public var value: Double

    public init(outside: Outside = .background, value: Double = 0) {
        self.outside = outside
        self.value = value
    }

    /// - Throws: `Diagnostic` when labels and mask do not lie on the same grid.
    public func callAsFunction(_ labels: LabelMap, mask: LabelMap) throws -> LabelMap {
        try labels.geometry.requireMatch(mask.geometry, "labels and mask")
        let beyond = outside == .background ? 0 : LabelMap.ignoreLabel
        var kept = labels.labels
        kept.withUnsafeMutableBufferPointer { kept in
            mask.labels.withUnsafeBufferPointer { mask in
                for i in 0..<kept.count where mask[i] <= 0 { kept[i] = beyond }
            }
        }
        return try LabelMap(geometry: labels.geometry, labels: kept, table: labels.table, origin: labels.origin)
    }

    /// Alpha is untouched.
    /// - Throws: `Diagnostic` when image and mask do not lie on the same grid, or the value is not finite.
    public func callAsFunction(_ image: Image, mask: LabelMap) throws -> Image {
        try image.geometry.requireMatch(mask.geometry, "image and mask")
        guard Float(value).isFinite else { throw Diagnostic(.badArgument, "a value of \(value) is not possible") }
        let value = Float(value), count = image.size.count, colors = image.colors
        var pixels = image.pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            mask.labels.withUnsafeBufferPointer { mask in
                for channel in 0..<colors {
                    for i in 0..<count where mask[i] <= 0 { pixels[channel &* count &+ i] = value }
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels,
            origin: value == value.rounded() ? image.origin : image.origin?.rescaled)
    }
}
