import LucencyFoundation

extension OrganAnatomy {
    /// Mean intensities of the pixels: partial volumes in the plane by soft borders, across the slice by sampling.
    ///
    /// A slice of a thickness is sampled at the three points of Gauss and Legendre. In each, structures are laid over
    /// each other from the back to the front, each covering a pixel to the part Φ(−distance/width).
    /// - Parameter outside: intensity where there is nothing.
    func intensities(thickness: Double, outside: Double, pool: ThreadPool) -> [Float] {
        let width = grid.size.x, height = grid.size.y
        let reach = 0.6.squareRoot() / 2 * thickness
        let samples: [(z: Double, weight: Double)] =
            thickness > 0 ? [(-reach, 5.0 / 18), (0, 8.0 / 18), (reach, 5.0 / 18)] : [(0, 1)]
        let widths = structures.map { Self.borderWidth(softness: $0.softness, spacing: grid.spacing.x) }
        var result = [Float](repeating: 0, count: grid.size.count)
        result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            pool.forEach(height * grid.size.z) { line in
                let y = grid.y(line % height), start = line &* width
                withUnsafeTemporaryAllocation(of: Float.self, capacity: 7 * width) { room in
                    guard let base = room.baseAddress else { return }
                    let displaced = base, mottle = base + 3 * width, distance = base + 4 * width
                    let scratch = base + 5 * width, row = base + 6 * width
                    for sample in samples {
                        let z = grid.z(line / height) + sample.z
                        displacements(y: y, z: z, into: displaced)
                        texture.row(x: grid.x(0), step: grid.spacing.x, count: width, y: y, z: z, into: mottle)
                        row.update(repeating: Float(outside), count: width)
                        for (structure, border) in zip(structures, widths) {
                            let range = distances(
                                structure, y: y, z: z, displacements: displaced, scratch: scratch, into: distance)
                            let intensity = Float(structure.intensity), amplitude = Float(structure.texture)
                            let far = Float(5 * border)
                            for x in range where distance[x] < far {
                                let cover =
                                    distance[x] <= -far
                                    ? 1 : Float(normalDistribution(-Double(distance[x]) / border))
                                row[x] += cover * (intensity + amplitude * mottle[x] - row[x])
                            }
                        }
                        for x in 0..<width { result[start &+ x] += Float(sample.weight) * row[x] }
                    }
                }
            }
        }
        return result
    }

    /// The labelled organs' distances at the pixels' centres.
    func stack(pool: ThreadPool) -> DistanceStack {
        let width = grid.size.x, height = grid.size.y, count = grid.size.count
        let labelled = structures.filter { $0.label > 0 }
        var values = [Float](repeating: .infinity, count: labelled.count * count)
        values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let start = base
            pool.forEach(height * grid.size.z) { line in
                let y = grid.y(line % height), z = grid.z(line / height)
                withUnsafeTemporaryAllocation(of: Float.self, capacity: 4 * width) { room in
                    guard let displaced = room.baseAddress else { return }
                    displacements(y: y, z: z, into: displaced)
                    for (k, structure) in labelled.enumerated() {
                        _ = distances(
                            structure, y: y, z: z, displacements: displaced, scratch: displaced + 3 * width,
                            into: start + (k * count + line * width))
                    }
                }
            }
        }
        return DistanceStack(
            organs: labelled.map(\.name), size: grid.size, spacing: grid.spacing, values: values)
    }
}
