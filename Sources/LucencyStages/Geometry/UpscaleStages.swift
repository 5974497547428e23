import LucencyImaging
import LucencyPipeline

// Enlarging by a kernel: the rivals of networks that super-resolve, with the same ports and the same `factor`.

/// So many times as many pixels along x and y, on the same extent.
private struct Upscale: Sendable {
    var factor = 4
    let interpolation: Interpolation

    var resample: Resample {
        Resample(factor: [Double(factor), Double(factor)], interpolation: interpolation, antialias: false)
    }
}

extension StageDescriptor {
    static let upscaleNearest = upscale(
        "upscale.nearest", "Enlarges an image by repeating its pixels.", .nearest)
    static let upscaleBicubic = upscale(
        "upscale.bicubic", "Enlarges an image by cubic convolution, a = -0.5.", .cubic,
        source: "Keys, Cubic convolution interpolation for digital image processing, 1981")
    static let upscaleLanczos = upscale(
        "upscale.lanczos", "Enlarges an image by a windowed sinc that reaches 3 pixels.", .lanczos,
        source: "Duchon, Lanczos filtering in one and two dimensions, 1979")

    private static func upscale(
        _ id: String, _ summary: String, _ interpolation: Interpolation, source: String? = nil
    ) -> StageDescriptor {
        StageDescriptor(
            id, summary, prototype: Upscale(interpolation: interpolation), source: source, inputs: ["image"],
            outputs: ["image"],
            parameters: [
                Parameter(
                    "factor", \.factor, in: .within(1...64),
                    help: "New pixels per present pixel along x and y; the spacing is divided by it.")
            ],
            cost: { stage, known in
                let input = known.main
                guard let geometry = input.geometry ?? (try? Geometry(size: input.size)),
                    let target = try? stage.resample.target(of: geometry)
                else { return StageCost(outputs: [input]) }
                let scratch = target.size.count.multipliedReportingOverflow(by: 4 * input.channels)
                return StageCost(
                    outputs: [ValueEstimate(geometry: target, channels: input.channels)],
                    scratchBytes: scratch.overflow ? .max : scratch.partialValue)
            }
        ) { stage, context in
            { (image: Image) throws -> Image in try stage.resample(image, pool: context.pool) }
        }
    }
}
