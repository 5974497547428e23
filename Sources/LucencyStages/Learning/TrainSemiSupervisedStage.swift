import LucencyImaging
import LucencyLearning
import LucencyPipeline

extension CollectorDescriptor {
    static let trainSemiSupervised = segmenter(
        "Trains a network that gives every pixel a class, from a few images with labels and many without.",
        .semiSupervised,
        groups: [
            StreamGroup<TrainSegmenter, TrainingImages>("unlabelled", ports: ["unlabelled"]) {
                (
                    _: TrainSegmenter, state: inout TrainingImages, tag: ItemTag, _: StageContext, image: Image
                ) in
                state.unlabelled.append((tag.item, image))
            }
        ])
}

extension TrainSegmenter {
    /// The same trainer with images without labels.
    fileprivate static var semiSupervised: TrainSegmenter {
        var stage = TrainSegmenter()
        stage.id = "train.semi-supervised"
        stage.takesUnlabelled = true
        stage.strategy = StrategyChoice(component: CWBASS())
        return stage
    }
}
