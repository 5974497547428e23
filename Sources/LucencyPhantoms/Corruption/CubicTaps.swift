import LucencyImaging
import LucencyMorphology

/// Which pixels of a window of an axis each pixel of another window takes, and with what weight: cubic convolution with
/// a = −0.75 at pixel centres, the border repeated (OpenCV's and PyTorch's bicubic without anti-aliasing).
struct CubicTaps {
    /// Pixels of the window that is read.
    let length: Int
    /// Four per pixel, relative to the window that is read; −1 where they lie outside it, which counts as 0.
    private(set) var indices: [SIMD4<Int32>] = []
    private(set) var weights: [SIMD4<Float>] = []

    /// - Parameters:
    ///   - scale: pixels read per pixel made, over the whole axis.
    ///   - limit: pixels of the whole axis that is read.
    init(from source: Range<Int>, of limit: Int, to target: Range<Int>, scale: Double) {
        length = source.count
        for pixel in target {
            let place = (Double(pixel) + 0.5) * scale - 0.5, first = place.rounded(.down)
            let t = place - first
            func kernel(_ distance: Double) -> Float {
                let d = abs(distance), a = -0.75
                if d <= 1 { return Float(((a + 2) * d - (a + 3)) * d * d + 1) }
                return d < 2 ? Float((((d - 5) * d + 8) * d - 4) * a) : 0
            }
            weights.append(SIMD4(kernel(t + 1), kernel(t), kernel(1 - t), kernel(2 - t)))
            var at = SIMD4<Int32>(repeating: -1)
            for tap in 0..<4 {
                let index = min(max(Int(first) + tap - 1, 0), limit - 1)
                if source.contains(index) { at[tap] = Int32(index - source.lowerBound) }
            }
            indices.append(at)
        }
    }
}

/// An axis of a slice and the same axis enlarged.
struct AxisScale {
    let length: Int
    let enlargedLength: Int
    /// Enlarged pixels per pixel.
    private let scale: Double

    init(length: Int, factor: Double) {
        self.length = length
        enlargedLength = max(1, Int((Double(length) * factor).rounded()))
        scale = Double(enlargedLength) / Double(length)
    }

    /// The pixels that a mask from `first` to `last` can touch when it grows by `reach` enlarged pixels.
    func window(_ first: Int, _ last: Int, reach: Int) -> Range<Int> {
        let margin = Int((Double(reach + 4) / scale).rounded(.up)) + 4
        return max(0, first - margin)..<min(length, last + margin + 1)
    }

    func enlarged(_ window: Range<Int>) -> Range<Int> {
        let first = Int((Double(window.lowerBound) * scale).rounded(.down))
        let end = Int((Double(window.upperBound) * scale).rounded(.up))
        return max(0, min(first, enlargedLength - 1))..<min(enlargedLength, max(end, first + 1))
    }

    func enlarging(_ window: Range<Int>, to large: Range<Int>) -> CubicTaps {
        CubicTaps(from: window, of: length, to: large, scale: 1 / scale)
    }

    func shrinking(_ large: Range<Int>, to window: Range<Int>) -> CubicTaps {
        CubicTaps(from: large, of: enlargedLength, to: window, scale: scale)
    }
}
