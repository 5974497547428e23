/// By which conventions numbers were made. Only numbers of equal conventions are merged.
public struct EvaluationConventions: Hashable, Codable, Sendable {
    /// The unit of distances: `mm`, `px`.
    public var unit: String
    /// The tolerance of `nsd`, as it was given.
    public var tolerance: String
    public var hausdorff: SurfaceDistances.HausdorffForm
    public var mean: SurfaceDistances.MeanForm
    public var objects: ObjectMatching
    /// What Dice, IoU and NSD count as where neither prediction nor reference has the class; nil leaves them undefined.
    public var emptyScore: Double?
    public var ignoredLabel: Int32?
}

/// One class in one case.
public struct ClassResult: Hashable, Codable, Sendable {
    public var label: Int32
    public var name: String
    public var presence: Presence
    public var overlap: Overlap
    public var dice, iou, recall, precision: Score
    /// Distances in the case's unit.
    public var hd, hd95, asd, assd: Score
    public var nsd: Score
    public var objects: DetectionCounts

    /// A class that neither has.
    package init(absent label: Int32, name: String, overlap: Overlap, emptyScore: Double?) {
        self.label = label
        self.name = name
        presence = .neither
        self.overlap = overlap
        (dice, iou, nsd) = (Score(emptyScore), Score(emptyScore), Score(emptyScore))
        (recall, precision) = (.undefined, .undefined)
        (hd, hd95, asd, assd) = (.undefined, .undefined, .undefined, .undefined)
        objects = DetectionCounts()
    }

    public subscript(metric: SegmentationMetric) -> Score {
        switch metric {
        case .dice: dice
        case .iou: iou
        case .recall: recall
        case .precision: precision
        case .hd: hd
        case .hd95: hd95
        case .asd: asd
        case .assd: assd
        case .nsd: nsd
        }
    }
}

/// All classes of one case.
public struct CaseResult: Hashable, Codable, Sendable {
    /// Unique among the cases that are merged.
    public var name: String
    public var conventions: EvaluationConventions
    /// The tolerance in the unit of distances.
    public var tolerance: Double
    /// The image's diagonal in that unit.
    public var diagonal: Double
    /// By ascending label.
    public var classes: [ClassResult]
    /// All labels, background included.
    public var confusion: ConfusionMatrix
}
