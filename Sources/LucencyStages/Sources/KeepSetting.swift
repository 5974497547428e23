import LucencyFoundation
import LucencyPipeline

/// `keep: {count: 10, seed: 1}` of a source.
struct KeepSetting: SettingsValue {
    enum Part: String, ChoiceParameter { case kept, rest }

    var count: Int?
    var fraction: Double?
    var seed = 0
    var part = Part.kept

    static var settingsName: String { "keep" }
    static var settings: [Parameter<KeepSetting>] {
        [
            Parameter("count", \.count, in: .atLeast(1), help: "How many items."),
            Parameter(
                "fraction", \.fraction, in: .above(0, upTo: 1),
                help: "Which part of the items, where no count is given."),
            Parameter(
                "seed", \.seed, in: .atLeast(0), help: "Another seed keeps other items; fewer are a part of more."),
            Parameter("part", \.part, help: "`kept`, or `rest` for all the others."),
        ]
    }

    func checkSettings() throws {
        guard (count == nil) != (fraction == nil) else {
            throw Diagnostic(
                .badValue, "`keep` has \(count == nil ? "neither `count` nor `fraction`" : "`count` and `fraction`")",
                remedy: count == nil ? "add `count: 10` or `fraction: 0.1`" : "leave one of them out")
        }
    }

    var selection: ItemSelection {
        ItemSelection(count: count, fraction: fraction, seed: UInt64(seed), isRest: part == .rest)
    }
}
