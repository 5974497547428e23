import LucencyFoundation
import LucencyPipeline
import LucencyReports

/// Joins the tables of all items into one, with the item (and the gathered variants) in front. The first item's columns
/// count; items with others are left out.
private struct Gather: Sendable {}

/// The table of one item, with the item and its variants in front.
private struct ItemTable: Sendable {
    let item: String
    let table: Table
}

extension CollectorDescriptor {
    static let gather = CollectorDescriptor(
        "gather", "Joins the tables of all items into one, with the item's name in front.", prototype: Gather(),
        revision: 2,
        groups: [
            StreamGroup<Gather, [ItemTable]>("tables", ports: ["table"]) {
                (_: Gather, state: inout [ItemTable], tag: ItemTag, _: StageContext, table: Table) in
                var tagged = try table.prefixed(by: .init("item"), value: .text(tag.item))
                for (name, value) in tag.variants.sorted(by: { $0.key > $1.key }) {
                    tagged = try tagged.prefixed(by: .init(name), value: .text(value))
                }
                state.append(ItemTable(item: tag.item, table: tagged))
            }
        ],
        outputs: ["table"],
        coding: StateCoding(
            encode: { tables in .array(tables.map { ["item": .string($0.item), "table": $0.table.stateJSON] }) },
            decode: { json in
                try (json.arrayValue ?? []).map {
                    ItemTable(item: $0["item"]?.stringValue ?? "", table: try Table(stateJSON: $0["table"] ?? .null))
                }
            }),
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: { (_: Gather, items: [ItemTable], context: StageContext) throws -> Table in
            guard let first = items.first else { throw Diagnostic(.badArgument, "there are no tables to join") }
            var fitting: [Table] = []
            for next in items {
                guard let mismatch = first.table.columnMismatch(with: next.table) else {
                    fitting.append(next.table)
                    continue
                }
                context.leaveOut(
                    next.item,
                    because: Diagnostic(
                        .badArgument,
                        "'\(next.item)' was left out of '\(context.stage)': its table does not fit that of '\(first.item)', the "
                            + "first item; \(mismatch)",
                        remedy:
                            "gather items of one kind: choose them by the source's `list`, or by a pattern in `images`")
                )
            }
            return try Table.joined(fitting, title: first.table.title)
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
