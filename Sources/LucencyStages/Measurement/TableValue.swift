import LucencyCalibration
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

extension Table {
    /// The table with a column for each variant in front, in the order of their names.
    func tagged(_ variants: [String: String]) throws -> Table {
        var table = self
        for (name, value) in variants.sorted(by: { $0.key > $1.key }) {
            table = try table.prefixed(by: .init(name), value: .text(value))
        }
        return table
    }
}

extension Table.Cell {
    /// Undefined scores are missing, infinite ones stay infinite.
    init(_ score: Score) {
        switch score {
        case .value(let value): self = .number(value)
        case .infinite: self = .number(.infinity)
        case .undefined: self = .missing
        }
    }

    /// A number, or missing.
    init(_ number: Double?) { self = number.map { .number($0) } ?? .missing }
}

extension ItemTag {
    /// The gathered variants as one text, by which states of a combination find each other.
    var combination: String {
        variants.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
