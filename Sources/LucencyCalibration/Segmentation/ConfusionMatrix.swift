import LucencyFoundation
import LucencyImaging

/// How often each reference label (rows) was given each predicted label (columns). Mergeable.
public struct ConfusionMatrix: Hashable, Sendable {
    /// Labels that one matrix can hold: more are instance numbers rather than classes.
    public static let maximumLabels = 1024

    /// Ascending; row and column order.
    public private(set) var labels: [Int32]
    /// Rows one after the other.
    public private(set) var counts: [Int]
    /// Pixels left out because their reference has the ignored label.
    public private(set) var ignored: Int

    /// An empty matrix.
    /// - Throws: `Diagnostic` for more than 1024 labels.
    public init(labels: some Sequence<Int32> = []) throws(Diagnostic) {
        self.labels = Set(labels).sorted()
        guard self.labels.count <= Self.maximumLabels else {
            throw Diagnostic(
                .badLabel, "\(self.labels.count) labels are too many for classes (at most \(Self.maximumLabels))",
                remedy: "evaluate class maps; instance numbers are matched per class by object detection")
        }
        counts = Array(repeating: 0, count: self.labels.count * self.labels.count)
        ignored = 0
    }

    /// The matrix of one case, with the labels given and all that occur.
    /// - Throws: `Diagnostic` when the maps lie on different grids, or have too many labels.
    public init(
        prediction: LabelMap, reference: LabelMap, labels: some Sequence<Int32> = [], ignoring: Int32? = nil
    ) throws(Diagnostic) {
        try reference.geometry.requireMatch(prediction.geometry, "the prediction and the reference")
        var pairs: [Int64: Int] = [:]
        prediction.labels.withUnsafeBufferPointer { predicted in
            reference.labels.withUnsafeBufferPointer { reference in
                var index = 0
                while index < reference.count {
                    let row = reference[index], column = predicted[index], start = index
                    while index < reference.count, reference[index] == row, predicted[index] == column { index &+= 1 }
                    pairs[Int64(row) << 32 | Int64(UInt32(bitPattern: column)), default: 0] += index &- start
                }
            }
        }
        let cells = pairs.map { (row: Int32($0 >> 32), column: Int32(truncatingIfNeeded: $0), count: $1) }
        let counted = cells.filter { $0.row != ignoring }
        try self.init(labels: Set(labels).union(counted.map(\.row)).union(counted.map(\.column)))
        let places = Dictionary(uniqueKeysWithValues: self.labels.enumerated().map { ($1, $0) })
        for cell in counted {
            guard let row = places[cell.row], let column = places[cell.column] else { continue }
            counts[row * self.labels.count + column] = cell.count
        }
        ignored = cells.lazy.filter { $0.row == ignoring }.map(\.count).reduce(0, +)
    }

    /// Adds another matrix; labels that only one of them knows are kept.
    /// - Throws: `Diagnostic` when together they have too many labels.
    public mutating func merge(_ other: ConfusionMatrix) throws(Diagnostic) {
        var sum = self
        if labels != other.labels {
            sum = try ConfusionMatrix(labels: labels + other.labels)
            sum.add(self)
        }
        sum.add(other)
        sum.ignored = ignored &+ other.ignored
        self = sum
    }

    /// Adds the counts of a matrix whose labels are all known here.
    private mutating func add(_ other: ConfusionMatrix) {
        let places = other.labels.map { label in labels.firstIndex(of: label) ?? 0 }
        for (row, place) in places.enumerated() {
            for (column, target) in places.enumerated() {
                counts[place * labels.count + target] &+= other.counts[row * places.count + column]
            }
        }
    }

    /// Pixels with this reference and this predicted label.
    public subscript(reference reference: Int32, prediction prediction: Int32) -> Int {
        guard let row = labels.firstIndex(of: reference), let column = labels.firstIndex(of: prediction) else {
            return 0
        }
        return counts[row * labels.count + column]
    }

    /// Counted pixels.
    public var total: Int { counts.reduce(0, &+) }

    /// One label against all others.
    public func overlap(of label: Int32) -> Overlap {
        guard let place = labels.firstIndex(of: label) else { return Overlap(trueNegatives: total) }
        let hits = counts[place * labels.count + place]
        var row = 0, column = 0
        for other in labels.indices {
            row &+= counts[place * labels.count + other]
            column &+= counts[other * labels.count + place]
        }
        return Overlap(
            truePositives: hits, falsePositives: column &- hits, falseNegatives: row &- hits,
            trueNegatives: total &- row &- column &+ hits)
    }

    /// Share of pixels with the right label.
    public var pixelAccuracy: Score {
        .ratio(labels.indices.reduce(0) { $0 &+ counts[$1 * labels.count + $1] }, total)
    }

    /// Mean IoU over the labels that occur in either (0 included unless left out).
    public func meanIoU(excluding excluded: Set<Int32> = []) -> Score {
        let values = labels.filter { !excluded.contains($0) }.compactMap { overlap(of: $0).iou.value }
        return Score(values.isEmpty ? nil : values.reduce(0, +) / Double(values.count))
    }
}

extension ConfusionMatrix: Codable {
    private enum CodingKeys: String, CodingKey { case labels, counts, ignored }

    /// Refuses counts that do not fill the matrix, negative ones and labels out of order.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        labels = try container.decode([Int32].self, forKey: .labels)
        counts = try container.decode([Int].self, forKey: .counts)
        ignored = try container.decode(Int.self, forKey: .ignored)
        guard labels.count <= Self.maximumLabels, counts.count == labels.count * labels.count,
            zip(labels, labels.dropFirst()).allSatisfy({ $0 < $1 }), counts.allSatisfy({ $0 >= 0 }), ignored >= 0
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container, debugDescription: "not a confusion matrix")
        }
    }
}
