import LucencyFourier
import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let homomorphic = StageDescriptor(
        "fourier.homomorphic", "Evens out illumination and raises local contrast.", prototype: Homomorphic(),
        revision: fourierRevision,
        source: "Oppenheim, Schafer & Stockham 1968; Gonzalez & Woods, Digital Image Processing, eq. 4-147",
        inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter("cutoff", \.cutoff, in: .positive, help: "Wavelength midway between illumination and detail."),
            Parameter(
                "gammaLow", \.gammaLow, in: .positive, help: "Weight of long waves; below 1 flattens illumination."),
            Parameter("gammaHigh", \.gammaHigh, in: .positive, help: "Weight of short waves; above 1 raises contrast."),
            Parameter(
                "offset", \.offset, in: .positive,
                help: "Added before the logarithm; left out: 1/255 of the image's range."),
            Parameter("keepMean", \.keepMean, help: "Keep overall brightness."),
        ], cost: fourierCost
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}
