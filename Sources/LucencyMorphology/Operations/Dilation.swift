import LucencyFoundation
import LucencyImaging

// Dilation and erosion of one mask. What lies outside the grid never takes part: dilation gains nothing from there, and
// erosion does not eat from there. But for small balls, cost does not depend on the radius.

extension Mask {
    /// All pixels within the element's reach of a set pixel.
    package func dilated(by element: StructuringElement.Resolved, pool: ThreadPool) -> Mask {
        let reach = [element.reach.x, element.reach.y, element.reach.z]
        guard reach != [0, 0, 0] else { return self }
        switch element.shape {
        case .ball:
            let limit = element.radius * element.radius * (1 + 1e-9)
            if let runs = PackedMask.runs(of: element, within: limit) {
                return PackedMask(self, pool: pool).dilated(by: runs, pool: pool).unpacked(pool: pool)
            }
            let squared = DistanceTransform.squared(to: self, spacing: element.spacing, pool: pool)
            return Mask(
                size: size,
                bits: AlignedBuffer(count: bits.count) { out in
                    squared.withUnsafeBufferPointer { squared in
                        for index in 0..<squared.count { out[index] = squared[index] <= limit ? 1 : 0 }
                    }
                })
        case .box:
            var result = self
            for axis in 0..<3 where reach[axis] > 0 { result = result.stretched(along: axis, by: reach[axis], pool) }
            return result
        case .cross:
            var result = self
            for axis in 0..<3 where reach[axis] > 0 { result.formUnion(stretched(along: axis, by: reach[axis], pool)) }
            return result
        }
    }

    /// All pixels whose whole neighbourhood, as far as it lies in the grid, is set.
    package func eroded(by element: StructuringElement.Resolved, pool: ThreadPool) -> Mask {
        complement.dilated(by: element, pool: pool).complement
    }

    private mutating func formUnion(_ other: Mask) {
        bits.withUnsafeMutableBufferPointer { bits in
            other.bits.withUnsafeBufferPointer { other in
                for index in 0..<bits.count { bits[index] |= other[index] }
            }
        }
    }

    /// Sets every pixel that has a set pixel at most `reach` steps away along one axis.
    private func stretched(along axis: Int, by reach: Int, _ pool: ThreadPool) -> Mask {
        let length = size[axis]
        // Lines along y and z are walked side by side: `step` lines at once.
        let step = axis == 0 ? 1 : axis == 1 ? size.x : size.x * size.y
        let block = min(step, 4096), blocks = (step + block - 1) / block
        let groups = bits.count / (length * step)
        let bits = AlignedBuffer<UInt8>(count: bits.count) { out in
            self.bits.withUnsafeBufferPointer { input in
                nonisolated(unsafe) let input = input, out = out
                pool.forEachChunk(of: groups * blocks, size: (1 << 16) / (length * block)) { range in
                    withUnsafeTemporaryAllocation(of: Int.self, capacity: block) { steps in
                        for part in range {
                            let first = part / blocks &* length &* step &+ part % blocks &* block
                            let width = min(block, step &- part % blocks &* block)
                            // Steps since a set pixel, first forwards, then backwards.
                            for lane in 0..<width { steps[lane] = reach + 1 }
                            for position in 0..<length {
                                let start = first &+ position &* step
                                for lane in 0..<width {
                                    let count = input[start &+ lane] != 0 ? 0 : steps[lane] &+ 1
                                    steps[lane] = count
                                    out[start &+ lane] = count <= reach ? 1 : 0
                                }
                            }
                            for lane in 0..<width { steps[lane] = reach + 1 }
                            for position in (0..<length).reversed() {
                                let start = first &+ position &* step
                                for lane in 0..<width {
                                    let count = input[start &+ lane] != 0 ? 0 : steps[lane] &+ 1
                                    steps[lane] = count
                                    out[start &+ lane] |= count <= reach ? 1 : 0
                                }
                            }
                        }
                    }
                }
            }
        }
        return Mask(size: size, bits: bits)
    }
}
