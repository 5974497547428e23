import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// What the cases of one run add up to while they stream by: their numbers, a sample of pixels to fit a temperature to, and
/// small pictures of the worst. Parts merge in any order to the same report; memory grows by a few kilobytes a case.
public struct CalibrationEvidence: Sendable {
    /// How cases are measured.
    public struct Settings: Sendable {
        public var evaluation = CalibrationEvaluation()
        /// What the headline numbers are about, and by which cases are ranked.
        public var region = CalibrationRegion.foregroundUnion
        /// Cases to keep pictures of.
        public var pictures = 6
        public var seed: UInt64 = 1

        public init() {}
    }

    /// Pixels of all cases together that a temperature is fitted to, at most.
    public static let samplePixels = PixelSamples.largest

    public let settings: Settings
    public private(set) var summary = CalibrationSummary()
    private(set) var samples = PixelSamples()
    private(set) var views: [CaseView] = []

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
    }

    /// What one case brings.
    public struct Case: Sendable {
        let measurement: CalibrationMeasurement
        let sample: PixelSample
        let view: CaseView?

        /// - Parameters:
        ///   - name: unique among the cases of the run.
        ///   - image: to look at; nil where there is none.
        ///   - posterior: the true probabilities, such as a phantom's annotators', where they are known.
        ///   - clean: what is predicted from the same case without noise.
        /// - Throws: `Diagnostic` as `CalibrationEvaluation` does.
        public init(
            _ name: String, probabilities: ProbabilityMap, reference: LabelMap, image: Image? = nil,
            posterior: ProbabilityMap? = nil, clean: ProbabilityMap? = nil, settings: Settings,
            pool: ThreadPool = .serial
        ) throws(Diagnostic) {
            measurement = try settings.evaluation(
                name, probabilities: probabilities, reference: reference, posterior: posterior, clean: clean, pool: pool
            )
            let conventions = measurement.result.conventions
            let truth = try PixelTruth(reference, labels: conventions.labels, ignoring: conventions.ignoredLabel)
            let decisions = PixelDecisions(probabilities, pool: pool)
            sample = PixelSample(
                probabilities, truth, decisions, background: UInt8(conventions.background),
                random: PhiloxStream(seed: settings.seed, stream: "temperature/" + name))
            let rank = measurement.result[settings.region]?[.ece].value
            view = rank.flatMap { rank in
                guard settings.pictures > 0 else { return nil }
                return CaseView(
                    name, rank: rank, probabilities: probabilities, truth: truth, decisions: decisions, image: image)
            }
        }
    }

    /// - Throws: `Diagnostic` when there is a case of this name already, or it was measured differently.
    public mutating func add(_ item: Case) throws(Diagnostic) {
        try summary.add(item.measurement)
        samples.add(item.sample, of: item.measurement.result.name)
        if let view = item.view { keep([view]) }
    }

    /// - Throws: `Diagnostic` when both have a case of one name, or were measured differently.
    public mutating func merge(_ other: CalibrationEvidence) throws(Diagnostic) {
        try summary.merge(other.summary)
        samples.merge(other.samples)
        keep(other.views)
    }

    private mutating func keep(_ more: [CaseView]) {
        views = Array((views + more).sorted { ($0.rank, $1.item) > ($1.rank, $0.item) }.prefix(settings.pictures))
    }

    /// Pictures of the worst cases, worst first.
    /// - Parameter encode: writes an 8-bit image as PNG.
    public func pictures(run: String, encode: (Image) throws -> [UInt8]) throws -> [CasePicture] {
        try views.map { try $0.picture(run: run, encode: encode) }
    }
}
