import LucencyFoundation
import LucencyPipeline
import LucencyReports

/// Joins the tables of all items into one, with the item (and the gathered variants) in front.
private struct Gather: Sendable {}

extension CollectorDescriptor {
    static let gather = CollectorDescriptor(
        "gather", "Joins the tables of all items into one, with the item's name in front.", prototype: Gather(),
        groups: [
            StreamGroup<Gather, [Table]>("tables", ports: ["table"]) {
                (_: Gather, state: inout [Table], tag: ItemTag, _: StageContext, table: Table) in
                var tagged = try table.prefixed(by: .init("item"), value: .text(tag.item))
                for (name, value) in tag.variants.sorted(by: { $0.key > $1.key }) {
                    tagged = try tagged.prefixed(by: .init(name), value: .text(value))
                }
                state.append(tagged)
            }
        ],
        outputs: ["table"],
        coding: StateCoding(
            encode: { tables in .array(tables.map(\.stateJSON)) },
            decode: { json in try (json.arrayValue ?? []).map(Table.init(stateJSON:)) }),
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: { (_: Gather, tables: [Table], _: StageContext) throws -> Table in
            try Table.joined(tables, title: tables.first?.title)
        })
}

extension Table {
    fileprivate var stateJSON: JSONValue {
        [
            "title": .string(title),
            "columns": .array(
                columns.map { ["name": .string($0.name), "unit": $0.unit.map { .string($0) } ?? .null] }),
            "rows": .array(rows.map { .array($0.map(\.jsonScalar)) }),
        ]
    }

    fileprivate init(stateJSON json: JSONValue) throws {
        let columns = (json["columns"]?.arrayValue ?? []).map {
            Column($0["name"]?.stringValue ?? "", unit: $0["unit"]?.stringValue)
        }
        let rows = (json["rows"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map { Cell(jsonScalar: $0) } }
        try self.init(title: json["title"]?.stringValue ?? "", columns: columns, rows: rows)
    }
}
