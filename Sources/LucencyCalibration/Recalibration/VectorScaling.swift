import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// p = softmax(w ⊙ z + b), a scale and a shift for each class (Guo et al., ICML 2017, section 4.2). Answers may change.
public struct VectorScaling: Hashable, Codable, Sendable {
    public var scale: [Double]
    /// Of mean 0: only differences matter.
    public var shift: [Double]

    public init(scale: [Double], shift: [Double]) {
        (self.scale, self.shift) = (scale, shift)
    }

    /// The lowest log loss from w = 1, b = 0, by Newton's method with a damping that rises while a step does not help.
    /// - Throws: `Diagnostic` when there is no point.
    public init(fitting points: LogitPoints, pool: ThreadPool = .serial) throws(Diagnostic) {
        guard points.count > 0 else { throw Recalibration.nothing }
        let classes = points.classCount, size = 2 * classes
        var place = Array(repeating: 1.0, count: classes) + Array(repeating: 0.0, count: classes)
        func loss(_ place: [Double]) -> Double {
            points.logLoss(scale: Array(place[..<classes]), shift: Array(place[classes...]), pool: pool)
        }
        var current = loss(place), damping = 1e-6
        for _ in 0..<100 {
            let here = place
            let sums = points.sum(1 + size + size * size, pool: pool) { logits, label, weight, sums in
                Self.addDerivatives(logits, label, weight, at: here, to: &sums)
            }
            let gradient = (0..<size).map { sums[1 + $0] / sums[0] }
            let hessian = (0..<size * size).map { sums[1 + size + $0] / sums[0] }
            guard gradient.contains(where: { abs($0) > 1e-10 }) else { break }
            var improvement = 0.0
            while damping < 1e6 {
                var damped = hessian
                for row in 0..<size { damped[row * size + row] += damping }
                if let step = PositiveSystem.solve(damped, gradient) {
                    let next = zip(place, step).map { $0 - $1 }, value = loss(next)
                    if value <= current {
                        improvement = current - value
                        (place, current) = (next, value)
                        damping = max(1e-9, damping / 10)
                        break
                    }
                }
                damping *= 10
            }
            if improvement < 1e-13 { break }
        }
        scale = Array(place[..<classes])
        let mean = place[classes...].reduce(0, +) / Double(classes)
        shift = place[classes...].map { $0 - mean }
    }

    /// Weight, gradient and Hessian of the log loss of one pixel: with e = p − [label], ∂/∂w = e z and ∂/∂b = e.
    private static func addDerivatives(
        _ logits: UnsafeBufferPointer<Float>, _ label: Int, _ weight: Double, at place: [Double],
        to sums: inout [Double]
    ) {
        let classes = logits.count, size = 2 * classes
        withUnsafeTemporaryAllocation(of: Double.self, capacity: classes) { p in
            var top = -Double.infinity, total = 0.0
            for k in 0..<classes {
                p[k] = place[k] * Double(logits[k]) + place[classes + k]
                top = max(top, p[k])
            }
            for k in 0..<classes {
                p[k] = exp(p[k] - top)
                total += p[k]
            }
            for k in 0..<classes { p[k] /= total }
            sums[0] += weight
            for i in 0..<classes {
                let z = Double(logits[i]), error = weight * (p[i] - (i == label ? 1 : 0))
                sums[1 + i] += error * z
                sums[1 + classes + i] += error
                for j in 0..<classes {
                    let curvature = weight * ((i == j ? p[i] : 0) - p[i] * p[j]), other = Double(logits[j])
                    let row = 1 + size + i * size, lower = 1 + size + (classes + i) * size
                    sums[row + j] += curvature * z * other
                    sums[row + classes + j] += curvature * z
                    sums[lower + j] += curvature * other
                    sums[lower + classes + j] += curvature
                }
            }
        }
    }
}
