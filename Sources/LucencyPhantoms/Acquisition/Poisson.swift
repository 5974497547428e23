import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension PhiloxStream {
    /// A count of the Poisson distribution.
    ///
    /// Small means multiply uniform numbers (Knuth, "Seminumerical Algorithms", 3.4.1); from 10 on, transformed rejection
    /// with squeeze (Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance:
    /// Mathematics and Economics 12, 1993, algorithm PTRS).
    /// - Parameter mean: expected count; the result is 0 where it is below 0 or not a number, and infinite where it is.
    ///   Above 10¹² the count is a normal number, rounded: the distributions' skewness there differs by 10⁻⁶.
    package mutating func poisson(mean: Double) -> Double {
        guard mean > 0 else { return 0 }
        guard mean <= 1e12 else {
            return mean.isFinite ? (mean + mean.squareRoot() * normal()).rounded() : mean
        }
        guard mean >= 10 else {
            let limit = exp(-mean)
            var product = uniform(), count = 0.0
            while product > limit {
                product *= uniform()
                count += 1
            }
            return count
        }
        // Hörmann's fitted constants of the hat and its squeeze.
        let logMean = log(mean), b = 0.931 + 2.53 * mean.squareRoot(), a = -0.059 + 0.02483 * b
        let inverseAlpha = 1.1239 + 1.1328 / (b - 3.4), sureRatio = 0.9277 - 3.6224 / (b - 2)
        while true {
            let u = uniform() - 0.5, v = 1 - uniform(), distance = 0.5 - abs(u)
            guard distance > 0 else { continue }
            let count = ((2 * a / distance + b) * u + mean + 0.43).rounded(.down)
            if distance >= 0.07, v <= sureRatio { return count }
            if count < 0 || (distance < 0.013 && v > distance) { continue }
            let accepted = log(v * inverseAlpha / (a / (distance * distance) + b))
            if accepted <= count * logMean - mean - logFactorial(count) { return count }
        }
    }
}

/// ln(n!), to 12 digits.
func logFactorial(_ n: Double) -> Double {
    guard n >= 10 else {
        var product = 1.0, factor = 2.0
        while factor <= n {
            product *= factor
            factor += 1
        }
        return log(product)
    }
    // Stirling's series for ln Γ(n + 1).
    let square = 1 / (n * n)
    let series = (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / n
    return (n + 0.5) * log(n) - n + 0.918_938_533_204_672_7 + series
}
