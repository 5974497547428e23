import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyPipeline

private struct BonesClassical: Sendable {}

private struct TrainBoneFilter: Sendable {
    var scales: [Double] = [1, 2, 4, 8, 16]
    var window: [Double] = []
    var ridge = 1e-6
    var stride = 7

    func filter(width: Int) throws -> BoneFilter {
        guard window.count == 2 else {
            throw Diagnostic(.badValue, "`window` is two intensities, such as [0, 65535]")
        }
        let filter = BoneFilter(scales: scales, width: width, low: window[0], high: window[1])
        try filter.check()
        return filter
    }
}

/// The sums over films of one width.
private struct FilterState: Sendable {
    var width: Int
    var films: Int
    var sums: BoneFilter.Sums
}

extension StageDescriptor {
    static let bonesClassical = StageDescriptor(
        "bones.classical", "Suppresses bones in chest films by a linear filter of Gaussian derivatives.",
        prototype: BonesClassical(), source: "after Loog, van Ginneken and Schilham 2006",
        inputs: ["image", "model"], outputs: ["softTissue", "bone", "uncertainty"],
        cost: { _, known in
            let image = known.main
            return StageCost(outputs: [image, image, image], scratchBytes: 8 * 80 * image.size.count)
        }
    ) { _, context in
        { (image: Image, model: ModelFile) throws -> (Image, Image, Image) in
            let result = try model.fitted(BoneFilter.self)(image, pool: context.pool)
            return (result.softTissue, result.bone, result.uncertainty)
        }
    }
}

extension CollectorDescriptor {
    static let trainBoneFilter = CollectorDescriptor(
        "train.bone-filter", "Fits the linear filter of `bones.classical` to films and their soft tissue.",
        prototype: TrainBoneFilter(), source: "after Loog, van Ginneken and Schilham 2006",
        groups: [
            StreamGroup<TrainBoneFilter, FilterState?>("training", ports: ["image", "softTissue"]) {
                (
                    stage: TrainBoneFilter, state: inout FilterState?, _: ItemTag, context: StageContext,
                    image: Image, softTissue: Image
                ) in
                let sums = try stage.filter(width: image.size.x).sums(
                    image, softTissue, stride: stage.stride, pool: context.pool)
                state = FilterState(width: image.size.x, films: 1, sums: sums)
            }
        ],
        outputs: ["model"],
        parameters: [
            Parameter("window", \.window, required: true, help: "Intensities between which the filter works."),
            Parameter("scales", \.scales, help: "Sigma of the derivatives in pixels, ascending."),
            Parameter(
                "ridge", \.ridge, in: .within(1e-12...1),
                help: "How much weights are held small, in parts of the features' mean square."),
            Parameter("stride", \.stride, in: .within(1...1000), help: "Every how manieth pixel is learnt from."),
        ],
        check: { _ = try $0.filter(width: 1) },
        initial: { _ in nil },
        merge: { _, total, next in
            guard let next else { return }
            guard var sum = total else {
                total = next
                return
            }
            guard sum.width == next.width else {
                throw Diagnostic(
                    .sizeMismatch,
                    "films of \(sum.width) and \(next.width) pixels across cannot be learnt from together",
                    remedy: "bring them to one size first (`resample`)")
            }
            sum.films += next.films
            sum.sums.add(next.sums)
            total = sum
        },
        finish: { (stage: TrainBoneFilter, state: FilterState?, _: StageContext) throws -> ModelFile in
            guard let state else { throw Diagnostic(.noItems, "there are no films to learn from") }
            var filter = try stage.filter(width: state.width)
            try filter.solve(state.sums, ridge: stage.ridge)
            return try ModelFile(fitted: filter)
        })
}
