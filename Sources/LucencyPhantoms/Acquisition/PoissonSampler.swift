import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension PhiloxStream {
    /// A number of the Poisson distribution; 0 for means that are not positive.
    ///
    /// Below a mean of 10 by multiplying uniform numbers (Knuth, The Art of Computer Programming 2, §3.4.1), above by
    /// transformed rejection (Hörmann, "The transformed rejection method for generating Poisson random variables",
    /// Insurance: Mathematics and Economics 12, 1993, algorithm PTRS). Exact up to means of about 10⁹.
    public mutating func poisson(_ mean: Double) -> Double {
        guard mean > 0 else { return 0 }
        if mean < 10 {
            let limit = exp(-mean)
            var product = uniform(), count = 0.0
            while product > limit {
                product *= uniform()
                count += 1
            }
            return count
        }
        let b = 0.931 + 2.53 * mean.squareRoot(), a = -0.059 + 0.02483 * b
        let inverseAlpha = 1.1239 + 1.1328 / (b - 3.4), ready = 0.9277 - 3.6224 / (b - 2)
        let logMean = log(mean)
        while true {
            let u = uniform() - 0.5, v = 1 - uniform()
            let rest = 0.5 - abs(u)
            let count = ((2 * a / rest + b) * u + mean + 0.43).rounded(.down)
            if rest >= 0.07, v <= ready { return count }
            if count < 0 || !(count < 1e15) || (rest < 0.013 && v > rest) { continue }
            let left = log(v * inverseAlpha / (a / (rest * rest) + b))
            if left <= count * logMean - mean - logFactorial(count) { return count }
        }
    }
}

/// ln n! for whole n: Stirling's series to 1/n³, whose error is below 10⁻⁹ from 10 on; products below.
private func logFactorial(_ n: Double) -> Double {
    if n < 10 {
        var product = 1.0, factor = 2.0
        while factor <= n {
            product *= factor
            factor += 1
        }
        return log(product)
    }
    let inverse = 1 / n
    return (n + 0.5) * log(n) - n + 0.918_938_533_204_672_8
        + inverse * (1.0 / 12 - inverse * inverse * (1.0 / 360 - inverse * inverse / 1260))
}
