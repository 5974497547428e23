import LucencyFoundation
import LucencyTensor

/// Which pixels lie at a boundary between classes.
public enum LabelBoundaryForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// Where a 3 × 3 Sobel filter of some class's mask answers, slice by slice: as published. The answer can cancel in the
    /// middle of a line that is one pixel wide.
    case sobel
    /// Where any of the 8 neighbours, in a volume 26, has another class.
    case change
}

/// What labels beyond the frame are taken for.
public enum LabelBoundaryFrame: String, Codable, Hashable, Sendable, CaseIterable {
    /// The nearest ones within.
    case replicate
    /// No class, so that the whole frame is a boundary: as published.
    case zero
}

/// Finds the pixels at boundaries of label maps.
package struct LabelBoundary: Hashable, Sendable {
    package var form = LabelBoundaryForm.sobel
    package var frame = LabelBoundaryFrame.replicate

    package init(_ form: LabelBoundaryForm = .sobel, frame: LabelBoundaryFrame = .replicate) {
        (self.form, self.frame) = (form, frame)
    }

    private static let none: Float = -1

    /// - Parameter labels: N, (z,) y, x; class numbers.
    /// - Returns: the same shape; 1 at boundaries, else 0.
    package func callAsFunction(_ labels: Tensor) -> Tensor {
        let spatial = labels.shape.dimensions.dropFirst(), width = spatial.last ?? 1
        let height = spatial.dropLast().last ?? 1
        let depth = spatial.dropLast(2).last ?? 1
        let slices = labels.shape.count / max(1, width * height)
        return Tensor(trusted: labels.shape) { out in
            labels.buffer.withUnsafeBufferPointer { labels in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: 27) { near in
                    guard let base = labels.baseAddress, let near = near.baseAddress else { return }
                    for slice in 0..<slices {
                        let volume = base + (slice / depth) * depth * height * width
                        let z = slice % depth, first = slice * height * width
                        let isVolume = form == .change && depth > 1
                        for y in 0..<height {
                            for x in 0..<width {
                                var count = 0
                                for dz in isVolume ? -1...1 : 0...0 {
                                    for dy in -1...1 {
                                        for dx in -1...1 {
                                            near[count] = label(
                                                volume, (x &+ dx, y &+ dy, z &+ dz), (width, height, depth))
                                            count &+= 1
                                        }
                                    }
                                }
                                out[first &+ y &* width &+ x] = isBoundary(near, count) ? 1 : 0
                            }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func label(
        _ volume: UnsafePointer<Float>, _ place: (x: Int, y: Int, z: Int), _ size: (x: Int, y: Int, z: Int)
    ) -> Float {
        let x = min(max(place.x, 0), size.x &- 1), y = min(max(place.y, 0), size.y &- 1)
        let z = min(max(place.z, 0), size.z &- 1)
        if frame == .zero, x != place.x || y != place.y || z != place.z { return Self.none }
        return volume[(z &* size.y &+ y) &* size.x &+ x]
    }

    /// - Parameter near: a pixel in the middle of its neighbours.
    @inline(__always)
    private func isBoundary(_ near: UnsafePointer<Float>, _ count: Int) -> Bool {
        let middle = near[count / 2]
        switch form {
        case .change:
            for index in 0..<count where near[index] != middle { return true }
            return false
        case .sobel:
            // The filter does not look at the middle, so that only equal neighbours make it silent at once.
            for index in 0..<9 where index != 4 && near[index] != near[0] { return answers(near) }
            return false
        }
    }

    /// Whether the Sobel filter of any class's mask answers.
    private func answers(_ near: UnsafePointer<Float>) -> Bool {
        for index in 0..<9 where index != 4 && near[index] != Self.none {
            let number = near[index]
            func mask(_ place: Int) -> Int { near[place] == number ? 1 : 0 }
            let right = mask(2) + 2 * mask(5) + mask(8), left = mask(0) + 2 * mask(3) + mask(6)
            let lower = mask(6) + 2 * mask(7) + mask(8), upper = mask(0) + 2 * mask(1) + mask(2)
            if right != left || lower != upper { return true }
        }
        return false
    }
}
