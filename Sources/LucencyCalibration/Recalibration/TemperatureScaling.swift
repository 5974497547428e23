import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// p = softmax(z / T), one T for all classes (Guo et al., ICML 2017, section 4.2). The answer of a pixel never changes.
public struct TemperatureScaling: Hashable, Codable, Sendable {
    /// Above 1 lowers confidence.
    public var temperature: Double

    public init(temperature: Double) {
        self.temperature = temperature
    }

    /// How T is found.
    public enum Search: String, CaseIterable, Hashable, Codable, Sendable {
        /// The T of the lowest log loss, which is convex in 1/T.
        case optimum
        /// Of 0.1, 0.2 … 10.0 that of the lowest log loss, or of the lowest calibration error in 15 bins: the published
        /// code of MbLS and NACL.
        case gridLogLoss = "grid-log-loss"
        case gridECE = "grid-ece"
    }

    /// T stays within e⁻⁴ … e⁴.
    static let limits = exp(-4.0)...exp(4.0)

    /// - Throws: `Diagnostic` when there is no point.
    public init(
        fitting points: LogitPoints, _ search: Search = .optimum, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        guard points.count > 0 else { throw Recalibration.nothing }
        switch search {
        case .optimum: temperature = 1 / Self.bestInverse(points, pool)
        case .gridLogLoss:
            temperature = Self.best {
                points.logLoss(
                    scale: Array(repeating: 1 / $0, count: points.classCount),
                    shift: Array(repeating: 0, count: points.classCount), pool: pool)
            }
        case .gridECE: temperature = Self.best { points.scores(temperature: $0, bins: 15).error }
        }
    }

    /// Whether T is as far as it is looked for, which says more about the data than about the model.
    public var isAtLimit: Bool {
        temperature <= Self.limits.lowerBound * 1.000001 || temperature >= Self.limits.upperBound * 0.999999
    }

    private static func best(_ loss: (Double) -> Double) -> Double {
        let grid = (1...100).map { Double($0) / 10 }, losses = grid.map(loss)
        return losses.indices.min { losses[$0] < losses[$1] }.map { grid[$0] } ?? 1
    }

    /// Newton's method on the derivative of the log loss, mean(Σ p z − z_y), which rises with 1/T; halving where it would
    /// leave what is known to enclose the root.
    private static func bestInverse(_ points: LogitPoints, _ pool: ThreadPool) -> Double {
        func derivatives(_ inverse: Double) -> (first: Double, second: Double) {
            let sums = points.sum(3, pool: pool) { logits, label, weight, sums in
                var top = -Double.infinity
                for value in logits { top = max(top, inverse * Double(value)) }
                var total = 0.0, mean = 0.0, square = 0.0
                for value in logits {
                    let value = Double(value), power = exp(inverse * value - top)
                    total += power
                    mean += power * value
                    square += power * value * value
                }
                (mean, square) = (mean / total, square / total)
                sums[0] += weight
                sums[1] += weight * (mean - Double(logits[label]))
                sums[2] += weight * max(0, square - mean * mean)
            }
            return (sums[1] / sums[0], sums[2] / sums[0])
        }
        var low = 1 / limits.upperBound, high = 1 / limits.lowerBound
        if derivatives(low).first >= 0 { return low }
        if derivatives(high).first <= 0 { return high }
        var inverse = 1.0
        for _ in 0..<100 {
            let (first, second) = derivatives(inverse)
            if first == 0 { return inverse }
            if first > 0 { high = inverse } else { low = inverse }
            var next = second > 0 ? inverse - first / second : low
            if !(next > low && next < high) { next = (low * high).squareRoot() }
            if abs(next - inverse) <= 1e-12 * inverse { return next }
            inverse = next
        }
        return inverse
    }
}
