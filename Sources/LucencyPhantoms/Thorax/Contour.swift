/// A smooth line through points with rising abscissae, without overshoot: monotone cubic interpolation (Fritsch and
/// Carlson, SIAM J. Numer. Anal. 17, 1980). Constant outside the points.
struct Contour: Sendable {
    private let at: [Double]
    private let values: [Double]
    private let slopes: [Double]

    /// - Parameter points: at least one, abscissa first.
    init(_ points: [(Double, Double)]) {
        let at = points.map(\.0), values = points.map(\.1)
        self.at = at
        self.values = values
        let count = points.count
        guard count > 1 else {
            slopes = Array(repeating: 0, count: count)
            return
        }
        let secants: [Double] = (0..<count - 1).map { i -> Double in
            let run: Double = max(1e-9, at[i + 1] - at[i])
            return (values[i + 1] - values[i]) / run
        }
        slopes = (0..<count).map { i -> Double in
            if i == 0 { return secants[0] }
            if i == count - 1 { return secants[count - 2] }
            let before = secants[i - 1], after = secants[i]
            // The harmonic mean keeps the line monotone between the points.
            return before * after <= 0 ? 0 : 2 * before * after / (before + after)
        }
    }

    func callAsFunction(_ x: Double) -> Double {
        guard let first = at.first, let last = at.last else { return 0 }
        if x <= first { return values[0] }
        if x >= last { return values[values.count - 1] }
        var i = 0
        while i < at.count - 2, x >= at[i + 1] { i += 1 }
        let width = at[i + 1] - at[i], t = (x - at[i]) / width, t2 = t * t, t3 = t2 * t
        let rise: Double = 3 * t2 - 2 * t3
        let bend: Double = slopes[i] * (t3 - 2 * t2 + t) + slopes[i + 1] * (t3 - t2)
        return values[i] * (1 - rise) + values[i + 1] * rise + width * bend
    }
}

/// Points of a Catmull–Rom spline through control points, `steps` per stretch.
func splinePoints(_ controls: [SIMD3<Double>], steps: Int) -> [SIMD3<Double>] {
    guard controls.count > 1, steps > 0 else { return controls }
    var points: [SIMD3<Double>] = []
    for i in 0..<controls.count - 1 {
        let a = controls[max(0, i - 1)], b = controls[i], c = controls[i + 1]
        let d = controls[min(controls.count - 1, i + 2)]
        for step in 0..<steps {
            let t = Double(step) / Double(steps), t2 = t * t, t3 = t2 * t
            let cubic: SIMD3<Double> = ((b - c) * 3 + d - a) * t3
            let square: SIMD3<Double> = (a * 2 - b * 5 + c * 4 - d) * t2
            let linear: SIMD3<Double> = b * 2 + (c - a) * t
            points.append((linear + square + cubic) * 0.5)
        }
    }
    points.append(controls[controls.count - 1])
    return points
}
