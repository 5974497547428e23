import LucencyFoundation
import LucencyTensor

/// What stands beyond the edge of an image that is enlarged to the size that a network wants.
public enum EdgeExtension: String, Codable, Hashable, Sendable, CaseIterable {
    case zeros
    /// The image mirrored, again and again where it is smaller than the margin; the edge pixel is not repeated.
    case mirrored

    /// Where position `index` of an axis, perhaps outside 0 ..< `size`, takes its number from; -1 stands for zero.
    func source(_ index: Int, _ size: Int) -> Int {
        if index >= 0, index < size { return index }
        if self == .zeros { return -1 }
        let period = max(1, 2 * (size - 1)), place = ((index % period) + period) % period
        return min(place, period - place)
    }
}

extension Tensor {
    /// Another arrangement of pixels: the pixel at (i, j, …) of the result is the one at (maps[0][i], maps[1][j], …) of
    /// this tensor, 0 where an entry is -1. One map per spatial dimension; entries must lie in the image.
    ///
    /// Crops, margins and mirror images are all of this kind.
    func rearranged(_ maps: [[Int]]) -> Tensor {
        let size = shape.volume
        let full = Array(repeating: [0], count: max(0, 3 - maps.count)) + maps
        let planes = shape.images * shape.channels, row = full[2]
        // A row that is taken in one piece, as in crops.
        let isRun = zip(row, row.dropFirst()).allSatisfy { $1 == $0 + 1 } && (row.first ?? -1) >= 0
        let target = Shape(trusted: [shape.images, shape.channels] + maps.map(\.count))
        return Tensor(trusted: target) { target in
            buffer.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, var to = target.baseAddress else { return }
                for plane in 0..<planes {
                    for z in full[0] {
                        for y in full[1] {
                            if z < 0 || y < 0 {
                                to.update(repeating: 0, count: row.count)
                            } else {
                                let line = from + ((plane &* size.depth &+ z) &* size.height &+ y) &* size.width
                                if isRun {
                                    to.update(from: line + row[0], count: row.count)
                                } else {
                                    for (index, x) in row.enumerated() { to[index] = x < 0 ? 0 : line[x] }
                                }
                            }
                            to += row.count
                        }
                    }
                }
            }
        }
    }

    /// The image with margins: `before` pixels in front of each axis, and so many behind that the result has `size`.
    func extended(to size: [Int], before: [Int], by edges: EdgeExtension) -> Tensor {
        let own = shape.spatial
        if own == size { return self }
        return rearranged(
            size.indices.map { axis in (0..<size[axis]).map { edges.source($0 - before[axis], own[axis]) } })
    }

    /// A part of the image: one range per spatial dimension, within it.
    func cropped(_ ranges: [Range<Int>]) -> Tensor {
        if zip(ranges, shape.spatial).allSatisfy({ $0 == 0..<$1 }) { return self }
        return rearranged(ranges.map(Array.init))
    }

    /// The image mirrored along spatial axes.
    func mirrored(_ axes: Set<Int>) -> Tensor {
        if axes.isEmpty { return self }
        return rearranged(
            shape.spatial.enumerated().map { axis, size in
                axes.contains(axis) ? Array((0..<size).reversed()) : Array(0..<size)
            })
    }
}
