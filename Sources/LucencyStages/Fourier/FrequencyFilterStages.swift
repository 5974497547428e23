import LucencyFourier
import LucencyImaging
import LucencyPipeline

typealias FilterProfile = Profile

/// What low-pass and high-pass have in common.
private struct CutoffSettings: Sendable {
    var cutoff = Length.pixels(16)
    var profile = Profile.gaussian
    var border = Border.reflect
    var borderValue: Double?
    var keepMean = true

    func filter(_ band: FrequencyFilter.Band) -> FrequencyFilter {
        FrequencyFilter(band, profile: profile, border: border, borderValue: borderValue, keepMean: keepMean)
    }
}

private struct BandSettings: Sendable {
    var shortest = Length.pixels(4)
    var longest = Length.pixels(64)
    var common = CutoffSettings()
}

private let cutoff = Parameter<CutoffSettings>(
    "cutoff", \.cutoff, in: .positive, help: "Wavelength at which half of a wave passes (at least 2 px).")
private let profile = Parameter<CutoffSettings>("profile", \.profile, help: "How steeply the filter falls.")
private let border = Parameter<CutoffSettings>("border", \.border, help: "What lies beyond the image.")
private let borderValue = Parameter<CutoffSettings>(
    "borderValue", \.borderValue, help: "Value beyond a constant border; left out: the channel's mean.")
private let keepMean = Parameter<CutoffSettings>(
    "keepMean", \.keepMean, help: "Add the mean back, so that intensities stay in their usual range.")

/// Of all stages that are little else than a transform. 2: lengths with large prime factors differ in the last bits.
let fourierRevision = 2

extension StageDescriptor {
    static let lowpass = StageDescriptor(
        "fourier.lowpass", "Keeps waves longer than a wavelength.", prototype: CutoffSettings(),
        revision: fourierRevision, inputs: ["image"],
        outputs: ["image"], parameters: [cutoff, profile, border, borderValue], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage.filter(.lowPass(stage.cutoff))(image, pool: context.pool) }
    }

    static let highpass = StageDescriptor(
        "fourier.highpass", "Keeps waves shorter than a wavelength.", prototype: CutoffSettings(),
        revision: fourierRevision, inputs: ["image"],
        outputs: ["image"], parameters: [cutoff, profile, border, borderValue, keepMean], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage.filter(.highPass(stage.cutoff))(image, pool: context.pool) }
    }

    static let bandpass = StageDescriptor(
        "fourier.bandpass", "Keeps waves between two wavelengths.", prototype: BandSettings(),
        revision: fourierRevision, inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter("shortest", \.shortest, in: .positive, help: "Shortest wavelength that passes (half of it)."),
            Parameter("longest", \.longest, in: .positive, help: "Longest wavelength that passes (half of it)."),
            Parameter("profile", \.common.profile, help: "How steeply the filter falls."),
            Parameter("border", \.common.border, help: "What lies beyond the image."),
            Parameter("borderValue", \.common.borderValue, help: "Value beyond a constant border; left out: the mean."),
            Parameter(
                "keepMean", \.common.keepMean, help: "Add the mean back, so that intensities stay in their usual range."
            ),
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in
            try stage.common.filter(.bandPass(shortest: stage.shortest, longest: stage.longest))(
                image, pool: context.pool)
        }
    }
}

/// The padded image (up to twice as large along each axis) and its spectrum stand beside input and output.
@Sendable func fourierCost(_: some Sendable, _ known: CostContext) -> StageCost {
    let input = known.main, size = input.size
    // Each thread has sixteen columns of up to twice the longest side.
    let columns = (2 * max(size.y, size.z) + 16).multipliedSafely(by: 16 * 8 * known.threads)
    return StageCost(
        outputs: [input],
        scratchBytes: size.count.multipliedSafely(by: 4 * 2 * (size.isPlanar ? 4 : 8)).addingSafely(columns))
}

extension Profile: ComponentValue {
    public static var componentKind: String { "filter profile" }

    private struct Plain {}
    private struct Butterworth { var order = 2 }

    public static var components: [Component<Profile>] {
        [
            Component(
                "gaussian", "Falls smoothly, without ringing.", prototype: Plain(), parameters: [],
                make: { _ in .gaussian }, match: { $0 == .gaussian ? Plain() : nil }),
            Component(
                "butterworth", "Steeper and with more ringing the higher its order.", prototype: Butterworth(),
                parameters: [Parameter("order", \.order, in: .within(1...20), help: "Steepness.")],
                make: { .butterworth(order: $0.order) },
                match: { if case .butterworth(let order) = $0 { Butterworth(order: order) } else { nil } }),
        ]
    }
}
