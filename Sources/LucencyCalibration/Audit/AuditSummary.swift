import LucencyFoundation

/// What several models say against the labels of many cases, region by region, the most suspect first. Parts merge in any order
/// to the same summary.
public struct AuditSummary: Codable, Sendable {
    /// By what regions are ranked.
    public enum Ranking: String, Codable, Hashable, Sendable, CaseIterable {
        /// The margin summed over a region's pixels: large regions first.
        case total
        /// The mean margin of its pixels: the surest first.
        case mean
    }

    /// What models say of a case.
    struct Case: Codable, Sendable {
        /// By the model's name.
        var findings: [String: LabelAudit.Finding]
    }

    private(set) var cases: [String: Case] = [:]

    public init() {}

    /// - Parameter model: tells it apart from others that judged the case.
    /// - Throws: `Diagnostic` when this model judged the case already, or its grid or classes are not those of others.
    package mutating func add(_ name: String, model: String, _ finding: LabelAudit.Finding) throws(Diagnostic) {
        if let other = cases[name]?.findings.first?.value {
            guard other.classes == finding.classes, other.size == finding.size else {
                throw Diagnostic(.geometryMismatch, "models see '\(name)' with other classes or on another grid")
            }
        }
        guard cases[name, default: Case(findings: [:])].findings.updateValue(finding, forKey: model) == nil else {
            throw Diagnostic(
                .duplicateName, "one model judges '\(name)' twice",
                remedy: "name what tells the models apart under `over`")
        }
    }

    /// - Throws: `Diagnostic` as `add` does.
    public mutating func merge(_ other: AuditSummary) throws(Diagnostic) {
        for (name, item) in other.cases {
            for (model, finding) in item.findings { try add(name, model: model, finding) }
        }
    }

    public var caseCount: Int { cases.count }
    public var models: [String] { Set(cases.values.flatMap(\.findings.keys)).sorted() }
    /// Whether references told which labels are wrong.
    public var hasReference: Bool { cases.values.contains { $0.findings.values.contains { $0.errors != nil } } }

    // MARK: Suspects

    /// All suspects, the most suspect first.
    /// - Parameter agreement: least part of the models that must contradict a region.
    public func suspects(by ranking: Ranking = .total, agreement: Double = 0.5) -> [SuspectAnnotation] {
        cases.flatMap { name, item in Self.suspects(name, item, ranking) }
            .filter { Double($0.agreeing) >= agreement * Double($0.models) - 1e-9 }
            .sorted { ($0.score, $1.caseName, $1.pixels.first) > ($1.score, $0.caseName, $0.pixels.first) }
    }

    /// Regions of several models belong together where they suggest the same class for the same label and share at least half
    /// of the smaller one with the strongest of them.
    private static func suspects(_ name: String, _ item: Case, _ ranking: Ranking) -> [SuspectAnnotation] {
        var rest = item.findings.sorted { $0.key < $1.key }.flatMap { model, finding in
            finding.regions.map { (model: model, region: $0, finding: finding) }
        }.sorted { ($0.region.margin, $1.model) > ($1.region.margin, $0.model) }
        var suspects: [SuspectAnnotation] = []
        while let seed = rest.first {
            let isOf = { (other: DisputedRegion) in
                other.given == seed.region.given && other.suggested == seed.region.suggested
                    && other.pixels.isAlike(seed.region.pixels)
            }
            let group = rest.enumerated().filter { $0.offset == 0 || isOf($0.element.region) }
            let taken = Set(group.map(\.offset))
            rest = rest.enumerated().filter { !taken.contains($0.offset) }.map(\.element)
            var scores: [String: (margin: Double, count: Int)] = [:]
            for (_, member) in group {
                let before = scores[member.model] ?? (0, 0)
                scores[member.model] = (before.margin + member.region.margin, before.count + member.region.count)
            }
            let models = Double(item.findings.count)
            let score = scores.sorted { $0.key < $1.key }.reduce(0) { sum, entry in
                sum + entry.value.margin / (ranking == .total ? 1 : Double(entry.value.count))
            }
            suspects.append(
                SuspectAnnotation(
                    caseName: name, model: seed.model, finding: seed.finding, region: seed.region,
                    score: score / models,
                    agreeing: scores.count, models: item.findings.count))
        }
        return suspects
    }

