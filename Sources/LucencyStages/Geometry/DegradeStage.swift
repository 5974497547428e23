import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import LucencyPipeline

extension StageDescriptor {
    static let degrade = StageDescriptor(
        "degrade", "Makes a picture as a camera with wider pixels would have taken it: blur, area mean, sensor noise.",
        prototype: CoarseSensor(), isRandom: true, inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter("factor", \.factor, in: .within(1...64), help: "Pixels along each side of a coarse one."),
            Parameter(
                "blur", \.blur, in: .within(0...8),
                help: "Standard deviation of the blur before the sensor, in coarse pixels."),
            Parameter(
                "noise", \.noise, in: .atLeast(0),
                help: "Shot noise in levels at full intensity; it grows with the root of intensity."),
            Parameter(
                "readNoise", \.readNoise, in: .atLeast(0), help: "Noise in levels that is there in the dark, too."),
            Parameter(
                "white", \.white, in: .positive,
                help: "The level of full intensity; left out: the greatest that the image's file can store."),
            Parameter("round", \.rounds, help: "Whole levels of 0...white, as a sensor stores them."),
        ],
        cost: { stage, known in
            let input = known.main
            guard let fine = input.geometry ?? (try? Geometry(size: input.size)),
                let coarse = try? stage.geometry(of: fine)
            else { return StageCost(outputs: [input]) }
            // A slice as it is, blurred along x and along both; and the result once more.
            let slice = GridSize(input.size.x, input.size.y).count.multipliedReportingOverflow(by: 12)
            let result = coarse.size.count.multipliedReportingOverflow(by: 4 * input.channels)
            let scratch = slice.partialValue.addingReportingOverflow(result.partialValue)
            return StageCost(
                outputs: [ValueEstimate(geometry: coarse, channels: input.channels)],
                scratchBytes: slice.overflow || result.overflow || scratch.overflow ? .max : scratch.partialValue)
        }
    ) { stage, context in
        { (image: Image) throws -> Image in
            try stage(image, pool: context.pool) { row in
                PhiloxStream(seed: context.seed, stream: "\(context.stage)/\(context.item)", index: row)
            }
        }
    }
}
