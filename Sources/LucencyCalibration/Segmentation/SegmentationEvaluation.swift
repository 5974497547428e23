import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Compares a predicted label map with a reference: overlap, surface distances and object detection, per class.
///
/// Distances are in millimetres where the reference states its spacing, else in pixels; the result says which.
public struct SegmentationEvaluation: Sendable {
    /// Labels to report, with their names. Empty takes the labels of both tables and all that occur, but 0.
    public var classes: [Int32: String] = [:]
    /// Pixels whose reference has this label are left out of everything.
    public var ignoredLabel: Int32?
    /// How far a border may be off and still count in `nsd`.
    public var tolerance: Length = .pixels(1)
    /// Unit of distances; nil decides by the spacing. `.px` makes cases with and without spacing comparable.
    public var unit: LengthUnit?
    public var hausdorff: SurfaceDistances.HausdorffForm = .maximum
    public var mean: SurfaceDistances.MeanForm = .pooled
    public var objects = ObjectMatching()
    /// What Dice, IoU and NSD count as where neither has the class; nil leaves them undefined.
    public var emptyScore: Double?

    public init() {}

    /// - Throws: `Diagnostic` when the maps lie on different grids, a length is not possible or metric on assumed
    ///   spacing, or there are more than 1024 labels.
    public func callAsFunction(
        _ name: String, prediction: LabelMap, reference: LabelMap, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> CaseResult {
        let scale = try DistanceScale(unit, of: reference.geometry)
        let tolerance = try scale.value(of: self.tolerance, in: reference.geometry)
        guard tolerance >= 0, tolerance.isFinite else {
            throw Diagnostic(.badArgument, "a tolerance of \(self.tolerance) is not possible", remedy: "give 0 or more")
        }
        if let emptyScore, !emptyScore.isFinite {
            throw Diagnostic(.badArgument, "an empty class cannot count as \(emptyScore)")
        }
        let names = self.names(prediction, reference)
        let confusion = try ConfusionMatrix(
            prediction: prediction, reference: reference, labels: Array(names.keys) + [0], ignoring: ignoredLabel)
        let labels =
            classes.isEmpty ? Set(names.keys).union(confusion.labels).subtracting([0]) : Set(classes.keys)
        let predictedBoxes = Dictionary(uniqueKeysWithValues: prediction.boundingBoxes().map { ($0.label, $0.box) })
        let referenceBoxes = Dictionary(uniqueKeysWithValues: reference.boundingBoxes().map { ($0.label, $0.box) })
        var rows: [ClassResult] = []
        for label in labels.sorted() where label != ignoredLabel {
            let whole = label == 0 ? Region(x: 0, y: 0, z: 0, size: reference.size) : nil
            let pair = MaskPair(
                label, prediction: prediction, reference: reference,
                boxes: (whole ?? predictedBoxes[label], whole ?? referenceBoxes[label]), ignoring: ignoredLabel)
            rows.append(
                try row(
                    label, names[label] ?? "label \(label)", pair, confusion.overlap(of: label), scale: scale,
                    tolerance: tolerance, pool: pool))
        }
        return CaseResult(
            name: name,
            conventions: EvaluationConventions(
                unit: scale.unit.rawValue, tolerance: self.tolerance.description, hausdorff: hausdorff, mean: mean,
                objects: objects, emptyScore: emptyScore, ignoredLabel: ignoredLabel),
            tolerance: tolerance, diagonal: scale.diagonal(of: reference.size), classes: rows, confusion: confusion)
    }

    private func names(_ prediction: LabelMap, _ reference: LabelMap) -> [Int32: String] {
        guard classes.isEmpty else { return classes }
        return reference.table.merging(prediction.table) { first, _ in first }.mapValues(\.name)
    }

    private func row(
        _ label: Int32, _ name: String, _ pair: MaskPair, _ overlap: Overlap, scale: DistanceScale, tolerance: Double,
        pool: ThreadPool
    ) throws(Diagnostic) -> ClassResult {
        var row = ClassResult(absent: label, name: name, overlap: overlap, emptyScore: emptyScore)
        row.presence = overlap.presence
        guard row.presence != .neither else { return row }
        let surface = SurfaceDistances(pair, scale: scale, pool: pool)
        (row.dice, row.iou, row.recall, row.precision) = (overlap.dice, overlap.iou, overlap.recall, overlap.precision)
        row.hd = surface.hausdorff(percentile: 100, hausdorff)
        row.hd95 = surface.hausdorff(percentile: 95, hausdorff)
        row.asd = surface.averageDistance
        row.assd = surface.symmetricAverageDistance(mean)
        row.nsd = surface.surfaceDice(tolerance: tolerance)
        row.objects = try objects.counts(pair)
        return row
    }
}
