import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A small filter that is not learned: an array of numbers over 1 to 3 dimensions.
public struct FilterKernel: Hashable, Sendable {
    /// Extents, outermost first.
    public let size: [Int]
    /// Row-major.
    public let weights: [Float]

    /// - Throws: `Diagnostic` when the number of weights is not that of the extents.
    public init(size: [Int], weights: [Float]) throws(Diagnostic) {
        guard (1...3).contains(size.count), try Shape(size).count == weights.count else {
            throw Diagnostic(.shapeMismatch, "\(weights.count) weights do not fill a filter of \(size)")
        }
        self.size = size
        self.weights = weights
    }

    private init(trusted size: [Int], _ weights: [Float]) {
        self.size = size
        self.weights = weights
    }

    /// A normal distribution cut off at 3 σ (or `radius`), with sum 1.
    /// - Parameter deviation: σ in pixels, positive.
    /// - Throws: `Diagnostic` when σ or the radius is not possible.
    public static func gaussian(
        deviation: Double, dimensions: Int = 2, radius: Int? = nil
    ) throws(Diagnostic) -> FilterKernel {
        guard deviation > 0, deviation < 1000, (1...3).contains(dimensions) else {
            throw Diagnostic(.badArgument, "a Gaussian filter of σ = \(deviation) in \(dimensions) dimensions")
        }
        let radius = radius ?? max(1, Int((3 * deviation).rounded(.up)))
        guard (0...100).contains(radius) else {
            throw Diagnostic(.badArgument, "a filter of radius \(radius) is too large")
        }
        var row = (-radius...radius).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
        let sum = row.reduce(0, +)
        row = row.map { $0 / sum }
        var weights = [1.0]
        for _ in 0..<dimensions { weights = weights.flatMap { outer in row.map { outer * $0 } } }
        return FilterKernel(
            trusted: Array(repeating: 2 * radius + 1, count: dimensions), weights.map { Float($0) })
    }

    /// The derivative along x (rightwards) of Sobel: a central difference smoothed across, over 8.
    public static let sobelX = FilterKernel(
        trusted: [3, 3], [-1, 0, 1, -2, 0, 2, -1, 0, 1].map { $0 / 8 })
    /// The derivative along y (downwards) of Sobel.
    public static let sobelY = FilterKernel(
        trusted: [3, 3], [-1, -2, -1, 0, 0, 0, 1, 2, 1].map { $0 / 8 })
}

extension Tape {
    /// Every channel filtered by itself with fixed weights; the size stays. As in all convolutions here, the filter is not
    /// mirrored.
    /// - Parameters:
    ///   - x: N, C and as many dimensions as the filter has.
    ///   - paddingMode: what lies beyond the edge.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or for a filter with an even extent.
    public func fixedFilter(
        _ x: Value, _ filter: FilterKernel, paddingMode: PaddingMode = .replicate
    ) throws(Diagnostic) -> Value {
        guard filter.size.allSatisfy({ $0 % 2 == 1 }), x.shape.rank == filter.size.count + 2 else {
            throw Diagnostic(
                .shapeMismatch,
                "a filter of \(filter.size) needs odd extents and a tensor of as many dimensions, found "
                    + "\(x.shape)")
        }
        let channels = x.shape.channels
        let numbers = (0..<channels).flatMap { _ in filter.weights }
        let weights = constant(try Tensor([channels, 1] + filter.size, numbers))
        return try convolution(
            x, weights: weights, window: ConvolutionWindow(kernel: filter.size, paddingMode: paddingMode),
            groups: channels)
    }
}