    // MARK: Against the truth

    /// How many of the first `k` suspects are wrong labels, and how many of the wrong labels are among them.
    public struct Hits: Codable, Hashable, Sendable {
        public let k: Int
        /// Part of the first k suspects of which at least half the pixels are labelled wrongly.
        public let precision: Double
        /// Part of the errors that share at least half of the smaller one with one of the first k suspects.
        public let recall: Double
    }

    /// Connected errors of the labels that are as thick as suspects must be.
    public var errorCount: Int {
        cases.values.reduce(0) { $0 + ($1.findings.values.compactMap(\.errors).first?.count ?? 0) }
    }

    /// Hits among the first 1, 2, 5, 10, 20, 50 … suspects, among as many as there are errors, and among all.
    public func hits(_ suspects: [SuspectAnnotation]) -> [Hits] {
        guard hasReference else { return [] }
        var steps: Set<Int> = [errorCount, suspects.count], decade = 1
        while decade <= suspects.count {
            steps.formUnion([decade, 2 * decade, 5 * decade])
            decade *= 10
        }
        var open = cases.compactMapValues { $0.findings.values.compactMap(\.errors).first }
        var right = 0, found = 0, hits: [Hits] = []
        for (index, suspect) in suspects.enumerated() {
            if suspect.isRight == true { right += 1 }
            let before = open[suspect.caseName] ?? [], after = before.filter { !$0.isAlike(suspect.pixels) }
            found += before.count - after.count
            open[suspect.caseName] = after
            guard steps.contains(index + 1) else { continue }
            hits.append(
                Hits(
                    k: index + 1, precision: Double(right) / Double(index + 1),
                    recall: errorCount > 0 ? Double(found) / Double(errorCount) : 1))
        }
        return hits
    }
}

/// An annotation that models contradict.
public struct SuspectAnnotation: Sendable {
    public let caseName: String
    /// The model that contradicts it most, whose region is shown.
    package let model: String
    let finding: LabelAudit.Finding
    package let region: DisputedRegion
    /// Mean over the models that judged the case, of the margin summed over the region or of its mean.
    public let score: Double
    /// Models that contradict the region, of those that judged the case.
    public let agreeing: Int
    public let models: Int

    var pixels: PixelRuns { region.pixels }

    /// Names of the class that the region has and of the one suggested.
    public var given: String { finding.classes[region.given] }
    public var suggested: String { finding.classes[region.suggested] }
    public var pixelCount: Int { region.count }
    /// Means over the region's pixels, of p(suggested) and of p(suggested) - p(given).
    public var confidence: Double { region.confidence / Double(max(1, region.count)) }
    public var margin: Double { region.margin / Double(max(1, region.count)) }
    /// Of the thickest place, in `unit`.
    public var thickness: Double { region.thickness }
    public var unit: String { finding.unit }
    /// Mean of the pixels' indices (x, y, z).
    public var centre: SIMD3<Double> { region.centre }
    /// The same in millimetres; nil where no spacing is stated.
    public var place: SIMD3<Double>? { finding.world?(region.centre) }
    /// In mm² of a single slice, else mm³; nil where no spacing is stated.
    public var measure: Double? {
        finding.world.map { world in
            Double(region.count) * world.spacing.x * world.spacing.y * (isPlanar ? 1 : world.spacing.z)
        }
    }
    public var isPlanar: Bool { finding.size.z == 1 }
    /// The first pixel (x, y, z), and how many it spans along each axis.
    public var origin: SIMD3<Int> { region.origin }
    public var extent: SIMD3<Int> { region.extent }
    /// Whether at least half of its pixels are labelled wrongly; nil where no reference tells.
    public var isRight: Bool? { region.wrong.map { 2 * $0 >= region.count } }
}
