import LucencyImaging
import LucencyPipeline

typealias NormalizeMethod = Normalize.Method

extension StageDescriptor {
    static let normalize = StageDescriptor(
        "normalize", "Maps intensities to a common scale.", prototype: Normalize(), inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("method", \.method, help: "How the scale is found."),
            Parameter(
                "scope", \.scope,
                help: "All channels together or each alone; left out: together for RGB, else each alone."),
        ]
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}

extension Normalize.Method: ComponentValue {
    public static var componentKind: String { "normalization" }

    private struct Plain {}
    private struct MinMax { var low = 0.0, high = 1.0 }
    private struct Percentile { var lower = 1.0, upper = 99.0, clip = true }
    private struct Window { var low = 0.0, high = 255.0, clip = true }

    public static var components: [Component<Normalize.Method>] {
        [
            Component(
                "z-score", "Mean 0 and standard deviation 1.", prototype: Plain(), parameters: [],
                make: { _ in .zScore }, match: { $0 == .zScore ? Plain() : nil }),
            Component(
                "min-max", "The smallest value becomes `low`, the greatest `high`.", prototype: MinMax(),
                parameters: [
                    Parameter("low", \.low, help: "What the smallest value becomes."),
                    Parameter("high", \.high, help: "What the greatest value becomes."),
                ],
                make: { .minMax(low: $0.low, high: $0.high) },
                match: { if case .minMax(let low, let high) = $0 { MinMax(low: low, high: high) } else { nil } }),
            Component(
                "percentile", "A lower percentile becomes 0, an upper one 1.", prototype: Percentile(),
                parameters: [
                    Parameter("lower", \.lower, in: .within(0...100), help: "Percent of the values."),
                    Parameter("upper", \.upper, in: .within(0...100), help: "Percent of the values."),
                    Parameter("clip", \.clip, help: "Cut what lies beyond to 0...1."),
                ],
                make: { .percentile(lower: $0.lower, upper: $0.upper, clip: $0.clip) },
                match: {
                    if case .percentile(let a, let b, let clip) = $0 {
                        Percentile(lower: a, upper: b, clip: clip)
                    } else {
                        nil
                    }
                }),
            Component(
                "window", "`low` becomes 0, `high` 1.", prototype: Window(),
                parameters: [
                    Parameter("low", \.low, required: true, help: "The image's value that becomes 0."),
                    Parameter("high", \.high, required: true, help: "The image's value that becomes 1."),
                    Parameter("clip", \.clip, help: "Cut what lies beyond to 0...1."),
                ],
                make: { .window(low: $0.low, high: $0.high, clip: $0.clip) },
                match: {
                    if case .window(let a, let b, let clip) = $0 { Window(low: a, high: b, clip: clip) } else { nil }
                }),
        ]
    }
}
