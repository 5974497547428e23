import LucencyImaging
import LucencyMorphology
import LucencyPipeline

typealias BackgroundMethod = Background.Method

extension Background.Operation: ChoiceParameter {}

extension StageDescriptor {
    static let background = StageDescriptor(
        "background", "Finds the slowly changing background and takes it away.", prototype: Background(),
        inputs: ["image"], outputs: ["image", "background"],
        parameters: [
            Parameter("method", \.method, help: "How the background is found."),
            Parameter("operation", \.operation, help: "How it is taken away."),
            Parameter("objects", \.objects, help: "Whether objects are brighter or darker than the background."),
            Parameter(
                "keepLevel", \.keepLevel,
                help: "Add (or multiply by) the background's mean, so that intensities stay in their usual range."),
        ],
        cost: { _, known in
            StageCost(outputs: [known.main, known.main], scratchBytes: known.main.size.count.multipliedSafely(by: 16))
        }
    ) { stage, context in
        { (image: Image) throws -> (Image, Image) in
            let result = try stage(image, pool: context.pool)
            return (result.image, result.background)
        }
    }
}

extension Background.Method: ComponentValue {
    public static var componentKind: String { "background method" }

    private struct Ball {
        var radius = Length.pixels(50)
        var height: Double?
    }
    private struct Smooth { var deviation = Length.pixels(50) }

    public static var components: [Component<Background.Method>] {
        [
            Component(
                "rolling-ball", "What a ball reaches that rolls along below the intensities (Sternberg 1983).",
                prototype: Ball(),
                parameters: [
                    Parameter(
                        "radius", \.radius, in: .positive, help: "The ball's radius, greater than any object's."),
                    Parameter(
                        "height", \.height, in: .atLeast(0),
                        help: "Its radius along intensity; left out: as many units as the radius has pixels."),
                ],
                make: { .rollingBall(radius: $0.radius, height: $0.height) },
                match: { if case .rollingBall(let a, let b) = $0 { Ball(radius: a, height: b) } else { nil } }),
            Component(
                "gaussian", "A wide Gaussian mean.", prototype: Smooth(),
                parameters: [
                    Parameter(
                        "deviation", \.deviation, in: .positive,
                        help: "Its standard deviation, much greater than any object.")
                ],
                make: { .gaussian(deviation: $0.deviation) },
                match: { if case .gaussian(let a) = $0 { Smooth(deviation: a) } else { nil } }),
        ]
    }
}
