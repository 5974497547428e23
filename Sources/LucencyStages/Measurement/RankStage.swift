import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

extension MethodRanking.Figure: SettingsValue {
    public static var settingsName: String { "the figure" }

    public init() { self.init("", value: "mean") }

    public static var settings: [Parameter<MethodRanking.Figure>] {
        [
            Parameter("name", \.name, required: true, help: "What its column is called."),
            Parameter("value", \.value, help: "The column that holds it."),
            Parameter(
                "where", \.filter,
                help:
                    "What other columns must hold: {metric: dice, class: all}; an empty text: nothing, or no such column."
            ),
            Parameter("better", \.better, help: "Which direction is good; none: it is not ranked."),
            Parameter("optional", \.isOptional, help: "Leave it out where no table has it."),
        ]
    }
}

extension MethodRanking.Figure.Direction: ChoiceParameter {}

private struct Rank: Sendable {
    var by: [String] = []
    var over = "seed"
    var figures: [MethodRanking.Figure] = []
}

extension StageDescriptor {
    static let rank = StageDescriptor(
        "rank",
        "Compares methods by figures of several tables: mean and standard deviation over repetitions, and ranks.",
        prototype: Rank(), inputs: ["tables"], outputs: ["table"],
        parameters: [
            Parameter("by", \.by, required: true, help: "Columns that together name a method, such as [method]."),
            Parameter("over", \.over, help: "The column that names repetitions."),
            Parameter("figures", \.figures, required: true, help: "The figures, in order."),
        ],
        check: { stage in
            guard !stage.figures.isEmpty, !stage.by.isEmpty else {
                throw Diagnostic(.badArgument, "`by` and `figures` cannot be empty")
            }
            let names = stage.figures.map(\.name)
            guard Set(names).count == names.count else {
                throw Diagnostic(.duplicateName, "two figures have the same name")
            }
        },
        cost: { _, _ in StageCost(outputs: [ValueEstimate(size: GridSize(1, 1))]) }
    ) { stage, _ in
        { (tables: [Table]) throws -> Table in
            try MethodRanking(by: stage.by, over: stage.over, figures: stage.figures)(tables)
        }
    }
}
