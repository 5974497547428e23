import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The probability that a pixel is not background: σ(A s + B) of the score s = largest foreground logit − background logit.
/// The foreground classes share it as they did before. Answers may change.
///
/// Platt, "Probabilistic outputs for support vector machines", 1999, with his smoothed targets (n₊ + 1)/(n₊ + 2) and
/// 1/(n₋ + 2); minimised by Newton's method as Lin, Lin, Weng (Machine Learning 68, 2007) do.
public struct PlattScaling: Hashable, Codable, Sendable {
    public var slope: Double
    public var offset: Double
    /// The place of background among the classes.
    public var background: Int

    public init(slope: Double, offset: Double, background: Int = 0) {
        (self.slope, self.offset, self.background) = (slope, offset, background)
    }

    /// - Throws: `Diagnostic` when there is no point, or background is none of the classes.
    public init(fitting points: LogitPoints, background: Int = 0) throws(Diagnostic) {
        guard (0..<points.classCount).contains(background), points.classCount > 1 else {
            throw Diagnostic(.badLabel, "background is class \(background) of \(points.classCount)")
        }
        let scores = (0..<points.count).map { point in
            var highest = -Float.infinity
            for plane in 0..<points.classCount where plane != background {
                highest = max(highest, points.logits[point * points.classCount + plane])
            }
            return Double(highest - points.logits[point * points.classCount + background])
        }
        try self.init(
            scores: scores, isForeground: points.labels.map { Int($0) != background },
            weights: points.weights.map { Double($0) }, background: background)
    }

    /// - Parameter weights: one for each score; empty: 1.
    /// - Throws: `Diagnostic` when there is no score.
    public init(
        scores: [Double], isForeground: [Bool], weights: [Double] = [], background: Int = 0
    ) throws(Diagnostic) {
        guard !scores.isEmpty, isForeground.count == scores.count, weights.isEmpty || weights.count == scores.count
        else { throw Recalibration.nothing }
        func weight(_ index: Int) -> Double { weights.isEmpty ? 1 : weights[index] }
        let positives = scores.indices.reduce(0.0) { $0 + (isForeground[$1] ? weight($1) : 0) }
        let negatives = scores.indices.reduce(0.0) { $0 + (isForeground[$1] ? 0 : weight($1)) }
        let high = (positives + 1) / (positives + 2), low = 1 / (negatives + 2)
        func target(_ index: Int) -> Double { isForeground[index] ? high : low }
        func loss(_ a: Double, _ b: Double) -> Double {
            scores.indices.reduce(0.0) { sum, index in
                let value = a * scores[index] + b
                // log(1 + e^v) − t v, without overflow.
                return sum + weight(index) * (max(value, 0) + log1p(exp(-abs(value))) - target(index) * value)
            }
        }
        var (a, b) = (0.0, log((positives + 1) / (negatives + 1)))
        var current = loss(a, b)
        for _ in 0..<100 {
            var (ga, gb, haa, hab, hbb) = (0.0, 0.0, 1e-12, 0.0, 1e-12)
            for index in scores.indices {
                let score = scores[index], p = 1 / (1 + exp(-(a * score + b)))
                let error = weight(index) * (p - target(index)), curvature = weight(index) * p * (1 - p)
                ga += error * score
                gb += error
                haa += curvature * score * score
                hab += curvature * score
                hbb += curvature
            }
            if max(abs(ga), abs(gb)) < 1e-10 * (positives + negatives) { break }
            let determinant = haa * hbb - hab * hab
            guard determinant > 0 else { break }
            let (da, db) = (-(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant)
            var step = 1.0
            while step >= 1e-10 {
                let value = loss(a + step * da, b + step * db)
                if value < current + 1e-4 * step * (ga * da + gb * db) || value <= current && step < 1e-6 {
                    (a, b, current) = (a + step * da, b + step * db, value)
                    break
                }
                step /= 2
            }
            if step < 1e-10 { break }
        }
        (slope, offset, self.background) = (a, b, background)
    }
}
