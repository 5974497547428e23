import LucencyFoundation
import LucencyImaging

/// A yes or no per pixel of a grid, one byte each (0 or 1).
package struct Mask: Sendable, Equatable {
    package let size: GridSize
    package var bits: AlignedBuffer<UInt8>

    package init(size: GridSize, bits: AlignedBuffer<UInt8>) {
        self.size = size
        self.bits = bits
    }

    /// The pixels of a box of a label map where `isSet` holds.
    package init(_ labels: LabelMap, in box: Region, where isSet: (Int32) -> Bool) {
        let grid = labels.size
        size = box.size
        bits = AlignedBuffer(count: box.size.count) { bits in
            labels.labels.withUnsafeBufferPointer { labels in
                var out = 0
                for z in box.z..<box.z + box.size.z {
                    for y in box.y..<box.y + box.size.y {
                        let start = (z &* grid.y &+ y) &* grid.x &+ box.x
                        for x in 0..<box.size.x { bits[out &+ x] = isSet(labels[start &+ x]) ? 1 : 0 }
                        out &+= box.size.x
                    }
                }
            }
        }
    }

    /// How many pixels are set.
    package var count: Int {
        bits.withUnsafeBufferPointer { bits in
            var sum = 0
            for bit in bits { sum &+= Int(bit) }
            return sum
        }
    }

    package var complement: Mask {
        Mask(
            size: size,
            bits: AlignedBuffer(count: bits.count) { out in
                bits.withUnsafeBufferPointer { bits in
                    for index in 0..<bits.count { out[index] = bits[index] ^ 1 }
                }
            })
    }
}

extension ThreadPool {
    /// Calls `body` with consecutive ranges of `total` items, `size` at a time: cut by the problem, not by the threads.
    func forEachChunk(of total: Int, size: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let size = max(1, size)
        forEach((total + size - 1) / size) { (chunk: Int) in
            body(chunk * size..<min(total, (chunk + 1) * size))
        }
    }
}
