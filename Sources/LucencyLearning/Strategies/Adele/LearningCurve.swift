import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How well a class was learnt over time: f(x) = a (1 - exp(-x^b / c)), which rises fast and then flattens.
///
/// S. Liu et al., "Adaptive Early-Learning Correction for Segmentation from Noisy Annotations", CVPR 2022, equation 3.
package struct LearningCurve: Hashable, Sendable {
    /// Where it flattens, in 0...1.
    package var a: Double
    /// In 0...1.
    package var b: Double
    /// Not negative.
    package var c: Double

    package init(a: Double, b: Double, c: Double) {
        (self.a, self.b, self.c) = (a, b, c)
    }

    package func callAsFunction(_ x: Double) -> Double { x > 0 ? a * (1 - exp(-pow(x, b) / c)) : 0 }

    /// f'(x), at a millionth beside x so that 0 has one too.
    package func slope(_ x: Double) -> Double {
        let x = x + 1e-6
        return a * b / c * exp(-pow(x, b) / c) * pow(x, b - 1)
    }

    /// The first epoch, counted from 1, that comes after those in which the slope has fallen by less than a part of what it
    /// was in epoch 1; nil where it has no slope to fall.
    /// - Parameters:
    ///   - level: that part, in 0...1.
    ///   - epochs: how many are looked at.
    package func firstEpoch(level: Double, epochs: Int) -> Int? {
        let start = abs(slope(1))
        guard start > 0, start.isFinite else { return nil }
        let kept = (1..<max(2, epochs)).count { epoch in
            let change = abs(abs(slope(Double(epoch))) - start) / start
            // A slope that is more than twice as steep has not fallen at all.
            return (change > 1 ? 0 : change) <= level
        }
        return kept + 1
    }

    /// Where values stand that were measured at equal distances: from 0 to their number, both included, as in the authors'
    /// program.
    package static func places(_ count: Int) -> [Double] {
        count > 1 ? (0..<count).map { Double(count) * Double($0) / Double(count - 1) } : [0]
    }
}

extension LearningCurve {
    /// The curve through values in the sense of weighted least squares: the last one weighs a hundred times as much as the
    /// first, and those between as a geometric series. By Levenberg-Marquardt steps within the bounds from three starts, of
    /// which the one is taken that ends closest.
    package init(fitting values: [Double]) {
        let count = values.count, x = Self.places(count)
        let weights = (0..<count).map { count > 1 ? pow(10, Double($0) / Double(count - 1)) : 1 }
        let highest = values.max() ?? 0
        let starts = [Self(a: 1, b: 1, c: 1), Self(a: highest, b: 0.8, c: 1), Self(a: highest, b: 0.5, c: 5)]
        var best = (curve: starts[0], cost: Double.infinity)
        for start in starts {
            var fit = Fit(x: x, values: values, weights: weights, curve: start)
            fit.descend()
            if fit.cost < best.cost { best = (fit.curve, fit.cost) }
        }
        self = best.curve
    }

    /// A fit on its way down, in a, b and log c.
    private struct Fit {
        let x: [Double]
        let values: [Double]
        let weights: [Double]
        private(set) var curve: LearningCurve
        private(set) var cost = 0.0

        private static let bounds = [0.0...1, 0.0...1, -20.0...20]

        init(x: [Double], values: [Double], weights: [Double], curve: LearningCurve) {
            (self.x, self.values, self.weights, self.curve) = (x, values, weights, curve)
            cost = cost(curve)
        }

        private func cost(_ curve: LearningCurve) -> Double {
            x.indices.reduce(0) { sum, index in
                let residual = weights[index] * (curve(x[index]) - values[index])
                return sum + residual * residual
            }
        }

        private static func curve(_ place: [Double]) -> LearningCurve {
            LearningCurve(a: place[0], b: place[1], c: exp(place[2]))
        }

        mutating func descend() {
            var damping = 1e-3
            for _ in 0..<500 {
                let (gradient, curvature) = slopes()
                let place = [curve.a, curve.b, log(curve.c)]
                // What stands at a bound and would go beyond it stays.
                let free = (0..<3).filter { index in
                    let bound = Self.bounds[index], down = -gradient[index]
                    return !(place[index] <= bound.lowerBound && down < 0)
                        && !(place[index] >= bound.upperBound && down > 0)
                }
                let step = Self.solve(gradient, curvature, free, damping)
                let next = Self.curve(
                    (0..<3).map { index in
                        min(
                            max(place[index] + step[index], Self.bounds[index].lowerBound),
                            Self.bounds[index].upperBound)
                    })
                let nextCost = cost(next)
                if nextCost < cost {
                    let isDone = cost - nextCost <= 1e-14 * cost
                    (curve, cost) = (next, nextCost)
                    damping = max(damping / 10, 1e-12)
                    if isDone { return }
                } else {
                    damping *= 10
                    if damping > 1e12 { return }
                }
            }
        }

        /// Half the gradient of the cost, and JᵀJ.
        private func slopes() -> (gradient: [Double], curvature: [[Double]]) {
            var gradient = [0.0, 0, 0], curvature = Array(repeating: [0.0, 0, 0], count: 3)
            // At 0 the curve is 0 whatever its parameters.
            for index in x.indices where x[index] > 0 {
                let weight = weights[index], power = pow(x[index], curve.b), rest = exp(-power / curve.c)
                let inner = curve.a * rest * power / curve.c
                let row = [1 - rest, inner * log(x[index]), -inner].map { weight * $0 }
                let residual = weight * (curve(x[index]) - values[index])
                for i in 0..<3 {
                    gradient[i] += row[i] * residual
                    for j in 0..<3 { curvature[i][j] += row[i] * row[j] }
                }
            }
            return (gradient, curvature)
        }

        /// The damped step in the free directions, by elimination with the largest pivot.
        private static func solve(
            _ gradient: [Double], _ curvature: [[Double]], _ free: [Int], _ damping: Double
        ) -> [Double] {
            var rows = free.map { i in
                free.map { j in curvature[i][j] + (i == j ? damping * (curvature[i][i] + 1e-12) : 0) } + [-gradient[i]]
            }
            let count = free.count
            for column in 0..<count {
                guard let pivot = (column..<count).max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
                    abs(rows[pivot][column]) > 1e-300
                else { continue }
                rows.swapAt(column, pivot)
                for row in 0..<count where row != column {
                    let factor = rows[row][column] / rows[column][column]
                    for place in column...count { rows[row][place] -= factor * rows[column][place] }
                }
            }
            var step = [0.0, 0, 0]
            for (row, index) in free.enumerated() where abs(rows[row][row]) > 1e-300 {
                step[index] = rows[row][count] / rows[row][row]
            }
            return step
        }
    }
}
