import LucencyFoundation
import LucencyNetworks
import LucencyPipeline
import LucencyReports

private struct NoOptions: Sendable {}

extension WriterDescriptor {
    private struct CSVOptions: Sendable {
        var spreadsheet = false
    }

    static let tableCSV = WriterDescriptor(
        Table.self, extensions: ["csv"], "Comma-separated values (RFC 4180).", prototype: CSVOptions(), revision: 1,
        parameters: [
            Parameter(
                "spreadsheet", \.spreadsheet,
                help: "An apostrophe before texts, such as file names, that a spreadsheet would run as a formula.")
        ]
    ) { table, path, options in
        try FileSystem.write(options.spreadsheet ? table.spreadsheetCSV : table.csv, to: path)
    }

    static let tableMarkdown = WriterDescriptor(
        Table.self, extensions: ["md"], "A Markdown table, numbers rounded.", prototype: NoOptions(), revision: 1,
        parameters: []
    ) { table, path, _ in try FileSystem.write(table.markdown(), to: path) }

    static let tableJSON = WriterDescriptor(
        Table.self, extensions: ["json"], "JSON: title, columns, rows.", prototype: NoOptions(), revision: 1,
        parameters: []
    ) { table, path, _ in try FileSystem.write(table.json.prettyText + "\n", to: path) }

    private struct ModelOptions: Sendable {
        var isHalf = false
    }

    static let model = WriterDescriptor(
        ModelFile.self, extensions: ["lucency", "safetensors"], "A model file.", prototype: ModelOptions(), revision: 1,
        parameters: [
            Parameter("half", \.isHalf, help: "Weights in half precision: half the bytes, 11 bits of each number.")
        ]
    ) { model, path, options in
        if options.isHalf { return try model.halved().write(to: path) }
        // A model that was read is passed on as it is.
        guard let source = model.path else { return try model.write(to: path) }
        try FileSystem.copy(source, to: path)
    }
}
