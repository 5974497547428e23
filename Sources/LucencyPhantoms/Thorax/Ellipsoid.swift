#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An ellipsoid with one axis along the rays, turned in the image plane.
package struct Ellipsoid: Sendable, Hashable {
    var center: SIMD3<Double>
    /// Half axes; the first is turned by `angle` from x towards y (clockwise in the image), the third is along z.
    var axes: SIMD3<Double>
    var angle = 0.0

    package init(center: SIMD3<Double>, axes: SIMD3<Double>, angle: Double = 0) {
        self.center = center
        self.axes = axes
        self.angle = angle
    }

    /// How far it reaches from the centre along x and y.
    var reach: SIMD2<Double> {
        let c = cos(angle), s = sin(angle)
        return SIMD2(hypot(axes.x * c, axes.y * s), hypot(axes.x * s, axes.y * c))
    }

    /// What the ray at (x, y) has in common with it.
    @inline(__always)
    func chord(_ x: Double, _ y: Double, cosine: Double, sine: Double) -> Chord {
        let dx = x - center.x, dy = y - center.y
        let u = (dx * cosine + dy * sine) / axes.x, v = (dy * cosine - dx * sine) / axes.y
        let rest = 1 - u * u - v * v
        guard rest > 0 else { return .empty }
        let half = axes.z * rest.squareRoot()
        return Chord(lower: center.z - half, upper: center.z + half)
    }

    package func chord(_ x: Double, _ y: Double) -> Chord { chord(x, y, cosine: cos(angle), sine: sin(angle)) }

    /// One that is thinner by a shell, or nil where the shell fills it.
    func inset(by shell: Double) -> Ellipsoid? {
        let inner = axes - SIMD3(repeating: shell)
        return inner.min() > 0 ? Ellipsoid(center: center, axes: inner, angle: angle) : nil
    }

    /// Calls `body` with the pixels that it covers and the chord.
    @inline(__always)
    package func forEachPixel(_ grid: ThoraxGrid, _ body: (Int, Chord) -> Void) {
        let reach = reach, cosine = cos(angle), sine = sin(angle)
        let columns = grid.columns(center.x - reach.x, center.x + reach.x)
        for row in grid.rows(center.y - reach.y, center.y + reach.y) {
            let y = grid.y(row), start = row &* grid.count
            for column in columns {
                let chord = chord(grid.x(column), y, cosine: cosine, sine: sine)
                if !chord.isEmpty { body(start &+ column, chord) }
            }
        }
    }
}
