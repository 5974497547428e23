import LucencyFoundation

/// The gradient magnitude similarity deviation, GMSD (Xue, Zhang, Mou, Bovik, "Gradient magnitude similarity deviation: a highly
/// efficient perceptual image quality index", 2014): how unevenly an image's edges are disturbed. 0 for equal images.
///
/// On values of 0...255: means of 2 × 2 pixels, two apart; Prewitt gradients divided by 3, with zeros beyond the edge;
/// `Q = (2 mx my + T) / (mx² + my² + T)` of their magnitudes, T = 170; the standard deviation (divided by n) of Q over pixels.
public struct GradientDeviation: Hashable, Sendable {
    public init() {}

    /// - Parameter range: L of the values given, which are scaled to 0...255.
    /// - Throws: `Diagnostic` when the planes differ in size, a side is below 2 pixels, or the range is not positive.
    public func callAsFunction(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double
    ) throws(Diagnostic) -> Double {
        try test.requireSize(of: reference)
        guard range > 0, range.isFinite else {
            throw Diagnostic(
                .badArgument, "a data range of \(range) is not possible", remedy: "take 255 for bytes, or 1 for 0...1")
        }
        guard min(test.width, test.height) >= 2 else {
            throw Diagnostic(
                .badArgument, "GMSD needs 2 pixels a side, and the image has \(test.width) × \(test.height)")
        }
        let scale = 255 / range, threshold = 170.0
        let x = Self.magnitudes(test.evenlyHalved, scale: scale)
        let y = Self.magnitudes(reference.evenlyHalved, scale: scale)
        // Two passes: the deviation is small beside the mean.
        let similarities = zip(x, y).map { (2 * $0 * $1 + threshold) / ($0 * $0 + $1 * $1 + threshold) }
        let count = Double(similarities.count), mean = similarities.reduce(0, +) / count
        return (similarities.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }

    private static func magnitudes(_ plane: QualityPlane, scale: Double) -> [Double] {
        let width = plane.width, height = plane.height, long = width + 2
        // A frame of zeros stands for what lies beyond the edge.
        var framed = [Double](repeating: 0, count: long * (height + 2))
        for row in 0..<height {
            for column in 0..<width {
                framed[(row &+ 1) &* long &+ column &+ 1] = plane.values[row &* width &+ column] * scale
            }
        }
        var result = [Double](repeating: 0, count: width * height)
        framed.withUnsafeBufferPointer { v in
            for row in 0..<height {
                for column in 0..<width {
                    let a = row &* long &+ column, b = a &+ long, c = b &+ long
                    let across = v[a] + v[b] + v[c] - v[a &+ 2] - v[b &+ 2] - v[c &+ 2]
                    let down = v[a] + v[a &+ 1] + v[a &+ 2] - v[c] - v[c &+ 1] - v[c &+ 2]
                    result[row &* width &+ column] = (across * across + down * down).squareRoot() / 3
                }
            }
        }
        return result
    }
}

extension QualityPlane {
    /// As `halved`, with zeros beyond an odd edge instead of dropping it.
    fileprivate var evenlyHalved: QualityPlane {
        guard width % 2 == 1 || height % 2 == 1 else { return halved }
        let columns = width + width % 2, rows = height + height % 2
        var padded = [Double](repeating: 0, count: columns * rows)
        for row in 0..<height {
            for column in 0..<width { padded[row &* columns &+ column] = values[row &* width &+ column] }
        }
        return QualityPlane(checked: columns, rows, padded).halved
    }
}
