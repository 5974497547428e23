import LucencyImaging
import LucencyPipeline

extension StageDescriptor {
    static let gamma = StageDescriptor(
        "gamma", "Brightens or darkens by a power law.", prototype: GammaCorrection(), inputs: ["image"],
        outputs: ["image"],
        parameters: [
            Parameter(
                "gamma", \.gamma, in: .positive, required: true, help: "The power: below 1 brightens, above 1 darkens."),
            Parameter(
                "white", \.white, in: .positive, help: "The value that stays, with 0; left out: of the stored type."),
        ]
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }

    static let invert = StageDescriptor(
        "invert", "Turns bright and dark around.", prototype: Invert(), inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter("low", \.low, help: "The value that becomes `high`; left out: least of the stored type."),
            Parameter("high", \.high, help: "The value that becomes `low`; left out: greatest of the stored type."),
        ]
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }

    static let clahe = StageDescriptor(
        "clahe", "Raises local contrast by adaptive histogram equalisation with a limit.", prototype: CLAHE(),
        source: "Zuiderveld 1994, Graphics Gems IV", inputs: ["image"], outputs: ["image"],
        parameters: [
            Parameter(
                "window", \.window, in: .positive,
                help: "Side of the regions that are equalised; left out: an eighth of each side of the image."),
            Parameter(
                "clipLimit", \.clipLimit, in: .within(0...1),
                help: "Share of a region's pixels that one bin may hold: the smaller, the less contrast; 0: no limit."),
            Parameter("bins", \.bins, in: .within(2...16384), help: "Bins of the histograms."),
        ]
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}
