import LucencyImaging
import LucencyPipeline

typealias GrayMethod = Gray.Method

extension StageDescriptor {
    static let gray = StageDescriptor(
        "gray", "Makes a one-channel image of a colour image.", prototype: Gray(), source: "ITU-R BT.601 (luminance)",
        inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter("method", \.method, help: "How channels become one."),
            Parameter("alpha", \.alpha, help: "What transparent pixels look like."),
            Parameter(
                "white", \.white, in: .positive, help: "Value of white and full opacity; left out: of the stored type."),
        ],
        cost: { _, known in StageCost(outputs: [ValueEstimate(size: known.main.size)]) }
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}

extension Gray.Method: ComponentValue {
    public static var componentKind: String { "gray method" }

    private struct Plain {}
    private struct Channel { var index = 0 }

    public static var components: [Component<Gray.Method>] {
        [
            Component(
                "luminance", "0.299 R + 0.587 G + 0.114 B.", prototype: Plain(), parameters: [],
                make: { _ in .luminance }, match: { $0 == .luminance ? Plain() : nil }),
            Component(
                "mean", "Mean of all channels but alpha.", prototype: Plain(), parameters: [],
                make: { _ in .mean }, match: { $0 == .mean ? Plain() : nil }),
            Component(
                "channel", "One channel.", prototype: Channel(),
                parameters: [Parameter("index", \.index, in: .atLeast(0), help: "Counted from 0.")],
                make: { .channel($0.index) },
                match: { if case .channel(let index) = $0 { Channel(index: index) } else { nil } }),
        ]
    }
}
