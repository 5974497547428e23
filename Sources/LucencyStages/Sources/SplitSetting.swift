import LucencyFoundation
import LucencyPipeline
import LucencyReports

extension ItemSplit.Part: ChoiceParameter {}

/// `part: test` of a source.
struct PartSetting: ParameterValue {
    /// nil where what is written is no part, which is told already.
    var part: ItemSplit.Part?

    static var typeName: String { ItemSplit.Part.typeName }
    static var schema: JSONValue { ItemSplit.Part.schema }
    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> PartSetting? {
        PartSetting(part: ItemSplit.Part.decode(yaml, &decoding))
    }
    var canonical: JSONValue { part?.canonical ?? .null }
}

/// `split: {folds: 5, fold: 1}` of a source: how all items are divided. Which part the source takes stands beside it
/// (`part: test`), so that one declaration serves all sources that share it.
struct SplitSetting: SettingsValue {
    struct Fractions: SettingsValue {
        var training = 0.0
        var validation = 0.0
        var test = 0.0

        static var settingsName: String { "fractions" }
        static var settings: [Parameter<Fractions>] {
            [
                Parameter("training", \.training, in: .within(0...1), help: "Share of the items to train on."),
                Parameter("validation", \.validation, in: .within(0...1), help: "Share to validate on."),
                Parameter("test", \.test, in: .within(0...1), help: "Share to test on."),
            ]
        }

        func checkSettings() throws {
            let sum = training + validation + test
            guard abs(sum - 1) < 1e-9 else {
                throw Diagnostic(
                    .badValue, "the fractions add up to \((sum * 1e6).rounded() / 1e6)",
                    remedy: "let `training`, `validation` and `test` add up to 1")
            }
        }
    }

    var folds: Int?
    var fold: Int?
    var validation = false
    var fractions: Fractions?
    var seed = 0
    var group: ColumnSetting?
    var stratify: ColumnSetting?

    static var settingsName: String { "split" }
    static var settings: [Parameter<SplitSetting>] {
        [
            Parameter("folds", \.folds, in: .within(2...1000), help: "How many folds of equal size."),
            Parameter(
                "fold", \.fold, in: .atLeast(1),
                help: "Number of the fold that is the test part; all others are training."),
            Parameter(
                "validation", \.validation, help: "Make the fold after the test fold the validation part, not training."
            ),
            Parameter(
                "fractions", \.fractions, help: "Instead of folds: {training: 0.7, validation: 0.15, test: 0.15}."),
            Parameter("seed", \.seed, in: .atLeast(0), help: "Another seed divides in another way."),
            Parameter(
                "group", \.group,
                help: "What must stay together, from a table: {file: patients.csv, column: patient, item: name}."),
            Parameter("stratify", \.stratify, help: "What is spread evenly, from a table, as `group`."),
        ]
    }

    func checkSettings() throws {
        guard (folds == nil) != (fractions == nil) else {
            throw Diagnostic(
                .badValue,
                "`split` has \(folds == nil ? "neither `folds` nor `fractions`" : "`folds` and `fractions`")",
                remedy: folds == nil
                    ? "add `folds: 5` or `fractions: {training: 0.8, test: 0.2}`" : "leave one of them out")
        }
        guard let folds else {
            guard fold == nil, !validation else {
                throw Diagnostic(.badValue, "`fold` and `validation` belong to `folds`", remedy: "leave them out")
            }
            return
        }
        guard let fold else {
            throw Diagnostic(
                .missingKey, "`split` does not say which fold is for testing",
                remedy: "add `fold: 1`, or `fold: $fold` with `variants: {fold: \(Array(1...min(folds, 20)))}`")
        }
        guard fold <= folds else { throw Diagnostic(.badValue, "fold \(fold) is not one of \(folds) folds") }
        guard !validation || folds > 2 else {
            throw Diagnostic(
                .badValue, "two folds for testing and validation leave none for training",
                remedy: "use at least 3 folds")
        }
    }

    func split(_ part: ItemSplit.Part) -> ItemSplit {
        let division: ItemSplit.Division
        if let fractions {
            division = .fractions(training: fractions.training, validation: fractions.validation, test: fractions.test)
        } else {
            division = .folds(folds ?? 2, test: fold ?? 1, validation: validation)
        }
        return ItemSplit(
            division, part: part, seed: UInt64(seed), groups: group?.column, strata: stratify?.column)
    }

    /// Whether the division gives this part nothing.
    func leavesOut(_ part: ItemSplit.Part) -> Bool {
        guard let fractions else { return part == .validation && !validation }
        switch part {
        case .training: return fractions.training == 0
        case .validation: return fractions.validation == 0
        case .test: return fractions.test == 0
        }
    }
}

/// `{file: patients.csv, column: patient, item: name}`: a column of a CSV table with a row for each item.
struct ColumnSetting: ParameterValue {
    private struct Written: SettingsValue {
        var file = FilePath(path: "")
        var column = ""
        var item: String?

        static var settingsName: String { "the table" }
        static var settings: [Parameter<Written>] {
            [
                Parameter("file", \.file, required: true, help: "CSV file with a header and a row for each item."),
                Parameter("column", \.column, required: true, help: "Column with the value."),
                Parameter("item", \.item, help: "Column with the items' names; left out: the first."),
            ]
        }
    }

    /// nil while the folder given by --input, where the file lies, is not known.
    let column: ItemColumn?
    let file: String
    private let written: JSONValue

    static var typeName: String { Written.typeName }
    static var schema: JSONValue { Written.schema }
    var canonical: JSONValue { written }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> ColumnSetting? {
        let before = decoding.diagnostics.count
        guard let written = Written.decode(yaml, &decoding), decoding.diagnostics.count == before else { return nil }
        let path = written.file.path
        guard !path.contains(Decoding.missingInput) else {
            return ColumnSetting(column: nil, file: path, written: written.canonical)
        }
        do throws(Diagnostic) {
            let column = try ItemColumn(path: path, column: written.column, item: written.item)
            return ColumnSetting(column: column, file: path, written: written.canonical)
        } catch {
            var fault = error
            if fault.place == nil || fault.code == .missingFile { fault.place = yaml["file"]?.place ?? yaml.place }
            if fault.code == .missingFile { fault.message = "the table '\(path)' is not there" }
            decoding.report(fault)
            return nil
        }
    }
}

extension ItemColumn {
    /// A column of a CSV file.
    /// - Parameter item: the column with the items' names; nil takes the first.
    /// - Throws: `Diagnostic` as `CSVFile` does, when it lacks a column, and as `init(file:column:rows:)`.
    public init(path: String, column: String, item: String? = nil) throws(Diagnostic) {
        let table = try CSVFile(path: path)
        let value = try table.index(of: column),
            name = try item.map { (text) throws(Diagnostic) in try table.index(of: text) } ?? 0
        let rows = table.records.map { record in
            Row(item: record.fields[name].text, value: record.fields[value].text, line: record.line)
        }
        try self.init(file: path, column: column, rows: rows)
    }
}
