import LucencyFoundation

/// How alike two images are over several scales (Wang, Simoncelli and Bovik 2003): contrast and structure at each scale,
/// brightness at the last.
///
/// Gaussian windows of 11 pixels with σ = 1.5, only where they lie inside; scales by means of 2×2 pixels, odd rests dropped;
/// means that are negative count as 0.
public struct SimilarityScales: Hashable, Sendable {
    /// Exponents of the scales, the finest first.
    public var exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    /// The difference between the lowest and the highest possible value.
    public var range = 1.0

    public init(range: Double = 1) { self.range = range }

    /// The shortest side that it takes: 176 with five scales.
    public var shortestSide: Int { 11 << max(0, exponents.count - 1) }
}

extension Tape {
    /// The mean over the images and channels of a batch of their similarity over several scales, 0...1.
    /// - Parameters:
    ///   - a, b: N, C, height, width.
    /// - Throws: `Diagnostic` naming shapes that differ, or sides that are too short.
    public func multiScaleSimilarity(
        _ a: Value, _ b: Value, _ settings: SimilarityScales = SimilarityScales()
    ) throws(Diagnostic) -> Value {
        let shape = a.shape
        guard shape == b.shape, shape.rank == 4, shape.spatial.allSatisfy({ $0 >= settings.shortestSide }) else {
            throw Diagnostic(
                .shapeMismatch,
                "multi-scale-similarity: takes two equal batches of images whose sides are at least "
                    + "\(settings.shortestSide), found \(a.shape) and \(b.shape)",
                remedy: "take larger images, or leave this term out")
        }
        // Each image and channel by itself, as a batch of images with one channel.
        var x = try reshape(a, [shape[0] * shape[1], 1, shape[2], shape[3]])
        var y = try reshape(b, [shape[0] * shape[1], 1, shape[2], shape[3]])
        let c1 = Float(0.01 * settings.range * 0.01 * settings.range)
        let c2 = Float(0.03 * settings.range * 0.03 * settings.range)
        var product: Value?
        for (scale, exponent) in settings.exponents.enumerated() {
            if scale > 0 {
                x = try averagePooling(x, kernel: [2, 2])
                y = try averagePooling(y, kernel: [2, 2])
            }
            let meanX = try windowed(x), meanY = try windowed(y)
            let xx = try square(meanX), yy = try square(meanY), xy = try multiply(meanX, meanY)
            let varianceX = try subtract(windowed(square(x)), xx), varianceY = try subtract(windowed(square(y)), yy)
            let covariance = try subtract(windowed(multiply(x, y)), xy)
            var map = try divide(
                self.scale(covariance, by: 2, plus: c2), by: self.scale(add(varianceX, varianceY), by: 1, plus: c2))
            if scale == settings.exponents.count - 1 {
                let brightness = try divide(
                    self.scale(xy, by: 2, plus: c1), by: self.scale(add(xx, yy), by: 1, plus: c1))
                map = try multiply(map, brightness)
            }
            let factor = try power(mean(map, over: [1, 2, 3]), exponent)
            product = if let before = product { try multiply(before, factor) } else { factor }
        }
        guard let product else { throw Diagnostic(.badArgument, "multi-scale-similarity: there is no scale") }
        return try mean(product)
    }

    /// The Gaussian mean around each pixel whose window lies inside: along y, then along x.
    private func windowed(_ x: Value) throws(Diagnostic) -> Value {
        let row = try FilterKernel.gaussian(deviation: 1.5, dimensions: 1, radius: 5).weights
        let down = ConvolutionWindow(kernel: [11, 1], padding: 0),
            across = ConvolutionWindow(kernel: [1, 11], padding: 0)
        let columns = try convolution(x, weights: constant(Tensor([1, 1, 11, 1], row)), bias: nil, window: down)
        return try convolution(columns, weights: constant(Tensor([1, 1, 1, 11], row)), bias: nil, window: across)
    }
}
