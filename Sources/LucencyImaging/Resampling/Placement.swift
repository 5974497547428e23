import LucencyFoundation

/// Where a target grid lies on a source grid parallel to it.
///
/// In source pixels with pixel `k` covering `k...k + 1`: target pixel `i` is centred at `start + (i + 0.5)·step`.
package struct Placement: Hashable, Sendable {
    package var start: SIMD3<Double>
    package var step: SIMD3<Double>

    package init(start: SIMD3<Double>, step: SIMD3<Double>) {
        self.start = start
        self.step = step
    }

    /// Places an existing grid on another.
    /// - Throws: `Diagnostic` when the axes are not parallel and in the same order and direction.
    package init(of target: Geometry, on source: Geometry) throws(Diagnostic) {
        guard let inverse = source.indexToWorld.inverse else {
            throw Diagnostic(.badGeometry, "the index-to-world map is singular")
        }
        func turned(_ v: SIMD3<Double>) -> SIMD3<Double> { inverse.x * v.x + inverse.y * v.y + inverse.z * v.z }
        let columns = [target.indexToWorld.x, target.indexToWorld.y, target.indexToWorld.z].map(turned)
        let first = inverse(target.indexToWorld.offset)
        start = .zero
        step = .zero
        for axis in 0..<3 {
            for other in 0..<3 where other != axis {
                // Over the whole target the axes may drift apart by a twentieth of a source pixel.
                guard abs(columns[axis][other]) * Double(target.size[axis] - 1) <= 0.05 else {
                    throw Self.notParallel
                }
            }
            var step = columns[axis][axis]
            guard step > 0 else { throw Self.notParallel }
            // Rounding in the affine maps must not turn a crop into an interpolation.
            let reach = Double(max(target.size[axis], source.size[axis]))
            if abs(step - 1) * reach < AxisWeights.tolerance { step = 1 }
            var start = first[axis] + 0.5 - 0.5 * step
            if abs(start - start.rounded()) < AxisWeights.tolerance { start = start.rounded() }
            self.start[axis] = start
            self.step[axis] = step
        }
    }

    private static let notParallel = Diagnostic(
        .geometryMismatch, "the two grids are not parallel: their axes have other directions",
        remedy: "resampling works between grids with the same direction cosines; reorient one of them first")

    /// The target's geometry.
    func geometry(of size: GridSize, on source: Geometry) throws(Diagnostic) -> Geometry {
        let map = source.indexToWorld
        return try Geometry(
            size: size,
            indexToWorld: Affine3(
                x: map.x * step.x, y: map.y * step.y, z: map.z * step.z, offset: map(start + step * 0.5 - 0.5)),
            spacingSource: source.spacingSource)
    }

    /// The weights of the three axes.
    func weights(
        from source: GridSize, to target: GridSize, interpolation: Interpolation, antialias: Bool
    ) -> GridWeights {
        func axis(_ a: Int) -> AxisWeights {
            AxisWeights(
                source: source[a], count: target[a], start: start[a], step: step[a], interpolation: interpolation,
                antialias: antialias)
        }
        return GridWeights(x: axis(0), y: axis(1), z: axis(2))
    }
}
