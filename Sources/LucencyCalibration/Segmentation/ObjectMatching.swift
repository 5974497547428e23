import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Objects found, missed and invented.
public struct DetectionCounts: Hashable, Codable, Sendable {
    public var referenceObjects: Int
    public var predictedObjects: Int
    /// Reference objects that a predicted one was matched to.
    public var detected: Int
    /// Predicted objects that were matched. Equals `detected` where matches are one to one.
    public var correct: Int

    public init(referenceObjects: Int = 0, predictedObjects: Int = 0, detected: Int = 0, correct: Int = 0) {
        self.referenceObjects = referenceObjects
        self.predictedObjects = predictedObjects
        self.detected = detected
        self.correct = correct
    }

    public var truePositives: Int { detected }
    public var falseNegatives: Int { referenceObjects &- detected }
    public var falsePositives: Int { predictedObjects &- correct }
    /// Detected share of the reference objects.
    public var recall: Score { .ratio(detected, referenceObjects) }
    /// Correct share of the predicted objects.
    public var precision: Score { .ratio(correct, predictedObjects) }
    /// Harmonic mean of precision and recall: 0 when objects exist and none was matched, undefined without any object.
    public var f1: Score {
        guard referenceObjects > 0 || predictedObjects > 0 else { return .undefined }
        guard let recall = recall.value, let precision = precision.value, recall + precision > 0 else {
            return .value(0)
        }
        return .value(2 * recall * precision / (recall + precision))
    }

    public static func + (left: DetectionCounts, right: DetectionCounts) -> DetectionCounts {
        DetectionCounts(
            referenceObjects: left.referenceObjects &+ right.referenceObjects,
            predictedObjects: left.predictedObjects &+ right.predictedObjects,
            detected: left.detected &+ right.detected, correct: left.correct &+ right.correct)
    }
}

/// Which predicted object counts as which reference object, among the connected components of one class.
public struct ObjectMatching: Hashable, Codable, Sendable {
    public enum Rule: Hashable, Codable, Sendable {
        /// One to one, by intersection over union of at least this (above 0, up to 1): the best pairs first.
        case iou(Double)
        /// Any shared pixel: a reference object is detected, and a predicted one correct, if it touches one of the other.
        case overlap
    }

    public var rule: Rule
    /// Which pixels hang together.
    public var connectivity: Connectivity

    public init(_ rule: Rule = .iou(0.5), connectivity: Connectivity = .full) {
        self.rule = rule
        self.connectivity = connectivity
    }

    /// Matches the objects of one label.
    /// - Throws: `Diagnostic` when the maps lie on different grids or the IoU is not in 0...1.
    public func callAsFunction(
        of label: Int32, prediction: LabelMap, reference: LabelMap, ignoring: Int32? = nil
    ) throws(Diagnostic) -> DetectionCounts {
        try counts(MaskPair(label, prediction: prediction, reference: reference, ignoring: ignoring))
    }

    package func counts(_ pair: MaskPair) throws(Diagnostic) -> DetectionCounts {
        if case .iou(let limit) = rule, !(limit > 0 && limit <= 1) {
            throw Diagnostic(
                .badArgument, "objects cannot be matched at an IoU of \(limit)", remedy: "give 0 to 1, such as 0.5")
        }
        let predicted = try ComponentRuns(pair.prediction, connectivity)
        let reference = try ComponentRuns(pair.reference, connectivity)
        var shared = Self.intersections(reference, predicted).map { key, pixels in
            let row = Int(key >> 32), column = Int(key & 0xFFFF_FFFF)
            let union = reference.pixelCounts[row - 1] + predicted.pixelCounts[column - 1] - pixels
            return (row: row, column: column, iou: Double(pixels) / Double(union))
        }
        var rows = Set<Int>(), columns = Set<Int>()
        switch rule {
        case .overlap:
            for pair in shared {
                rows.insert(pair.row)
                columns.insert(pair.column)
            }
        case .iou(let limit):
            shared = shared.filter { $0.iou >= limit }
            shared.sort { (-$0.iou, $0.row, $0.column) < (-$1.iou, $1.row, $1.column) }
            for pair in shared where !rows.contains(pair.row) && !columns.contains(pair.column) {
                rows.insert(pair.row)
                columns.insert(pair.column)
            }
        }
        return DetectionCounts(
            referenceObjects: reference.count, predictedObjects: predicted.count, detected: rows.count,
            correct: columns.count)
    }

    /// Shared pixels per pair of components, by one walk along both lists of runs.
    private static func intersections(_ reference: ComponentRuns, _ predicted: ComponentRuns) -> [Int64: Int] {
        var shared: [Int64: Int] = [:]
        var row = 0, column = 0
        while row < reference.runs.count, column < predicted.runs.count {
            let a = reference.runs[row], b = predicted.runs[column]
            let pixels = min(a.end, b.end) - max(a.start, b.start)
            if pixels > 0 {
                shared[Int64(reference.components[row]) << 32 | Int64(predicted.components[column]), default: 0] +=
                    pixels
            }
            if a.end <= b.end { row += 1 } else { column += 1 }
        }
        return shared
    }
}
