import LucencyFoundation

/// Which intensities become black and which white when an image is looked at.
public enum DisplayWindow: Hashable, Sendable {
    /// Percent of the values, 0...100.
    case percentile(lower: Double, upper: Double)
    case fixed(low: Double, high: Double)

    /// The intensities of black and of white. The colours of an RGB image share one window; of other channels the first
    /// counts.
    /// - Throws: `Diagnostic` when the window is empty or the percentiles are not ascending.
    func limits(of image: Image) throws(Diagnostic) -> (Double, Double) {
        switch self {
        case .fixed(let low, let high):
            guard low < high, low.isFinite, high.isFinite else {
                throw Diagnostic(.badArgument, "the window \(low)...\(high) is empty")
            }
            return (low, high)
        case .percentile(let lower, let upper):
            guard lower >= 0, lower < upper, upper <= 100 else {
                throw Diagnostic(.badArgument, "the percentiles \(lower) and \(upper) are not ascending within 0...100")
            }
            let shown = image.colorModel == .rgb || image.colorModel == .rgba ? 3 : 1
            return image.pixels.withUnsafeBufferPointer {
                let quantiles = Quantiles([UnsafeBufferPointer(rebasing: $0[..<(shown * image.size.count)])])
                return (quantiles(lower / 100) ?? 0, quantiles(upper / 100) ?? 0)
            }
        }
    }

    /// An intensity as 0...255; a constant image is gray.
    static func level(_ value: Float, _ low: Double, _ high: Double) -> Double {
        guard high > low else { return Double(value) < low ? 0 : Double(value) > low ? 255 : 128 }
        return min(max((Double(value) - low) / (high - low), 0), 1) * 255
    }
}
