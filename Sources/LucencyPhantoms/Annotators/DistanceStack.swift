import LucencyFoundation
import LucencyImaging

/// The classes of an anatomy, in the order of their labels 1, 2, …, with each one's distance to its border at every
/// pixel. A class with a higher label lies in front of those with lower ones.
package struct DistanceStack: Sendable {
    package let organs: [String]
    package let size: GridSize
    /// Of the pixels, mm.
    package let spacing: SIMD3<Double>
    /// `organs × z × y × x` distances in mm, negative inside; infinite where the organ can never be.
    package let values: [Float]

    package init(organs: [String], size: GridSize, spacing: SIMD3<Double>, values: [Float]) {
        self.organs = organs
        self.size = size
        self.spacing = spacing
        self.values = values
    }

    /// The anatomy's own labels: the frontmost organ that a pixel's centre lies in, 0 where none.
    package var truth: [Int32] {
        var labels = [Int32](repeating: 0, count: size.count)
        values.withUnsafeBufferPointer { values in
            for organ in organs.indices {
                let start = organ * labels.count
                for i in labels.indices where values[start &+ i] < 0 { labels[i] = Int32(organ + 1) }
            }
        }
        return labels
    }
}
