import LucencyLearning
import LucencyPipeline

extension Catalog {
    /// Everything that Lucency ships. A new stage is one file and one line here.
    public static let standard = Catalog(
        sources: [.folder, .phantom],
        stages: [
            .resample,
            .restore,
            .normalize,
            .gray,
            .lowpass,
            .highpass,
            .bandpass,
            .homomorphic,
            .threshold,
            .morphology,
            .components,
            .corruptLabels,
            .overlay,
            .measure,
            .crossValidate,
            .compare,
            .loadModel,
            .segmentNetwork,
        ],
        collectors: [
            .gather,
            .evaluateSegmentation,
            .reportCalibration,
            .contactSheet,
            .trainSegmenter,
        ],
        writers: [
            .imagePNG, .imageTIFF,
            .labelsPNG, .labelsTIFF,
            .probabilitiesPNG, .probabilitiesTIFF,
            .tableCSV, .tableMarkdown, .tableJSON,
            .model,
            .recordJSON, .recordLines, .drawingSVG, .pageHTML,
        ],
        components: [
            ComponentKind(ThresholdMethod.self),
            ComponentKind(MorphologyOperation.self),
            ComponentKind(NormalizeMethod.self),
            ComponentKind(GrayMethod.self),
            ComponentKind(FilterProfile.self),
            ComponentKind(OverlayWindow.self),
            ComponentKind(PhantomWorld.self),
            ComponentKind(NetworkChoice.self),
            ComponentKind(ObjectiveChoice.self),
            ComponentKind(Optimizer.self),
            ComponentKind(Schedule.self),
            ComponentKind(Augmentation.self),
            ComponentKind(IntensityNormalization.self),
            ComponentKind(CorruptionStep.self),
        ])
}
