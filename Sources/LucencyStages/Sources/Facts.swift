import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

/// What is known of an item in words and numbers: its class, its patient. A table of one row with a column for each fact,
/// so that `gather` joins the facts of all items and every writer of tables writes them.
extension Table {
    /// A table of facts.
    /// - Throws: `Diagnostic` when two facts have one name.
    static func facts(_ facts: [(name: String, value: Cell)]) throws(Diagnostic) -> Table {
        try Table(title: "facts", columns: facts.map { Column($0.name) }, rows: [facts.map(\.value)])
    }

    /// A fact as text, whole numbers as digits.
    /// - Throws: `Diagnostic` when the table is no row of facts, has no such fact, or it is missing.
    package func fact(_ name: String) throws(Diagnostic) -> String {
        guard rows.count == 1 else {
            throw Diagnostic(
                .badArgument, "the facts of an item are a table of one row, this one has \(rows.count)",
                remedy: "take the port `facts` of a source")
        }
        switch rows[0][try index(of: name)] {
        case .text(let text): return text
        case .integer(let value): return String(value)
        case .number(let value): return String(value)
        case .missing:
            throw Diagnostic(
                .undefinedResult, "the item has no '\(name)'",
                remedy: "fill its field in the table, or leave the item out")
        }
    }

    /// A fact that items may lack, all of them: nil where the table has no such column.
    /// - Throws: `Diagnostic` as `fact`.
    package func fact(ifThere name: String) throws(Diagnostic) -> String? {
        columns.contains { $0.name == name } ? try fact(name) : nil
    }
}

extension ItemLoader {
    /// Makes the facts of an item when they are asked for.
    static func facts(_ make: @escaping @Sendable () throws -> Table) -> ItemLoader {
        ItemLoader(paths: [], reader: "facts 1") {
            ValueEstimate(size: GridSize(1, 1))
        } contentHashes: {
            [SHA256.hex(of: try make().csv)]
        } load: {
            try make()
        }
    }
}

/// `facts: {file: list.csv, item: image}` of a source: a CSV table with a row for each item.
struct FactsSetting: ParameterValue {
    private struct Written: SettingsValue {
        var file = FilePath(path: "")
        var item: String?
        var columns: [String] = []

        static var settingsName: String { "the facts" }
        static var settings: [Parameter<Written>] {
            [
                Parameter("file", \.file, required: true, help: "CSV file with a header and a row for each item."),
                Parameter("item", \.item, help: "Column with the items' names; left out: the first."),
                Parameter(
                    "columns", \.columns,
                    help:
                        "Which facts to take, that no item may lack; left out: all other columns, whose fields may be empty."
                ),
            ]
        }
    }

    /// Empty while the folder given by --input, where the file lies, is not known.
    let columns: [ItemColumn]
    let file: String
    private let written: JSONValue

    static var typeName: String { Written.typeName }
    static var schema: JSONValue { Written.schema }
    var canonical: JSONValue { written }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> FactsSetting? {
        let before = decoding.diagnostics.count
        guard let written = Written.decode(yaml, &decoding), decoding.diagnostics.count == before else { return nil }
        let path = written.file.path
        guard !path.contains(Decoding.missingInput) else {
            return FactsSetting(columns: [], file: path, written: written.canonical)
        }
        do throws(Diagnostic) {
            let table = try CSVFile(path: path)
            let name = try written.item.map { (text) throws(Diagnostic) in try table.index(of: text) } ?? 0
            var chosen = table.header.indices.filter { $0 != name }
            if !written.columns.isEmpty {
                chosen = []
                for column in written.columns { chosen.append(try table.index(of: column)) }
            }
            guard !chosen.isEmpty else {
                throw Diagnostic(
                    .badValue, "the table has no column beside '\(table.header[name])'", at: .init(file: path),
                    remedy: "add a column for each fact, such as `class` and `patient`")
            }
            var columns: [ItemColumn] = []
            for index in chosen {
                let rows = table.records.map { record in
                    ItemColumn.Row(
                        item: record.fields[name].text, value: record.fields[index].text, line: record.line)
                }
                // Of columns that nobody asked for, nobody needs every field.
                columns.append(
                    try ItemColumn(
                        file: path, column: table.header[index], rows: rows, hasGaps: written.columns.isEmpty))
            }
            return FactsSetting(columns: columns, file: path, written: written.canonical)
        } catch {
            var fault = error
            if fault.place == nil || fault.code == .missingFile { fault.place = yaml["file"]?.place ?? yaml.place }
            if fault.code == .missingFile { fault.message = "the table '\(path)' is not there" }
            decoding.report(fault)
            // The port is there all the same: what reads it is not at fault.
            return FactsSetting(columns: [], file: path, written: written.canonical)
        }
    }
}

extension ConfiguredSource {
    static let factsPort = "facts"

    /// The same source with the port `facts`, where it is told of a table.
    func stating(
        _ setting: FactsSetting?, at place: Diagnostic.Place?, _ decoding: inout Decoding
    ) -> ConfiguredSource {
        guard let setting else { return self }
        if ports.contains(where: { $0.name == Self.factsPort }) {
            decoding.error(
                .duplicateName, "a source with `facts` has a port '\(Self.factsPort)' already", at: place,
                remedy: "choose another name under `also`")
        }
        let list = self.list, columns = setting.columns
        return ConfiguredSource(
            ports: ports + [Port(Self.factsPort, Table.portType)],
            needsInput: needsInput || setting.file.contains(Decoding.missingInput), files: files + [setting.file]
        ) { context in
            var listing = try list(context)
            let names = listing.items.map(\.relative)
            let values = try columns.map { try $0.values(of: names) }
            listing.items = listing.items.enumerated().map { index, item in
                let facts = zip(columns, values).map { (name: $0.column, value: Table.Cell(fact: $1[index])) }
                return item.adding(Self.factsPort, .facts { try .facts(facts) })
            }
            return listing
        }
    }
}

extension Table.Cell {
    /// A field of a table of facts: a whole number as it is usually written, or a text. `007` stays a text. An empty one is
    /// missing.
    fileprivate init(fact text: String) {
        self = text.isEmpty ? .missing : Int(text).flatMap { String($0) == text ? .integer($0) : nil } ?? .text(text)
    }
}
