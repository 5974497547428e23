import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyPipeline

typealias ThresholdMethod = Threshold.Method

extension StageDescriptor {
    static let threshold = StageDescriptor(
        "segment.threshold",
        "Foreground (label 1) where a gray image is brighter, or darker, than a level; or several classes.",
        prototype: Threshold(), revision: 2, inputs: ["image"], outputs: ["labels"],
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
    private struct Niblack {
        var window = Length.pixels(25)
        var k = 0.2
    }
    private struct Classes { var classes = 3 }
    private struct Hysteresis {
        var low = 0.0, high = 1.0
        var connectivity = Connectivity.full
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
            Component(
                "niblack", "A level for each pixel: the mean around it less k deviations (Niblack 1986).",
                prototype: Niblack(),
                parameters: [
                    Parameter("window", \.window, in: .positive, help: "Side of the window, an odd number of pixels."),
                    Parameter("k", \.k, help: "Deviations below the mean; negative: above it."),
                ],
                make: { .niblack(window: $0.window, k: $0.k) },
                match: { if case .niblack(let window, let k) = $0 { Niblack(window: window, k: k) } else { nil } }),
            Component(
                "li", "The level that loses least when both sides become their means (Li & Tam 1998).",
                prototype: Plain(), parameters: [], make: { _ in .li }, match: { $0 == .li ? Plain() : nil }),
            Component(
                "triangle", "For small objects on much background (Zack, Rogers & Latt 1977).", prototype: Plain(),
                parameters: [], make: { _ in .triangle }, match: { $0 == .triangle ? Plain() : nil }),
            Component(
                "multi-otsu", "Levels that best separate several classes, labels 0 and up (Liao, Chen & Chung 2001).",
                prototype: Classes(),
                parameters: [Parameter("classes", \.classes, in: .within(2...16), help: "How many classes.")],
                make: { .multiOtsu(classes: $0.classes) },
                match: { if case .multiOtsu(let classes) = $0 { Classes(classes: classes) } else { nil } }),
            Component(
                "hysteresis",
                "What lies beyond one level and hangs together with something beyond another (Canny 1986).",
                prototype: Hysteresis(),
                parameters: [
                    Parameter("low", \.low, required: true, help: "The lower level, in the image's own intensities."),
                    Parameter("high", \.high, required: true, help: "The higher level."),
                    Parameter("connectivity", \.connectivity, help: "Which pixels hang together."),
                ],
                check: { settings in
                    guard settings.low <= settings.high else { throw descending }
                },
                make: { .hysteresis(low: $0.low, high: $0.high, connectivity: $0.connectivity) },
                match: {
                    if case .hysteresis(let low, let high, let connectivity) = $0 {
                        Hysteresis(low: low, high: high, connectivity: connectivity)
                    } else {
                        nil
                    }
                }),
        ]
    }
}

private let descending = Diagnostic(.badValue, "'low' is above 'high'", remedy: "give the lower level as `low`")
