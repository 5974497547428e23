import LucencyFoundation

/// Cases put together. Summaries of parts of a data set merge into that of the whole, in any order, to the same bytes.
public struct QualitySummary: Hashable, Sendable {
    /// By ascending name.
    public private(set) var cases: [QualityResult] = []

    public init() {}

    /// - Throws: `Diagnostic` when a case of this name is there already, or was made by other conventions.
    public mutating func add(_ result: QualityResult) throws(Diagnostic) {
        if let first = cases.first, first.conventions != result.conventions {
            throw Diagnostic(
                .badArgument,
                "cases \"\(first.name)\" and \"\(result.name)\" were measured differently: "
                    + "\(first.conventions.description(of: .psnr)), and \(result.conventions.description(of: .psnr))",
                remedy: "state the `range` for all images")
        }
        cases.insert(result, at: try cases.place(of: result))
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: QualitySummary) throws(Diagnostic) {
        for result in other.cases { try add(result) }
    }

    /// A metric's values, one for each case.
    public func scores(_ metric: QualityMetric) -> CalibrationScore {
        CalibrationScore(cases.map { $0[metric] }, pooled: .undefined)
    }
}

extension QualitySummary: Codable {
    private enum CodingKeys: String, CodingKey { case cases }

    /// Refuses what `add` refuses.
    public init(from decoder: any Decoder) throws {
        for result in try decoder.container(keyedBy: CodingKeys.self).decode([QualityResult].self, forKey: .cases) {
            try add(result)
        }
    }
}
