import LucencyFoundation

extension Interval {
    func draw(from random: inout PhiloxStream) -> Double { lower + random.uniform() * (upper - lower) }

    /// A factor: as often below 1 as above where the range has both, whatever their widths. nnU-Net draws contrast,
    /// brightness and gamma so.
    func drawFactor(from random: inout PhiloxStream) -> Double {
        let isLow = random.uniform() < 0.5, place = random.uniform()
        guard lower < 1, upper > 1 else { return lower + place * (upper - lower) }
        return isLow ? lower + place * (1 - lower) : 1 + place * (upper - 1)
    }

    /// - Throws: `Diagnostic` when the range is empty, not finite or reaches beyond `limits`.
    func check(_ name: String, of component: String, within limits: ClosedRange<Double>) throws(Diagnostic) {
        guard lower.isFinite, upper.isFinite, lower <= upper, limits.contains(lower), limits.contains(upper) else {
            throw Diagnostic(
                .badArgument, "augmentation '\(component)': \(name) of \(lower)...\(upper) is not possible",
                remedy: "give an ascending range within \(limits.lowerBound)...\(limits.upperBound)")
        }
    }
}
