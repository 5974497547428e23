import LucencyCalibration
import LucencyFoundation
import LucencyPipeline
import LucencyReports

/// Compares the values of a variant within one table of cases.
private struct Compare: Sendable {
    var variant = ""
    var baseline = ""
    var comparison = CaseComparison()
    var lowerIsBetter: [String] = []

    func callAsFunction(_ cases: Table) throws(Diagnostic) -> (Table, Table) {
        let column = try cases.index(of: variant)
        var rows: [String: [Int]] = [:]
        for (index, row) in cases.rows.enumerated() {
            if case .text(let value) = row[column] { rows[value, default: []].append(index) }
        }
        let others = rows.keys.filter { $0 != baseline }.sorted()
        guard let reference = rows[baseline], !others.isEmpty else {
            throw Diagnostic(
                .badArgument,
                rows[baseline] == nil
                    ? "'\(baseline)' is no value of '\(variant)'" : "'\(variant)' has no value beside '\(baseline)'",
                remedy: "it has: \(rows.keys.sorted().joined(separator: ", "))")
        }
        var comparison = comparison
        comparison.lowerIsBetter = Set(lowerIsBetter)
        if comparison.match.isEmpty { comparison.match = try cases.namingColumns(without: variant) }
        var summaries: [Table] = [], differences: [Table] = []
        for other in others {
            let result = try comparison(
                cases, cases, rowsA: reference, rowsB: rows[other], names: (baseline, other))
            summaries.append(try result.summary.prefixed(by: .init(variant), value: .text(other)))
            differences.append(try result.differences.prefixed(by: .init(variant), value: .text(other)))
        }
        return (try Table.joined(summaries), try Table.joined(differences))
    }
}

extension StageDescriptor {
    static let compare = StageDescriptor(
        "compare",
        "Compares the values of a variant with one of them, case by case: differences, intervals, p values, wins.",
        prototype: Compare(),
        source: "percentile bootstrap (Efron 1979) and sign-flip permutation test over cases or groups",
        inputs: ["cases", "split"], outputs: ["summary", "differences"],
        parameters: [
            Parameter("variant", \.variant, required: true, help: "Column that names the variant, such as method."),
            Parameter("baseline", \.baseline, required: true, help: "The value that all others are compared with."),
            Parameter(
                "match", \.comparison.match,
                help:
                    "Columns that tell rows apart, first the case; left out: `case` (or `item`), `class`, further variants."
            ),
            Parameter(
                "by", \.comparison.by,
                help: "Columns to compare apart, such as class; left out: averaged within a case."),
            Parameter("values", \.comparison.values, help: "Columns of numbers to compare; left out: all."),
            Parameter(
                "lowerIsBetter", \.lowerIsBetter, help: "Columns of which less is better; distances are known to be."),
            Parameter(
                "level", \.comparison.method.bootstrap.level, in: .within(0.5...0.999), help: "Confidence of intervals."
            ),
            Parameter(
                "resamples", \.comparison.method.bootstrap.resamples, in: .within(100...1_000_000),
                help: "How often is drawn."),
            Parameter(
                "flips", \.comparison.method.flips, in: .within(100...1_000_000), help: "Choices of signs to try for p."
            ),
            Parameter("seed", \.comparison.method.bootstrap.signedSeed, in: .atLeast(0), help: "Of what is drawn."),
        ],
        cost: { _, _ in .table(2) }
    ) { stage, _ in
        { (cases: Table, split: Table?) throws -> (Table, Table) in
            var stage = stage
            stage.comparison.groups = try split?.groups()
            return try stage(cases)
        }
    }
}
