import LucencyImaging
import LucencyMorphology
import LucencyPipeline

typealias ThresholdMethod = Threshold.Method

extension StageDescriptor {
    static let threshold = StageDescriptor(
        "segment.threshold", "Foreground (label 1) where a gray image is brighter, or darker, than a level.",
        prototype: Threshold(), inputs: ["image"], outputs: ["labels"],
        parameters: [
            Parameter("method", \.method, help: "How the level is found."),
            Parameter("foreground", \.foreground, help: "Which side of the level is foreground."),
        ]
    ) { stage, context in
        { (image: Image) throws -> LabelMap in try stage(image, pool: context.pool) }
    }
}

extension Threshold.Method: ComponentValue {
    public static var componentKind: String { "threshold method" }

    private struct Plain {}
    private struct Fixed { var level = 0.5 }
    private struct Sauvola {
        var window = Length.pixels(25)
        var k = 0.2
        var range: Double?
    }

    public static var components: [Component<Threshold.Method>] {
        [
            Component(
                "otsu", "The level that best separates two classes (Otsu 1979).", prototype: Plain(), parameters: [],
                make: { _ in .otsu }, match: { $0 == .otsu ? Plain() : nil }),
            Component(
                "fixed", "A given level.", prototype: Fixed(),
                parameters: [Parameter("level", \.level, required: true, help: "In the image's own intensities.")],
                make: { .fixed(level: $0.level) },
                match: { if case .fixed(let level) = $0 { Fixed(level: level) } else { nil } }),
            Component(
                "sauvola", "A level for each pixel from the mean and spread around it (Sauvola & Pietikäinen 2000).",
                prototype: Sauvola(),
                parameters: [
                    Parameter("window", \.window, in: .positive, help: "Side of the window, an odd number of pixels."),
                    Parameter("k", \.k, help: "How strongly flat surroundings lower the level."),
                    Parameter(
                        "range", \.range, in: .positive,
                        help: "Greatest standard deviation; left out: half of the image's range."),
                ],
                make: { .sauvola(window: $0.window, k: $0.k, range: $0.range) },
                match: {
                    if case .sauvola(let window, let k, let range) = $0 {
                        Sauvola(window: window, k: k, range: range)
                    } else {
                        nil
                    }
                }),
        ]
    }
}
