import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// What an audit of labels gathers while cases stream by: what models contradict, and small pictures of the strongest regions of
/// each model. Parts merge in any order to the same report; pixels are kept for the pictures only.
public struct AuditEvidence: Codable, Sendable {
    /// A picture by the region that it shows.
    struct Picture: Codable, Sendable {
        let caseName: String
        let region: PixelRuns
        let margin: Double
        let view: AuditView
    }

    public private(set) var summary = AuditSummary()
    /// By model, the strongest regions first.
    private(set) var pictures: [String: [Picture]] = [:]

    public init() {}

    /// Adds what one model says of one case.
    /// - Parameters:
    ///   - name: of the case; several models may judge it.
    ///   - model: tells it apart from others that judge the case.
    ///   - label: the annotation in question.
    ///   - reference: the truth, where it is known.
    ///   - kept: pictures of each model that are kept at most.
    /// - Throws: `Diagnostic` when grids differ, a label has no class, classes may overlap, or this model judged the case
    ///   already.
    public mutating func add(
        _ name: String, model: String, probabilities: ProbabilityMap, label: LabelMap, reference: LabelMap? = nil,
        image: Image? = nil, audit: LabelAudit, kept: Int, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        let finding = try audit(probabilities, label: label, reference: reference, pool: pool)
        try summary.add(name, model: model, finding)
        guard kept > 0, !finding.regions.isEmpty else { return }
        let given = try audit.given(label, classes: probabilities.classes)
        let decisions = PixelDecisions(probabilities, pool: pool)
        keep(
            finding.regions.prefix(kept).map { region in
                Picture(
                    caseName: name, region: region.pixels, margin: region.margin,
                    view: AuditView(
                        region, probabilities: probabilities, given: given, decisions: decisions, image: image))
            }, of: model, kept)
    }

    /// - Parameter kept: as in `add`.
    /// - Throws: `Diagnostic` when both have one case of one model.
    public mutating func merge(_ other: AuditEvidence, kept: Int) throws(Diagnostic) {
        try summary.merge(other.summary)
        for (model, more) in other.pictures { keep(more, of: model, kept) }
    }

    private mutating func keep(_ more: [Picture], of model: String, _ kept: Int) {
        let all = pictures[model, default: []] + more
        pictures[model] = Array(
            all.sorted { ($0.margin, $1.caseName, $1.region.first) > ($1.margin, $0.caseName, $0.region.first) }
                .prefix(kept))
    }

    func view(of suspect: SuspectAnnotation) -> AuditView? {
        pictures[suspect.model]?.first { $0.caseName == suspect.caseName && $0.region == suspect.region.pixels }?.view
    }
}
