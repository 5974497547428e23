import LucencyFoundation
import LucencyTensor

/// What a teacher says of a batch, pixel by pixel.
package struct PseudoLabels: Sendable {
    /// N, spatial: the most likely class; of equals the lowest.
    package let labels: Tensor
    /// N, spatial: its probability q, in 1/C...1.
    package let confidence: Tensor

    /// - Parameter probabilities: N, C, spatial; each pixel's sum to 1.
    package init(_ probabilities: Tensor) {
        let shape = probabilities.shape, pixels = shape.pixels, classes = shape.channels
        let flat = Shape(trusted: [shape.images] + shape.spatial)
        var best = AlignedBuffer<Float>(repeating: 0, count: flat.count)
        confidence = Tensor(trusted: flat) { highest in
            probabilities.buffer.withUnsafeBufferPointer { all in
                best.withUnsafeMutableBufferPointer { best in
                    for image in 0..<shape.images {
                        for pixel in 0..<pixels {
                            let first = image &* classes &* pixels &+ pixel
                            var top = all[first], number = 0
                            for other in 1..<classes {
                                let value = all[first &+ other &* pixels]
                                if value > top { (top, number) = (value, other) }
                            }
                            highest[image &* pixels &+ pixel] = top
                            best[image &* pixels &+ pixel] = Float(number)
                        }
                    }
                }
            }
        }
        labels = Tensor(trusted: flat) { out in best.withUnsafeBufferPointer { _ = out.initialize(from: $0) } }
    }

    /// The mean of q over the pixels that count; nil where none does.
    /// - Parameter counted: N, spatial; below 0 where pixels do not count.
    package func meanConfidence(_ counted: Tensor) -> Double? {
        var sum = 0.0, count = 0
        confidence.buffer.withUnsafeBufferPointer { confidence in
            counted.buffer.withUnsafeBufferPointer { counted in
                for index in 0..<confidence.count where counted[index] >= 0 {
                    sum += Double(confidence[index])
                    count += 1
                }
            }
        }
        return count > 0 ? sum / Double(count) : nil
    }
}
