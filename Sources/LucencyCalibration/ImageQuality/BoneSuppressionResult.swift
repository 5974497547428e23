import LucencyFoundation

/// What bone suppression is judged by.
public enum BoneSuppressionMetric: String, CaseIterable, Hashable, Codable, Sendable {
    /// `BoneSuppressionRatio.ratio`: as published.
    case bsr
    /// `BoneSuppressionRatio.twoSided`.
    case bsr2
    case mse, psnr, ssim, gmsd
    /// Mean over nodules of (mean inside − mean around) / standard deviation around.
    case noduleContrast = "nodule-cnr"
    /// Of the nodules that the truth shows, the part that is lost.
    case lostNodules = "lost-nodules"
    /// Spots per image that the truth does not show.
    case inventedSpots = "invented-spots"
    /// Spots per image that neither the truth nor the film shows.
    case unsupportedSpots = "unsupported-spots"
    /// Dice of the lungs that were segmented in the image.
    case lungDice = "lung-dice"

    /// `dB`, or nil.
    public var unit: String? { self == .psnr ? "dB" : nil }
}

/// A number for the answer, and the same for the film as it is.
public struct BesideDoingNothing: Hashable, Codable, Sendable {
    public var answer: Score
    public var film: Score
    /// The number of the truth itself, where it has one (contrast of nodules).
    public var truth: Score

    public init(_ answer: Score, film: Score, truth: Score = .undefined) {
        (self.answer, self.film, self.truth) = (answer, film, truth)
    }

    /// Nothing was measured.
    public static var undefined: BesideDoingNothing { .init(.undefined, film: .undefined) }

    /// How much larger the answer's number is than the film's.
    public var gain: Score {
        guard let answer = answer.value, let film = film.value else { return .undefined }
        return .value(answer - film)
    }
}

/// The bone suppression of one film.
public struct BoneSuppressionResult: Hashable, Codable, Sendable {
    /// Unique among the cases that are merged.
    public var name: String
    public var conventions: BoneSuppressionConventions
    /// Nodules that the mask has, and those of them that the truth shows.
    public var nodules: Int
    public var visibleNodules: Int
    /// By metric's name.
    var values: [String: BesideDoingNothing]

    public subscript(metric: BoneSuppressionMetric) -> BesideDoingNothing {
        values[metric.rawValue] ?? .undefined
    }
}

/// By which conventions numbers were made. Only numbers of equal conventions are merged.
public struct BoneSuppressionConventions: Hashable, Codable, Sendable {
    public var quality: QualityConventions
    public var nodules: NoduleRule

    /// What a reader must know to compare a metric with other people's numbers.
    public func description(of metric: BoneSuppressionMetric) -> String {
        func text(_ number: Double) -> String { Int(exactly: number).map { String($0) } ?? String(number) }
        let spots =
            "-s^2 LoG; s \(nodules.scales.map(text).joined(separator: " ")) px; from \(text(nodules.contrast)) L"
        let kept = "below \(text(nodules.kept)) of the truth's response"
        return switch metric {
        case .bsr: "1 - sum max(s - o', 0)^2 / sum (c - s)^2; same mean; at the images' size"
        case .bsr2: "1 - sum (s - o')^2 / sum (c - s)^2; same mean; at the images' size"
        case .mse: quality.description(of: .mse)
        case .psnr: quality.description(of: .psnr)
        case .ssim: quality.description(of: .ssim)
        case .gmsd: quality.description(of: .gmsd)
        case .noduleContrast:
            "inside against \(text(nodules.gap)) to \(text(nodules.ring)) px around, in the lungs where they are given"
        case .lostNodules: "\(spots); \(kept)"
        case .inventedSpots: "\(spots); the truth answers less than \(text(nodules.kept)) of it nearby"
        case .unsupportedSpots: "\(spots); truth and film answer less than \(text(nodules.kept)) of it nearby"
        case .lungDice: "all lungs as one; where lungs of both images are given"
        }
    }
}

/// Cases put together. Summaries of parts of a data set merge into that of the whole, in any order, to the same bytes.
public struct BoneSuppressionSummary: Hashable, Sendable {
    /// By ascending name.
    public private(set) var cases: [BoneSuppressionResult] = []

    public init() {}

    /// - Throws: `Diagnostic` when a case of this name is there already, or was made by other conventions.
    public mutating func add(_ result: BoneSuppressionResult) throws(Diagnostic) {
        if let first = cases.first, first.conventions != result.conventions {
            throw Diagnostic(
                .badArgument, "cases \"\(first.name)\" and \"\(result.name)\" were measured differently",
                remedy: "state the `range` for all images")
        }
        cases.insert(result, at: try cases.place(of: result))
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: BoneSuppressionSummary) throws(Diagnostic) {
        for result in other.cases { try add(result) }
    }

    /// One of the values that a metric has, for each case. Of lost nodules the `pooled` value is over all nodules.
    public func scores(
        _ metric: BoneSuppressionMetric, _ part: (BesideDoingNothing) -> Score
    ) -> CalibrationScore {
        let values = cases.map { part($0[metric]) }
        var pooled = Score.undefined
        if metric == .lostNodules {
            var lost = 0.0, all = 0
            for (result, value) in zip(cases, values) {
                guard let value = value.value else { continue }
                lost += value * Double(result.visibleNodules)
                all += result.visibleNodules
            }
            if all > 0 { pooled = .value(lost / Double(all)) }
        }
        return CalibrationScore(values, pooled: pooled)
    }
}

extension BoneSuppressionSummary: Codable {
    private enum CodingKeys: String, CodingKey { case cases }

    /// Refuses what `add` refuses.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for result in try container.decode([BoneSuppressionResult].self, forKey: .cases) { try add(result) }
    }
}
