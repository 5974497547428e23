import LucencyFourier
import LucencyImaging
import LucencyPipeline

typealias KernelChoice = PointSpread

extension StageDescriptor {
    static let convolve = StageDescriptor(
        "fourier.convolve", "Convolves with a kernel of any size.",
        prototype: FourierConvolution(.gaussian(deviation: .pixels(2))), revision: fourierRevision, inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("kernel", \.kernel, help: "How a point is spread."),
            Parameter("border", \.border, help: "What lies beyond the image."),
            Parameter(
                "borderValue", \.borderValue, help: "Value beyond a constant border; left out: the channel's mean."),
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }

    static let wiener = StageDescriptor(
        "fourier.wiener", "Sharpens what a known kernel has blurred.",
        prototype: Wiener(.gaussian(deviation: .pixels(2))), revision: fourierRevision,
        source: "Wiener 1949; Gonzalez & Woods, Digital Image Processing, eq. 5-85", inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("kernel", \.kernel, help: "How the image was blurred."),
            Parameter(
                "snr", \.snr, in: .positive,
                help: "Power of the image over that of its noise: the greater, the sharper and noisier."),
            Parameter("border", \.border, help: "What lies beyond the image."),
        ],
        cost: { stage, known in
            var cost = fourierCost(stage, known)
            // The kernel's spectrum stands beside the image's.
            cost.scratchBytes = cost.scratchBytes.multipliedSafely(by: 2)
            return cost
        }
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }

    static let whiten = StageDescriptor(
        "fourier.whiten", "Makes all wavelengths equally strong.", prototype: Whitening(), revision: fourierRevision,
        inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("strength", \.strength, in: .within(0...1), help: "0 changes nothing, 1 makes all equal."),
            Parameter("border", \.border, help: "What lies beyond the image."),
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }

    static let spectrum = StageDescriptor(
        "fourier.spectrum", "A picture of the strengths of an image's frequencies, 0 in the middle.",
        prototype: SpectrumPicture(), revision: fourierRevision, inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter(
                "fadeEdges", \.fadesEdges, help: "Fade the image out towards its edges, which would draw a cross.")
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}

extension PointSpread: ComponentValue {
    public static var componentKind: String { "kernel" }

    private struct Size { var length = Length.pixels(2) }
    private struct Motion {
        var length = Length.pixels(9)
        var angle = 0.0
    }
    private struct Weights { var rows: [[Double]] = [] }

    public static var components: [Component<PointSpread>] {
        [
            Component(
                "gaussian", "A Gaussian.", prototype: Size(),
                parameters: [Parameter("deviation", \.length, in: .positive, help: "Its standard deviation.")],
                make: { .gaussian(deviation: $0.length) },
                match: { if case .gaussian(let length) = $0 { Size(length: length) } else { nil } }),
            Component(
                "box", "Equal weights over a square or cube.", prototype: Size(),
                parameters: [Parameter("size", \.length, in: .positive, help: "Its side; made odd in pixels.")],
                make: { .box(size: $0.length) },
                match: { if case .box(let length) = $0 { Size(length: length) } else { nil } }),
            Component(
                "disk", "Equal weights within a radius: a lens out of focus.", prototype: Size(),
                parameters: [Parameter("radius", \.length, in: .positive, help: "How far it reaches.")],
                make: { .disk(radius: $0.length) },
                match: { if case .disk(let length) = $0 { Size(length: length) } else { nil } }),
            Component(
                "motion", "Equal weights along a line: a camera that moved (2-D).", prototype: Motion(),
                parameters: [
                    Parameter("length", \.length, in: .positive, help: "The line's length."),
                    Parameter("angle", \.angle, help: "Degrees from the x axis, counter-clockwise."),
                ],
                make: { .motion(length: $0.length, angle: $0.angle) },
                match: { if case .motion(let a, let b) = $0 { Motion(length: a, angle: b) } else { nil } }),
            Component(
                "weights", "Given weights.", prototype: Weights(),
                parameters: [
                    Parameter(
                        "rows", \.rows, required: true,
                        help: "Rows of weights, an odd number of each: `[[0, 1, 0], …]`.")
                ],
                make: { .weights($0.rows) },
                match: { if case .weights(let rows) = $0 { Weights(rows: rows) } else { nil } }),
        ]
    }
}
