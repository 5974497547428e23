import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Every how-many-th pixel is taken, along x, y, z: what coarser results of a network are compared with.
struct Subsampling {
    let step: SIMD3<Int>

    /// - Parameter factors: per axis from the slowest on, without those that an image lacks.
    init(_ factors: [Int]) {
        let all = Array(repeating: 1, count: max(0, 3 - factors.count)) + factors
        step = [all[2], all[1], all[0]]
    }

    private func size(_ size: GridSize) -> GridSize { GridSize(size.x / step.x, size.y / step.y, size.z / step.z) }

    /// - Parameter size: of each of the planes that values consist of.
    func callAsFunction<T>(_ values: AlignedBuffer<T>, size: GridSize) -> AlignedBuffer<T> {
        let coarse = self.size(size), planes = values.count / max(1, size.count)
        return AlignedBuffer(count: planes * coarse.count) { out in
            values.withUnsafeBufferPointer { values in
                var target = 0
                for plane in 0..<planes {
                    for z in 0..<coarse.z {
                        for y in 0..<coarse.y {
                            let row = plane * size.count + (z * step.z * size.y + y * step.y) * size.x
                            for x in 0..<coarse.x {
                                out[target] = values[row &+ x &* step.x]
                                target &+= 1
                            }
                        }
                    }
                }
            }
        }
    }

    func callAsFunction(_ labels: LabelMap) throws -> LabelMap {
        let geometry = try Geometry(
            size: size(labels.size), spacing: labels.geometry.spacing * SIMD3<Double>(step),
            source: labels.geometry.spacingSource)
        return try LabelMap(geometry: geometry, labels: self(labels.labels, size: labels.size), table: labels.table)
    }

    /// - Parameter tensor: N, C, spatial.
    func callAsFunction(_ tensor: Tensor) throws -> Tensor {
        guard step != [1, 1, 1] else { return tensor }
        let volume = tensor.shape.volume
        let size = GridSize(volume.width, volume.height, volume.depth), coarse = self.size(size)
        let extents = [coarse.z, coarse.y, coarse.x].suffix(tensor.shape.spatial.count)
        return try Tensor(
            Shape([tensor.shape.images, tensor.shape.channels] + extents), self(tensor.buffer, size: size))
    }
}
