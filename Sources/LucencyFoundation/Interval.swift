/// A number, or a range from which one is drawn evenly; a literal stands for a range of one value.
public struct Interval: Codable, Hashable, Sendable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    public var lower: Double
    public var upper: Double

    public init(_ lower: Double, _ upper: Double) {
        self.lower = lower
        self.upper = upper
    }

    public init(floatLiteral value: Double) { self.init(value, value) }
    public init(integerLiteral value: Int) { self.init(Double(value), Double(value)) }

    /// Halfway between the limits.
    public var middle: Double { (lower + upper) / 2 }
}
