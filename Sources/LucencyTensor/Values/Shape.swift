import LucencyFoundation

/// The extents of a tensor, outermost first: images are N, C, H, W, volumes N, C, D, H, W. A scalar has none.
public struct Shape: Hashable, Sendable {
    /// No tensor has more elements: far beyond any memory, and far below where `Int` arithmetic overflows.
    public static let maximumCount = 1 << 40

    public let dimensions: [Int]
    /// The product of the dimensions.
    public let count: Int

    /// - Throws: `Diagnostic` for a dimension below 1, or more than 2⁴⁰ elements.
    public init(_ dimensions: [Int]) throws(Diagnostic) {
        var count = 1
        for dimension in dimensions {
            guard dimension > 0, dimension <= Self.maximumCount / count else {
                throw Diagnostic(.shapeMismatch, "\(dimensions) is not the shape of a tensor")
            }
            count *= dimension
        }
        self.dimensions = dimensions
        self.count = count
    }

    /// The shape of a single number.
    public static let scalar = Shape(trusted: [])

    /// A shape whose dimensions are known to be sound.
    package init(trusted dimensions: [Int]) {
        self.dimensions = dimensions
        count = dimensions.reduce(1, *)
    }

    public var rank: Int { dimensions.count }

    /// The extent of a dimension, which must exist.
    public subscript(index: Int) -> Int { dimensions[index] }

    // MARK: Images: N, C, then one to three spatial dimensions

    /// Number of images; 1 for a scalar.
    package var images: Int { dimensions.first ?? 1 }
    /// Number of channels; 1 where there is no such dimension.
    package var channels: Int { rank > 1 ? dimensions[1] : 1 }
    /// The extents behind the channels.
    package var spatial: [Int] { Array(dimensions.dropFirst(2)) }
    /// Pixels or voxels of one channel of one image.
    package var pixels: Int { dimensions.dropFirst(2).reduce(1, *) }
    /// Depth, height, width; missing outer ones are 1.
    package var volume: (depth: Int, height: Int, width: Int) {
        let s = spatial
        return (s.count > 2 ? s[s.count - 3] : 1, s.count > 1 ? s[s.count - 2] : 1, s.last ?? 1)
    }

    /// The same shape with other channels.
    package func with(channels: Int) throws(Diagnostic) -> Shape {
        var copy = dimensions
        copy[1] = channels
        return try Shape(copy)
    }
}

extension Shape: CustomStringConvertible {
    /// `[2, 3, 16, 16]`.
    public var description: String { "\(dimensions)" }
}

/// How a tensor's numbers lie in memory.
///
/// The engine's convolutions work on `blocked`; everything that a caller sees is `plain`. Plans insert the conversions.
package enum Layout: Hashable, Sendable {
    /// Row-major.
    case plain
    /// N, ⌈C/16⌉, spatial, 16: the channels of a pixel lie together in blocks of 16. Lanes beyond C hold 0.
    case blocked

    package static let lanes = 16

    /// Floats that a shape takes.
    package func count(_ shape: Shape) -> Int {
        switch self {
        case .plain: shape.count
        case .blocked: shape.images * imageCount(shape)
        }
    }

    /// Floats that one image of a shape takes.
    package func imageCount(_ shape: Shape) -> Int {
        switch self {
        case .plain: shape.count / shape.images
        case .blocked: (shape.channels + Self.lanes - 1) / Self.lanes * Self.lanes * shape.pixels
        }
    }
}

/// The product of counts, or the largest number where there is none as large.
package func saturatingProduct(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
        let (value, overflow) = product.multipliedReportingOverflow(by: factor)
        return overflow ? .max : value
    }
}

/// The sum of counts, or the largest number where there is none as large.
package func saturatingSum(_ terms: some Sequence<Int>) -> Int {
    terms.reduce(0) { sum, term in
        let (value, overflow) = sum.addingReportingOverflow(term)
        return overflow ? .max : value
    }
}
