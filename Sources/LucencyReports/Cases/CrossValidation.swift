import LucencyCalibration
import LucencyFoundation

/// Summarizes a table of cases that were tested in folds.
///
/// The means of folds with their standard deviation say how much the result varies with the data that were trained on. The
/// mean over all cases gets a bootstrap interval over cases (or groups of them); it is about further cases for models such as
/// these, and says nothing of how models vary.
public struct CrossValidation: Sendable {
    /// The column that names the fold.
    public var fold = "fold"
    /// Columns that tell rows apart, the first names the case; empty takes `Table.namingColumns`.
    public var match: [String] = []
    /// Columns whose values are summarized apart; nil takes those of `match` beside the case.
    public var by: [String]?
    /// Columns of numbers to summarize; empty takes all.
    public var values: [String] = []
    /// For cases, what they belong to: cases of one group are drawn together. nil where cases are independent.
    public var groups: [String: String]?
    public var bootstrap = Bootstrap()

    public init() {}

    /// The tables `summary` (a row for each metric and what `by` tells apart) and `folds` (one for each fold as well).
    /// - Throws: `Diagnostic` when a column is missing, a case was tested in two folds, or a case has no group.
    public func callAsFunction(_ cases: Table) throws(Diagnostic) -> (summary: Table, folds: Table) {
        let foldColumn = try cases.index(of: fold)
        let match = self.match.isEmpty ? try cases.namingColumns(without: fold) : self.match
        let names = by ?? Array(match.dropFirst())
        let by = try names.map { (name) throws(Diagnostic) in try cases.index(of: name) }
        let caseColumn = try cases.index(of: match[0])
        let columns = try cases.measurements(values, besides: match + names + [fold])
        let kinds = cases.rows.map { row in by.map { row[$0].name } }
        try requireOneFold(of: zip(cases.rows, kinds).map { ($1 + [$0[caseColumn].name], $0[foldColumn].name) })
        _ = try CaseRows(cases, match: match, name: "the cases")
        var summary = try Table(
            title: "cross-validation",
            columns: (names + ["metric", "unit", "folds", "fold_mean", "fold_sd", "cases"]
                + (groups == nil ? [] : ["groups"]) + ["mean", "lower", "upper", "left_out"]).map { .init($0) })
        var folds = try Table(
            title: "folds",
            columns: (names + ["metric", "unit", fold, "cases", "mean", "sd", "left_out"]).map { .init($0) })
        for kind in kinds.firstOfEach {
            let its = cases.rows.indices.filter { kinds[$0] == kind }
            let numbers = [[String]](its.map { [cases.rows[$0][foldColumn].name] }).firstOfEach.map { $0[0] }
            for column in columns {
                let unit = cases.columns[column].unit.map { Table.Cell.text($0) } ?? .missing
                let head = kind.map { Table.Cell.text($0) } + [.text(cases.columns[column].name), unit]
                var all = CaseMeans(), means: [Double] = [], leftOut = 0
                for number in numbers {
                    var values = CaseMeans(), out = 0
                    for row in its where cases.rows[row][foldColumn].name == number {
                        guard let value = cases.rows[row][column].finite else {
                            out += 1
                            continue
                        }
                        values.add(value, of: cases.rows[row][caseColumn].name)
                        all.add(value, of: cases.rows[row][caseColumn].name)
                    }
                    let (mean, sd) = Self.spread(values.means.map(\.value))
                    if let mean { means.append(mean) }
                    leftOut += out
                    try folds.append(
                        head + [
                            .text(number), .integer(values.means.count), Table.Cell(mean), Table.Cell(sd),
                            .integer(out),
                        ])
                }
                try summary.append(head + row(means, all, leftOut: leftOut))
            }
        }
        return (summary, folds)
    }

    /// Refuses a case that was tested in two folds: then one of them was trained on it, or they are of different runs.
    private func requireOneFold(of rows: [(key: [String], fold: String)]) throws(Diagnostic) {
        var folds: [[String]: String] = [:]
        for row in rows {
            guard let other = folds.updateValue(row.fold, forKey: row.key), other != row.fold else { continue }
            throw Diagnostic(
                .badArgument,
                "the case '\(row.key.last ?? "")' was tested in fold \(other) and in fold \(row.fold)",
                remedy:
                    "folds must not share cases (`split` of a source sees to that); where several runs stand in one "
                    + "table, name the column that tells them apart in `match`")
        }
    }

    private func row(_ folds: [Double], _ all: CaseMeans, leftOut: Int) throws(Diagnostic) -> [Table.Cell] {
        let (foldMean, foldDeviation) = Self.spread(folds)
        let cases = all.means
        let units = try groupNames(of: cases.map(\.name), in: groups)
        let interval = try bootstrap.interval(of: cases.map(\.value), groups: units)
        return [
            .integer(folds.count), Table.Cell(foldMean), Table.Cell(foldDeviation), .integer(cases.count),
        ] + (units.map { [.integer(Set($0).count)] } ?? []) + [
            Table.Cell(Self.spread(cases.map(\.value)).mean), Table.Cell(interval?.lower), Table.Cell(interval?.upper),
            .integer(leftOut),
        ]
    }

    /// Mean and sample standard deviation, where there are enough values.
    private static func spread(_ values: [Double]) -> (mean: Double?, deviation: Double?) {
        guard !values.isEmpty else { return (nil, nil) }
        let mean = values.reduce(0, +) / Double(values.count)
        guard values.count > 1 else { return (mean, nil) }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, (squares / Double(values.count - 1)).squareRoot())
    }
}
