import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far predicted probabilities p are from known ones q, such as the annotators' on a phantom, summed over pixels.
public struct PosteriorDistance: Hashable, Codable, Sendable {
    public var total: Int
    /// Σ q log(q/p) in nats, over pixels where p is 0 only where q is; and the number of the other pixels.
    public var divergence: Double
    public var impossible: Int
    /// Σ |q − p| and Σ (q − p)² over classes.
    public var absolute: Double
    public var squared: Double

    public init(
        total: Int = 0, divergence: Double = 0, impossible: Int = 0, absolute: Double = 0, squared: Double = 0
    ) {
        (self.total, self.divergence, self.impossible) = (total, divergence, impossible)
        (self.absolute, self.squared) = (absolute, squared)
    }

    public mutating func merge(_ other: PosteriorDistance) {
        total += other.total
        divergence += other.divergence
        impossible += other.impossible
        absolute += other.absolute
        squared += other.squared
    }

    /// Mean Kullback–Leibler divergence KL(q ‖ p).
    public var kullbackLeibler: Score {
        total == 0 ? .undefined : impossible > 0 ? .infinite : .value(max(0, divergence) / Double(total))
    }
    /// Mean Σ |q − p|, 0…2 (twice the total variation).
    public var l1: Score { total == 0 ? .undefined : .value(absolute / Double(total)) }
    /// Mean Σ (q − p)², 0…2: what the Brier score has above that of the known probabilities.
    public var brier: Score { total == 0 ? .undefined : .value(squared / Double(total)) }

    /// Of the pixels of each cell; pixels of no cell are left out.
    static func measure(
        _ predicted: ProbabilityMap, _ posterior: ProbabilityMap, cells: (Int) -> Int?, cellCount: Int
    ) -> [PosteriorDistance] {
        var sums = Array(repeating: PosteriorDistance(), count: cellCount)
        let count = predicted.size.count, classes = predicted.classes.count
        predicted.values.withUnsafeBufferPointer { predicted in
            posterior.values.withUnsafeBufferPointer { known in
                for index in 0..<count {
                    guard let cell = cells(index) else { continue }
                    var divergence = 0.0, absolute = 0.0, squared = 0.0
                    for plane in 0..<classes {
                        let p = Double(predicted[plane &* count &+ index]), q = Double(known[plane &* count &+ index])
                        absolute += abs(q - p)
                        squared += (q - p) * (q - p)
                        if q > 0, q != p { divergence += p > 0 ? q * log(q / p) : .infinity }
                    }
                    sums[cell].total &+= 1
                    sums[cell].absolute += absolute
                    sums[cell].squared += squared
                    if divergence.isFinite {
                        sums[cell].divergence += divergence
                    } else {
                        sums[cell].impossible &+= 1
                    }
                }
            }
        }
        return sums
    }
}
