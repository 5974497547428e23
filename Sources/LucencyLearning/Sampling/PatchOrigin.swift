import LucencyFoundation
import LucencyImaging

/// What a sample of a batch was made of, so that what is known of a case pixel by pixel can follow it, and be brought back.
package struct PatchOrigin: Sendable {
    /// The case's number.
    package let item: Int
    private let patch: PatchDraw
    private let drawn: [DrawnAugmentation]

    package init(item: Int, patch: PatchDraw, drawn: [DrawnAugmentation]) {
        (self.item, self.patch, self.drawn) = (item, patch, drawn)
    }

    /// Whether its pixels are pixels of the case, moved but not resampled.
    package var isExact: Bool {
        guard case .spatial(let transform)? = drawn.first else { return true }
        return transform.isIdentity
    }

    /// The pixel of the case in which each pixel of the sample lies, as an index in memory order; -1 beyond the case.
    /// - Parameter form: of the case.
    /// - Throws: `Diagnostic` when the case has more pixels than such an index tells apart.
    package func places(in form: SampleForm, by sampler: PatchSampler) throws(Diagnostic) -> AlignedBuffer<Int32> {
        guard form.size.count <= Int(Int32.max) else {
            throw Diagnostic(
                .tooLarge, "a case of \(form.size) has too many pixels to be remembered one by one",
                remedy: "cut it into smaller volumes")
        }
        let size = sampler.size
        var places = AlignedBuffer<Int32>(count: size.count) { $0.initialize(repeating: LabelMap.ignoreLabel) }
        if case .spatial(let transform)? = drawn.first, !transform.isIdentity {
            resampled(transform, form, size, into: &places)
        } else {
            cut(form.size, size, into: &places)
        }
        // Flips and turns move places as they move labels.
        let moves = drawn.filter { if case .flip = $0 { true } else if case .rot90 = $0 { true } else { false } }
        guard !moves.isEmpty else { return places }
        let sample = try Sample(
            name: "", form: SampleForm(size: size, spacing: form.spacing),
            image: AlignedBuffer(repeating: 0, count: size.count), labels: places)
        return try AugmentationPipeline.apply(moves, to: sample).labels
    }

    private func cut(_ grid: GridSize, _ size: GridSize, into places: inout AlignedBuffer<Int32>) {
        let start = patch.start
        places.withUnsafeMutableBufferPointer { places in
            for z in 0..<size.z where (0..<grid.z).contains(z + start.z) {
                for y in 0..<size.y where (0..<grid.y).contains(y + start.y) {
                    let row = ((z + start.z) * grid.y + y + start.y) * grid.x, target = (z * size.y + y) * size.x
                    for x in max(0, -start.x)..<max(0, -start.x, min(size.x, grid.x - start.x)) {
                        places[target &+ x] = Int32(truncatingIfNeeded: row &+ start.x &+ x)
                    }
                }
            }
        }
    }

    private func resampled(
        _ transform: SpatialTransform.Drawn, _ form: SampleForm, _ size: GridSize,
        into places: inout AlignedBuffer<Int32>
    ) {
        let map = SpatialMap(transform, start: patch.start, size: size, spacing: form.spacing)
        let grid = form.size, width = size.x
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * width) { room in
            withUnsafeTemporaryAllocation(of: Bool.self, capacity: width) { flags in
                guard let base = room.baseAddress, let isOutside = flags.baseAddress else { return }
                let row = CoordinateRow(
                    x: base, y: base + width, z: base + 2 * width, isOutside: isOutside, count: width)
                places.withUnsafeMutableBufferPointer { places in
                    for line in 0..<size.y * size.z {
                        map.row(line % size.y, line / size.y, into: row, shifts: base + 3 * width)
                        row.confine(to: grid, mirrored: false)
                        for x in 0..<width where !isOutside[x] {
                            // As `GridReader` finds the nearest pixel.
                            let place = (SIMD3(row.x[x], row.y[x], row.z[x]) + 0.5).rounded(.down)
                            let (i, j, k) = (Int(place.x), Int(place.y), Int(place.z))
                            let index = (min(k, grid.z - 1) * grid.y + min(j, grid.y - 1)) * grid.x
                            places[line * width + x] = Int32(truncatingIfNeeded: index + min(i, grid.x - 1))
                        }
                    }
                }
            }
        }
    }
}
