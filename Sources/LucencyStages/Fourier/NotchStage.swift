import LucencyFourier
import LucencyImaging
import LucencyPipeline

typealias NotchWaves = Notch.Waves

extension StageDescriptor {
    static let notch = StageDescriptor(
        "fourier.notch", "Takes single waves out: the lines of mains hum, of a grid or of a screen.",
        prototype: Notch(), revision: fourierRevision,
        source: "Gonzalez & Woods, Digital Image Processing, section 4.10", inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("waves", \.waves, help: "Which waves."),
            Parameter(
                "width", \.width, in: .above(0, upTo: 1024),
                help: "Standard deviation of a notch, in cycles over the image."),
            Parameter(
                "border", \.border,
                help: "What lies beyond the image (constant: its mean); periodic is best for waves of whole cycles."),
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}

extension Notch.Waves: ComponentValue {
    public static var componentKind: String { "choice of waves" }

    private struct Found { var threshold = 8.0, protected = 4.0, most = 32 }
    private struct Given { var cycles: [[Double]] = [] }

    public static var components: [Component<Notch.Waves>] {
        [
            Component(
                "found", "Frequencies that stand out from those of the same wavelength.", prototype: Found(),
                parameters: [
                    Parameter(
                        "threshold", \.threshold, in: .above(1, upTo: 1e9),
                        help: "How many times stronger than the median of that wavelength."),
                    Parameter(
                        "protected", \.protected, in: .atLeast(0),
                        help: "Waves of fewer cycles over the image stay: they are the image."),
                    Parameter("most", \.most, in: .atLeast(1), help: "At most so many, the strongest."),
                ],
                make: { .found(threshold: $0.threshold, protected: $0.protected, most: $0.most) },
                match: {
                    if case .found(let a, let b, let c) = $0 {
                        Found(threshold: a, protected: b, most: c)
                    } else {
                        nil
                    }
                }),
            Component(
                "given", "Waves by their cycles over the image.", prototype: Given(),
                parameters: [
                    Parameter(
                        "cycles", \.cycles, required: true,
                        help: "Along x, y (and z), as `fourier.spectrum` shows them from the middle: `[[12, 0]]`.")
                ],
                make: { .given($0.cycles) },
                match: { if case .given(let cycles) = $0 { Given(cycles: cycles) } else { nil } }),
        ]
    }
}
