import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let slic = StageDescriptor(
        "segment.slic", "Superpixels: small regions of one colour, about equally large.", prototype: SLIC(),
        source: "Achanta et al. 2012", inputs: ["image"], outputs: ["labels"],
        parameters: [
            Parameter("regions", \.regions, in: .atLeast(1), help: "About how many; no more than there are pixels."),
            Parameter(
                "compactness", \.compactness, in: .positive,
                help: "Weight of place against colour: 10 suits RGB, 0.1 gray images; the greater, the squarer."),
            Parameter("iterations", \.iterations, in: .within(1...1000), help: "Rounds of clustering."),
            Parameter(
                "smallest", \.smallest, in: .within(0...1),
                help: "Parts below this share of the mean region are given to a neighbour."),
        ],
        cost: { _, known in
            StageCost(
                outputs: [ValueEstimate(size: known.main.size)],
                scratchBytes: known.main.size.count.multipliedSafely(by: 64))
        }
    ) { stage, context in
        { (image: Image) throws -> LabelMap in try stage(image, pool: context.pool) }
    }

    static let randomWalker = StageDescriptor(
        "segment.random-walker", "Labels every pixel by the seed that a random walker would reach first.",
        prototype: RandomWalker(), source: "Grady 2006", inputs: ["image", "seeds"],
        outputs: ["labels", "probabilities"],
        parameters: [
            Parameter("beta", \.beta, in: .atLeast(0), help: "The greater, the harder it is to cross an edge."),
            Parameter(
                "tolerance", \.tolerance, in: .above(0, upTo: 0.5), help: "Relative residual at which the solver stops."
            ),
            Parameter("iterations", \.iterations, in: .atLeast(1), help: "At most so many steps of the solver."),
        ],
        cost: { _, known in
            let size = known.main.size
            // Of how many labels is not known before; two are usual.
            return StageCost(
                outputs: [ValueEstimate(size: size), ValueEstimate(size: size, channels: 2)],
                scratchBytes: size.count.multipliedSafely(by: 88))
        }
    ) { stage, context in
        { (image: Image, seeds: LabelMap) throws -> (LabelMap, ProbabilityMap) in
            let result = try stage(image, seeds: seeds, pool: context.pool)
            return (result.labels, result.probabilities)
        }
    }
}
