import LucencyFoundation
import LucencyPipeline
import LucencyReports

extension Table: PortValue, PortInput {
    public static var portType: PortType { PortType("table") }
}

extension Table.Cell {
    /// A JSON scalar as a cell.
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .missing
        case .bool(let value): self = .text(value ? "true" : "false")
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .string(let value): self = .text(value)
        case .array, .object: self = .text(json.text)
        }
    }

    /// The cell as JSON, so that `init(_:)` gives it back.
    var jsonScalar: JSONValue {
        switch self {
        case .missing: .null
        case .text(let value): .string(value)
        case .integer(let value): .integer(value)
        // A tag keeps whole numbers numbers, and "nan" apart from a text.
        case .number(let value): ["n": .number(value)]
        }
    }

    /// Reads what `jsonScalar` made.
    init(jsonScalar json: JSONValue) {
        if let number = json["n"]?.doubleValue { self = .number(number) } else { self.init(json) }
    }
}
