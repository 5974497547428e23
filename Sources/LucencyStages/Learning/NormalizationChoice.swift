import LucencyNetworks
import LucencyPipeline

typealias IntensityNormalization = Preprocessing.Normalization

extension Preprocessing.Normalization: ComponentValue {
    public static var componentKind: String { "intensity normalization" }

    private struct Plain {}
    private struct Percentile { var lower = 0.5, upper = 99.5 }
    private struct Window { var low = 0.0, high = 255.0 }
    private struct Standard { var mean = 0.0, deviation = 1.0, low = -1e6, high = 1e6 }

    public static var components: [Component<Preprocessing.Normalization>] {
        [
            Component(
                "none", "Intensities as they are.", prototype: Plain(), parameters: [], make: { _ in .none },
                match: { $0 == .none ? Plain() : nil }),
            Component(
                "z-score", "Mean 0 and standard deviation 1 of each image.", prototype: Plain(), parameters: [],
                make: { _ in .zScore }, match: { $0 == .zScore ? Plain() : nil }),
            Component(
                "percentile", "Percentiles of each image become 0 and 1; what lies beyond is cut.",
                prototype: Percentile(),
                parameters: [
                    Parameter("lower", \.lower, in: .within(0...100), help: "Percent that becomes 0."),
                    Parameter("upper", \.upper, in: .within(0...100), help: "Percent that becomes 1."),
                ],
                make: { .percentile(lower: $0.lower, upper: $0.upper) },
                match: { if case .percentile(let a, let b) = $0 { Percentile(lower: a, upper: b) } else { nil } }),
            Component(
                "window", "Two intensities become 0 and 1; what lies beyond is cut.", prototype: Window(),
                parameters: [
                    Parameter("low", \.low, help: "What becomes 0."),
                    Parameter("high", \.high, help: "What becomes 1."),
                ],
                make: { .window(low: $0.low, high: $0.high) },
                match: { if case .window(let a, let b) = $0 { Window(low: a, high: b) } else { nil } }),
            Component(
                "standard", "Cut to a range, then a mean is subtracted and divided by a deviation.",
                prototype: Standard(),
                parameters: [
                    Parameter("mean", \.mean, help: "The mean."),
                    Parameter("deviation", \.deviation, in: .positive, help: "The standard deviation."),
                    Parameter("low", \.low, help: "Lower end of the range."),
                    Parameter("high", \.high, help: "Upper end of the range."),
                ],
                make: { .standard(mean: $0.mean, deviation: $0.deviation, low: $0.low, high: $0.high) },
                match: {
                    if case .standard(let mean, let deviation, let low, let high) = $0 {
                        Standard(mean: mean, deviation: deviation, low: low, high: high)
                    } else {
                        nil
                    }
                }),
        ]
    }
}
