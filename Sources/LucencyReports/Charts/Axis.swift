/// Round numbers along an axis, and where values lie on it.
struct Axis: Sendable {
    let low: Double
    let high: Double
    let ticks: [Double]
    private let step: Double

    /// From 0 to 1 in fifths.
    static let unit = Axis(low: 0, high: 1, step: 0.2)

    init(low: Double, high: Double, step: Double) {
        self.low = low
        self.high = high
        self.step = step
        let count = min(200, max(1, Int(((high - low) / step).rounded())))
        let every = max(1, (count + 6) / 7)
        ticks = stride(from: 0, through: count, by: every).map { low + Double($0) * step }
    }

    /// An axis that shows all numbers.
    init(covering numbers: some Sequence<Double>, includingZero: Bool = false) {
        var least = Double.infinity, greatest = -Double.infinity
        for number in numbers where number.isFinite { (least, greatest) = (min(least, number), max(greatest, number)) }
        if least > greatest { (least, greatest) = (0, 1) }
        if includingZero { (least, greatest) = (min(0, least), max(0, greatest)) }
        let span = greatest > least ? greatest - least : max(1e-300, least == 0 ? 1 : least.magnitude)
        var step = 1.0
        while step * 5 > span { step /= 10 }
        while step * 50 < span { step *= 10 }
        for factor in [2.0, 5, 10] where step * 6 < span && span <= step * factor * 6.5 {
            step *= factor
            break
        }
        let low = (least / step).rounded(.down) * step
        self.init(low: low, high: max((greatest / step).rounded(.up) * step, low + step), step: step)
    }

    /// Where a value lies: 0 at the low end, 1 at the high one.
    func part(_ value: Double) -> Double { (value - low) / (high - low) }

    func text(_ value: Double) -> String {
        if step >= 1, abs(value) < 1e15 { return "\(Int(value.rounded()))" }
        var scale = 1.0, decimals = 0
        while step * scale < 0.999, decimals < 12 { (scale, decimals) = (scale * 10, decimals + 1) }
        return NumberText.fixed(value, decimals)
    }
}
