import LucencyImaging
import LucencyPipeline

typealias StainColors = StainMethod

extension StainMethod.Stains: ChoiceParameter {}

extension StageDescriptor {
    static let stainSeparate = StageDescriptor(
        "stain.separate", "Takes a stained slide apart: how much of each stain lies in every pixel.",
        prototype: StainSeparation(), source: "Ruifrok & Johnston 2001; Macenko et al. 2009", inputs: ["image"],
        outputs: ["hematoxylin", "counterstain", "residual"],
        parameters: [
            Parameter("method", \.method, help: "Where the stains' colours come from."),
            Parameter(
                "white", \.white, in: .positive, help: "Value of unstained light; left out: of the stored type."),
        ],
        cost: { _, known in
            StageCost(
                outputs: Array(repeating: ValueEstimate(size: known.main.size), count: 3),
                scratchBytes: known.main.size.count.multipliedSafely(by: 24))
        }
    ) { stage, context in
        { (image: Image) throws -> (Image, Image, Image) in
            let stains = try stage(image, pool: context.pool)
            return (stains.hematoxylin, stains.counterstain, stains.residual)
        }
    }

    static let stainNormalize = StageDescriptor(
        "stain.normalize", "Gives a stained slide the colours of a reference.", prototype: StainNormalization(),
        source: "Macenko et al. 2009, ISBI", inputs: ["image", "reference"], outputs: ["image"],
        parameters: [
            Parameter("method", \.method, help: "Where the stains' colours come from."),
            Parameter(
                "white", \.white, in: .positive, help: "Value of unstained light; left out: of the stored type."),
        ],
        cost: { _, known in
            StageCost(outputs: [known.main], scratchBytes: known.main.size.count.multipliedSafely(by: 40))
        }
    ) { stage, context in
        { (image: Image, reference: Image?) throws -> Image in
            try stage(image, reference: reference, pool: context.pool)
        }
    }
}

extension StainMethod: ComponentValue {
    public static var componentKind: String { "stain method" }

    private struct Known { var stains = Stains.he }
    private struct Own { var minimumDensity = 0.15, percentile = 1.0 }

    public static var components: [Component<StainMethod>] {
        [
            Component(
                "ruifrok", "Known colours (Ruifrok & Johnston 2001).", prototype: Known(),
                parameters: [
                    Parameter(
                        "stains", \.stains,
                        help: "Hematoxylin with eosin, with DAB, or with both; the rest is residual.")
                ],
                make: { .ruifrok($0.stains) },
                match: { if case .ruifrok(let stains) = $0 { Known(stains: stains) } else { nil } }),
            Component(
                "macenko", "The image's own colours (Macenko et al. 2009).", prototype: Own(),
                parameters: [
                    Parameter(
                        "minimumDensity", \.minimumDensity, in: .atLeast(0),
                        help: "Less optical density in any colour is no tissue."),
                    Parameter(
                        "percentile", \.percentile, in: .within(0...49),
                        help: "Percent of the colours that are left out at either end."),
                ],
                make: { .macenko(minimumDensity: $0.minimumDensity, percentile: $0.percentile) },
                match: {
                    if case .macenko(let a, let b) = $0 { Own(minimumDensity: a, percentile: b) } else { nil }
                }),
        ]
    }
}
