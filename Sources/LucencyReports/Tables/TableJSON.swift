import LucencyFoundation

extension Table {
    /// The table as `{"title", "columns": [{"name", "unit"}], "rows": [[…]]}`: rows are arrays in the order of the
    /// columns, missing values and units are null, numbers that are not finite are the strings `nan`, `inf`, `-inf`.
    public var json: JSONValue {
        .object([
            "title": .string(title),
            "columns": .array(
                columns.map {
                    .object(["name": .string($0.name), "unit": $0.unit.map(JSONValue.string) ?? .null])
                }),
            "rows": .array(rows.map { .array($0.map(\.json)) }),
        ])
    }

    /// Each row as an object `{"column": value}`; missing values are null.
    public var records: [JSONValue] {
        rows.map { row in
            .object(Dictionary(zip(columns.map(\.name), row.map(\.json)), uniquingKeysWith: { first, _ in first }))
        }
    }
}

extension Table.Cell {
    /// The cell as a JSON value.
    public var json: JSONValue {
        switch self {
        case .text(let value): .string(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .missing: .null
        }
    }
}
