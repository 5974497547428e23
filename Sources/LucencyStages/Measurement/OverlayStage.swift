import LucencyImaging
import LucencyPipeline

typealias OverlayWindow = DisplayWindow

extension StageDescriptor {
    static let overlay = StageDescriptor(
        "overlay", "Draws labels, and the outlines of a reference, over an image for looking at.", prototype: Overlay(),
        inputs: ["image", "labels", "reference"], outputs: ["image"],
        parameters: [
            Parameter("window", \.window, help: "What becomes black and white."),
            Parameter("opacity", \.opacity, in: .within(0...1), help: "Share of the label's colour inside it."),
            Parameter("outline", \.outline, in: .within(0...32), help: "Width of outlines in pixels."),
            Parameter(
                "referenceOutline", \.referenceOutline, in: .within(1...32),
                help: "Width of the reference's outlines in pixels."),
        ],
        cost: { _, known in StageCost(outputs: [ValueEstimate(size: known.main.size, channels: 3)]) }
    ) { stage, context in
        { (image: Image, labels: LabelMap, reference: LabelMap?) throws -> Image in
            try stage(image, labels, reference: reference, pool: context.pool)
        }
    }
}

extension DisplayWindow: ComponentValue {
    public static var componentKind: String { "display window" }

    private struct Percentile { var lower = 0.5, upper = 99.5 }
    private struct Fixed { var low = 0.0, high = 255.0 }

    public static var components: [Component<DisplayWindow>] {
        [
            Component(
                "percentile", "Percentiles of the values.", prototype: Percentile(),
                parameters: [
                    Parameter("lower", \.lower, in: .within(0...100), help: "Percent that becomes black."),
                    Parameter("upper", \.upper, in: .within(0...100), help: "Percent that becomes white."),
                ],
                make: { .percentile(lower: $0.lower, upper: $0.upper) },
                match: { if case .percentile(let a, let b) = $0 { Percentile(lower: a, upper: b) } else { nil } }),
            Component(
                "fixed", "Given values.", prototype: Fixed(),
                parameters: [
                    Parameter("low", \.low, required: true, help: "The value that becomes black."),
                    Parameter("high", \.high, required: true, help: "The value that becomes white."),
                ],
                make: { .fixed(low: $0.low, high: $0.high) },
                match: { if case .fixed(let a, let b) = $0 { Fixed(low: a, high: b) } else { nil } }),
        ]
    }
}
