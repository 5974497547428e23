import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyPipeline

typealias DenoiseMethod = Denoise.Method

extension StageDescriptor {
    static let denoise = StageDescriptor(
        "denoise", "Takes noise away.", prototype: Denoise(), inputs: ["image"], outputs: ["image"],
        parameters: [Parameter("method", \.method, help: "How noise and image are told apart.")],
        cost: { _, known in
            // Total variation keeps one value more per axis.
            let bytes = known.main.size.count.multipliedReportingOverflow(by: 16)
            return StageCost(outputs: [known.main], scratchBytes: bytes.overflow ? .max : bytes.partialValue)
        }
    ) { stage, context in
        { (image: Image) throws -> Image in try stage(image, pool: context.pool) }
    }
}

extension Denoise.Method: ComponentValue {
    public static var componentKind: String { "denoising method" }

    private struct Median { var radius = 1 }
    private struct Bilateral {
        var spatial = 1.0
        var range: Double?
    }
    private struct NonLocal { var patch = 7, distance = 11, strength = 0.1, noise = 0.0 }
    private struct Variation { var weight = 0.1, tolerance = 2e-4, iterations = 200 }

    public static var components: [Component<Denoise.Method>] {
        [
            Component(
                "median", "The median of a window: takes away specks, keeps edges.", prototype: Median(),
                parameters: [
                    Parameter("radius", \.radius, in: .within(0...64), help: "Pixels to each side of the middle.")
                ],
                make: { .median(radius: $0.radius) },
                match: { if case .median(let radius) = $0 { Median(radius: radius) } else { nil } }),
            Component(
                "bilateral", "A mean of neighbours that are near and alike (Tomasi & Manduchi 1998).",
                prototype: Bilateral(),
                parameters: [
                    Parameter(
                        "spatial", \.spatial, in: .above(0, upTo: 64), help: "Standard deviation in space, in pixels."),
                    Parameter(
                        "range", \.range, in: .positive,
                        help: "Standard deviation in intensity; left out: that of the image."),
                ],
                make: { .bilateral(spatial: $0.spatial, range: $0.range) },
                match: {
                    if case .bilateral(let a, let b) = $0 { Bilateral(spatial: a, range: b) } else { nil }
                }),
            Component(
                "non-local-means", "A mean of pixels whose surroundings look alike (Buades, Coll & Morel 2005).",
                prototype: NonLocal(),
                parameters: [
                    Parameter("patch", \.patch, in: .within(1...63), help: "Side of the surroundings, an odd number."),
                    Parameter("distance", \.distance, in: .within(1...128), help: "How many pixels away to look."),
                    Parameter(
                        "strength", \.strength, in: .positive, required: true,
                        help: "Difference of patches, in intensities, that still counts: about 0.8 × the noise."),
                    Parameter(
                        "noise", \.noise, in: .atLeast(0), help: "Standard deviation of the noise, in intensities."),
                ],
                check: { settings in
                    guard settings.patch % 2 == 1 else { throw oddPatch }
                },
                make: {
                    .nonLocalMeans(patch: $0.patch, distance: $0.distance, strength: $0.strength, noise: $0.noise)
                },
                match: {
                    if case .nonLocalMeans(let patch, let distance, let strength, let noise) = $0 {
                        NonLocal(patch: patch, distance: distance, strength: strength, noise: noise)
                    } else {
                        nil
                    }
                }),
            Component(
                "total-variation", "The nearest image of small total variation (Rudin, Osher & Fatemi 1992).",
                prototype: Variation(),
                parameters: [
                    Parameter(
                        "weight", \.weight, in: .positive, required: true,
                        help: "How flat, in the image's intensities; about the noise's standard deviation."),
                    Parameter(
                        "tolerance", \.tolerance, in: .within(0...1),
                        help: "Change of the energy, as a share of what it was at first, at which to stop."),
                    Parameter("iterations", \.iterations, in: .within(1...100_000), help: "At most so many steps."),
                ],
                make: { .totalVariation(weight: $0.weight, tolerance: $0.tolerance, iterations: $0.iterations) },
                match: {
                    if case .totalVariation(let a, let b, let c) = $0 {
                        Variation(weight: a, tolerance: b, iterations: c)
                    } else {
                        nil
                    }
                }),
        ]
    }
}

private let oddPatch = Diagnostic(
    .badValue, "a patch of an even number of pixels has no middle", remedy: "give an odd number")
