import LucencyCalibration
import LucencyFoundation
import LucencyPipeline
import LucencyReports

extension StageDescriptor {
    static let crossValidate = StageDescriptor(
        "cross-validate",
        "Summarizes cases that were tested in folds: means of folds with their deviation, and the mean over all cases with "
            + "an interval.",
        prototype: CrossValidation(),
        source: "interval: percentile bootstrap over cases or groups, Efron 1979",
        inputs: ["cases", "split"], outputs: ["summary", "folds"],
        parameters: [
            Parameter("fold", \.fold, help: "Column that names the fold."),
            Parameter(
                "match", \.match,
                help:
                    "Columns that tell rows apart, first the case; left out: `case` (or `item`), `class`, further variants."
            ),
            Parameter("by", \.by, help: "Columns to summarize apart; left out: those of `match` beside the case."),
            Parameter("values", \.values, help: "Columns of numbers to summarize; left out: all."),
            Parameter("level", \.bootstrap.level, in: .within(0.5...0.999), help: "Confidence of intervals."),
            Parameter("resamples", \.bootstrap.resamples, in: .within(100...1_000_000), help: "How often is drawn."),
            Parameter("seed", \.bootstrap.signedSeed, in: .atLeast(0), help: "Of the bootstrap."),
        ],
        cost: { _, _ in .table(2) }
    ) { stage, _ in
        { (cases: Table, split: Table?) throws -> (Table, Table) in
            var stage = stage
            stage.groups = try split?.groups()
            let (summary, folds) = try stage(cases)
            return (summary, folds)
        }
    }
}

extension Bootstrap {
    /// The seed as a parameter, which is a whole number.
    var signedSeed: Int {
        get { Int(clamping: seed) }
        set { seed = UInt64(clamping: newValue) }
    }
}

extension StageCost {
    /// Of results that are tables.
    static func table(_ count: Int) -> StageCost {
        StageCost(outputs: Array(repeating: ValueEstimate(size: .init(1, 1)), count: count))
    }
}

extension Table {
    /// The group of each item, from the gathered tables of a source's port `split`; nil where the split has no groups.
    /// - Throws: `Diagnostic` when it is another table.
    func groups() throws(Diagnostic) -> [String: String]? {
        guard let items = cells(of: "item"), cells(of: "part") != nil else {
            throw Diagnostic(
                .badArgument, "the input `split` is not a table of how items were divided",
                remedy: "gather the port `split` of a source: {uses: gather, in: SOURCE.split, over: [fold]}")
        }
        guard let groups = cells(of: "group") else { return nil }
        return Dictionary(zip(items.map(\.name), groups.map(\.name)), uniquingKeysWith: { first, _ in first })
    }
}
