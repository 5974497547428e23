import ArgumentParser
import Lucency

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare two runs case by case: differences, intervals, p values, wins.",
        discussion: """
            Example: lucency compare plain augmented --value dice --by class

            Reads two tables of cases (CSV), as pipelines write them, or the cases.csv of two output folders. A row of A belongs
            to the row of B with the same case and class. For each column of numbers it prints the mean of B − A over cases with
            a bootstrap interval (percentiles), the p value of a sign-flip permutation test, and in how many cases B is better,
            equal and worse. Without --by, the classes of a case are averaged first.
            """)

    @Argument(help: ArgumentHelp("Table of cases, or output folder, that is compared with.", valueName: "a"))
    var first: String

    @Argument(help: ArgumentHelp("Table of cases, or output folder, that is compared.", valueName: "b"))
    var second: String

    @Option(
        help: ArgumentHelp("Columns of numbers to compare, separated by commas. (default: all)", valueName: "columns"))
    var value: String?

    @Option(help: ArgumentHelp("Columns to compare apart, separated by commas, such as class.", valueName: "columns"))
    var by: String?

    @Option(
        help: ArgumentHelp(
            "Columns that tell rows apart, first the case. (default: case, class, and variants where needed)",
            valueName: "columns"))
    var match: String?

    @Option(
        help: ArgumentHelp(
            "Column, such as patient, of which cases with equal values are drawn together.", valueName: "column"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            "CSV table that has the column of --group, and a row for each case, named in its first column.",
            valueName: "file"), completion: .file(extensions: ["csv"]))
    var groupFile: String?

    @Option(
        help: ArgumentHelp(
            "Columns of which less is better, separated by commas; distances are known to be.", valueName: "columns"))
    var lowerIsBetter: String?

    @Option(help: ArgumentHelp("Confidence of intervals.", valueName: "share"))
    var level = 0.95

    @Option(help: ArgumentHelp("How often is drawn, and how many choices of signs are tried.", valueName: "n"))
    var resamples = 10_000

    @Option(help: ArgumentHelp("Seed of what is drawn.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp("Write the difference of each case to a CSV file.", valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var output: String?

    @Flag(help: "Print the comparison as JSON.")
    var json = false

    func validate() throws {
        guard 0.5...0.999 ~= level else { throw ValidationError("--level takes 0.5 to 0.999") }
        guard 100...1_000_000 ~= resamples else { throw ValidationError("--resamples takes 100 to 1000000") }
        if groupFile != nil, group == nil { throw ValidationError("--group-file needs --group COLUMN") }
    }

    func run() throws { try reporting { try perform() } }

    private func perform() throws {
        let paths = try [first, second].map(Self.table)
        if let output { try OutputFile.check(output, inputs: paths + [groupFile].compactMap { $0 }) }
        let tables = try paths.map { try Table(try CSVFile(path: $0)) }
        var comparison = CaseComparison()
        comparison.match = Self.names(match)
        comparison.by = Self.names(by)
        comparison.values = Self.names(value)
        comparison.lowerIsBetter = Set(Self.names(lowerIsBetter))
        comparison.method = PairedComparison(
            bootstrap: Bootstrap(resamples: resamples, seed: seed, level: level), flips: resamples)
        if let group {
            let cases = try comparison.match.first ?? tables[0].namingColumns()[0]
            comparison.groups = try groups(group, of: tables[0], cases: cases)
        }
        let result = try comparison(tables[0], tables[1], names: (paths[0], paths[1]))
        for (missing, path) in [(result.onlyA, paths[0]), (result.onlyB, paths[1])] where !missing.isEmpty {
            let shown = missing.prefix(5).joined(separator: "; ") + (missing.count > 5 ? "; …" : "")
            Terminal.error("\(missing.count) row(s) stand only in \(path) and do not count: \(shown)")
        }
        if let output {
            try FileSystem.replace(output, temporaryName: ".lucency-tmp-\(FileSystem.name(of: output))") {
                try FileSystem.write(result.differences.csv, to: $0)
            }
        }
        guard json else {
            var summary = result.summary
            summary.title =
                "B − A over cases, with \(Self.percent(level)) intervals\n  A: \(paths[0])\n  B: \(paths[1])"
            return Terminal.put(summary.text(), 1)
        }
        let report: JSONValue = [
            "a": .string(paths[0]), "b": .string(paths[1]), "level": .number(level),
            "resamples": .integer(resamples), "seed": .string(String(seed)),
            "comparisons": .array(result.summary.records), "onlyA": .array(result.onlyA.map { .string($0) }),
            "onlyB": .array(result.onlyB.map { .string($0) }),
        ]
        Terminal.out(report.prettyText)
    }

    /// The group of each case, from a table of groups or the table of cases itself.
    private func groups(_ column: String, of table: Table, cases: String) throws -> [String: String] {
        func texts(_ name: String) throws -> [String] {
            let index = try table.index(of: name)
            return table.rows.map { $0[index].name }
        }
        let names = try texts(cases)
        guard let groupFile else {
            return Dictionary(zip(names, try texts(column)), uniquingKeysWith: { first, _ in first })
        }
        let unique = Set(names).sorted()
        let values = try ItemColumn(path: groupFile, column: column).values(of: unique)
        return Dictionary(zip(unique, values), uniquingKeysWith: { first, _ in first })
    }

    /// The table that is meant: a file, or `cases.csv` of a folder.
    private static func table(_ path: String) throws(Diagnostic) -> String {
        guard FileSystem.isFolder(path) else { return path }
        let file = FileSystem.join(path, "cases.csv")
        guard FileSystem.isFile(file) else {
            throw Diagnostic(
                .missingFile, "the folder has no cases.csv", at: .init(file: path),
                remedy:
                    "name the table, which the pipeline writes by `outputs: {cases: {from: STAGE.cases, as: cases.csv}}`"
            )
        }
        return file
    }

    private static func names(_ list: String?) -> [String] {
        (list ?? "").split(separator: ",").map { String($0.drop { $0 == " " }) }
    }

    private static func percent(_ level: Double) -> String {
        let percent = (level * 1000).rounded() / 10
        return percent == percent.rounded() ? "\(Int(percent)) %" : "\(percent) %"
    }
}
