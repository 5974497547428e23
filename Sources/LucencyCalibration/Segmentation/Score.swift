/// The value of a metric, or why there is none. Tables count `infinite` and `undefined` apart; they never average them.
public enum Score: Hashable, Sendable {
    case value(Double)
    /// A distance to something that is not there.
    case infinite
    /// Nothing to measure, as 0 / 0.
    case undefined

    /// Infinity is `.infinite`, NaN and nil are `.undefined`.
    public init(_ number: Double?) {
        guard let number, !number.isNaN else {
            self = .undefined
            return
        }
        self = number.isInfinite ? .infinite : .value(number)
    }

    /// A quotient of counts; undefined for 0 / 0 (and for anything else divided by 0).
    public static func ratio(_ part: Int, _ whole: Int) -> Score {
        whole == 0 ? .undefined : .value(Double(part) / Double(whole))
    }

    /// The number, or nil.
    public var value: Double? { if case .value(let value) = self { value } else { nil } }
}

/// A number, `"inf"` or null.
extension Score: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .undefined
        } else if let text = try? container.decode(String.self) {
            guard text == "inf" else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a score: \(text)")
            }
            self = .infinite
        } else {
            self = Score(try container.decode(Double.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .value(let value): try container.encode(value)
        case .infinite: try container.encode("inf")
        case .undefined: try container.encodeNil()
        }
    }
}

/// Whether a class is there, in a case or in its prediction.
public enum Presence: String, CaseIterable, Hashable, Codable, Sendable {
    case both = "present"
    /// In the reference only.
    case missed
    /// In the prediction only.
    case falseAlarm = "false-alarm"
    case neither = "absent"

    public init(prediction: Bool, reference: Bool) {
        self = prediction ? (reference ? .both : .falseAlarm) : (reference ? .missed : .neither)
    }
}
