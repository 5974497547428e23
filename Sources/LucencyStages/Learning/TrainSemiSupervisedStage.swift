import LucencyFoundation
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
    /// What users must know of learning from images without labels with these settings.
    func unlabelledWarnings(_ settings: TrainingSettings) -> [Diagnostic] {
        var warnings: [Diagnostic] = []
        func warn(_ what: String, _ remedy: String) {
            warnings.append(Diagnostic(.badValue, what, remedy: remedy, severity: .warning))
        }
        let name = settings.strategy.name
        guard settings.strategy.usesUnlabelled else {
            if name == MixtureStrategy.name || name == Adele.name {
                warn(
                    "the strategy \(name) does not learn from the images without labels",
                    "use `train.segmenter`, or a strategy that does: cw-bass, mean-teacher, fixmatch, self-training")
            }
            return warnings
        }
        if settings.strategy.judgesTeacher, settings.averageDecay != nil {
            warn(
                "`averageDecay` is of no effect, as the weights of \(name)'s teacher are kept",
                "leave it out, or write `judge: student`")
        }
        if settings.strategy.spoilsImages {
            switch stated.normalization {
            case .none?, .window?, .percentile?:
                warn(
                    "strong augmentation expects intensities of mean 0 and deviation 1; with this normalization noise and "
                        + "brightness are out of proportion",
                    "write `normalization: z-score` or `standard`"
                        + (name == FixMatch.name ? "" : ", or `strong: false`"))
            case .zScore?, .standard?, nil: break
            }
        }
        if settings.strategy.copiesBuffers, hasRunningStatistics {
            warn(
                "with `teacherBuffers: copied` the teacher of \(name) normalises by running statistics that are not those of "
                    + "its own weights, and can collapse",
                "leave `teacherBuffers` out, or give the network a norm without running statistics: `norm: instance`")
        }
        return warnings
    }

    /// Whether the network keeps running means and variances; false where that is only planned.
    private var hasRunningStatistics: Bool {
        if let automatic = network.automatic, automatic.stated.norm == nil { return false }
        let axes = stated.patch.isEmpty ? 2 : stated.patch.count
        let declared = try? network.network.fitted(axes: axes, inputChannels: 1, classes: 2).declarations()
        return declared?.contains { !$0.isTrainable } ?? false
    }

    /// The same trainer with images without labels.
    fileprivate static var semiSupervised: TrainSegmenter {
        var stage = TrainSegmenter()
        stage.id = "train.semi-supervised"
        stage.takesUnlabelled = true
        stage.strategy = StrategyChoice(component: CWBASS())
        return stage
    }
}
