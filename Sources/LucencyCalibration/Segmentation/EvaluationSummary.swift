import LucencyFoundation

/// Cases put together. Summaries of parts of a data set merge into that of the whole, in any order, to the same bytes.
public struct EvaluationSummary: Hashable, Sendable {
    /// By ascending name.
    public private(set) var cases: [CaseResult] = []

    public init() {}

    /// - Throws: `Diagnostic` when a case of this name is there already, or was made by other conventions.
    public mutating func add(_ result: CaseResult) throws(Diagnostic) {
        if let first = cases.first, first.conventions != result.conventions {
            throw Diagnostic(
                .badArgument,
                "cases \"\(first.name)\" and \"\(result.name)\" were measured differently: "
                    + Self.difference(first.conventions, result.conventions),
                remedy: "state the spacing of every image, or measure all in px (`unit: px`), with equal options")
        }
        cases.insert(result, at: try cases.place(of: result))
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: EvaluationSummary) throws(Diagnostic) {
        for result in other.cases { try add(result) }
    }

    private static func difference(_ a: EvaluationConventions, _ b: EvaluationConventions) -> String {
        if a.unit != b.unit { return "distances in \(a.unit) and in \(b.unit)" }
        if a.tolerance != b.tolerance { return "tolerances \(a.tolerance) and \(b.tolerance)" }
        return "\(a) and \(b)"
    }

    /// The classes of all cases, by ascending label.
    /// - Parameter penalty: whether an infinite distance counts as the diagonal of its image, instead of being left out.
    public func classes(penalty: Bool = false) -> [ClassSummary] {
        var names: [Int32: String] = [:]
        for row in cases.lazy.flatMap(\.classes) where names[row.label] == nil { names[row.label] = row.name }
        return names.sorted { $0.key < $1.key }.map { label, name in
            // A case without a row for the class has it in neither map.
            let rows = cases.map { result in
                result.classes.first { $0.label == label }
                    ?? ClassResult(
                        absent: label, name: name, overlap: result.confusion.overlap(of: label),
                        emptyScore: result.conventions.emptyScore)
            }
            return ClassSummary(label: label, name: name, rows, diagonals: penalty ? cases.map(\.diagonal) : nil)
        }
    }

    /// Each metric's mean over the classes of their means over cases.
    public func overall(penalty: Bool = false) -> [OverallScore] {
        let classes = classes(penalty: penalty)
        return SegmentationMetric.allCases.map { metric in
            let summaries = classes.map { $0[metric] }, means = summaries.compactMap(\.mean.value)
            return OverallScore(
                metric: metric, mean: Score(means.isEmpty ? nil : means.reduce(0, +) / Double(means.count)),
                classes: means.count, classesLeftOut: classes.count - means.count,
                infinite: summaries.reduce(0) { $0 + $1.infinite },
                undefined: summaries.reduce(0) { $0 + $1.undefined })
        }
    }

    /// The confusion matrix over all pixels of all cases.
    /// - Throws: `Diagnostic` when the cases together have too many labels.
    public func confusion() throws(Diagnostic) -> ConfusionMatrix {
        var sum = try ConfusionMatrix()
        for result in cases { try sum.merge(result.confusion) }
        return sum
    }
}

extension EvaluationSummary: Codable {
    private enum CodingKeys: String, CodingKey { case cases }

    /// Refuses what `add` refuses.
    public init(from decoder: any Decoder) throws {
        for result in try decoder.container(keyedBy: CodingKeys.self).decode([CaseResult].self, forKey: .cases) {
            try add(result)
        }
    }
}
