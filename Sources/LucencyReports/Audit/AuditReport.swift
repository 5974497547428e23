import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// A report on suspect annotations: a table, a page with pictures, and a record. It changes no label.
public struct AuditReport: Sendable {
    public let title: String
    public let evidence: AuditEvidence
    public let audit: LabelAudit
    public let ranking: AuditSummary.Ranking
    /// Least part of the models that must contradict a region.
    public let agreement: Double
    /// The most suspect first.
    public let suspects: [SuspectAnnotation]
    /// How many there are, also beyond those listed.
    public let found: Int
    let hits: [AuditSummary.Hits]

    /// - Parameter limit: suspects that are listed at most.
    public init(
        title: String, evidence: AuditEvidence, audit: LabelAudit, ranking: AuditSummary.Ranking = .total,
        agreement: Double = 0.5, limit: Int = 100
    ) {
        let all = evidence.summary.suspects(by: ranking, agreement: agreement)
        (self.title, self.evidence, self.audit, self.ranking, self.agreement) =
            (title, evidence, audit, ranking, agreement)
        suspects = Array(all.prefix(limit))
        found = all.count
        hits = evidence.summary.hits(all)
    }

    /// Whether some place is known in millimetres.
    private var hasPlace: Bool { suspects.contains { $0.place != nil } }
    private var isPlanar: Bool { suspects.allSatisfy(\.isPlanar) }

    /// A row for each suspect.
    public func table() throws(Diagnostic) -> Table {
        let hasReference = evidence.summary.hasReference, hasPlace = hasPlace
        let measure = isPlanar ? Table.Column("area", unit: "mm²") : Table.Column("volume", unit: "mm³")
        var columns: [Table.Column] = ["rank", "case", "given", "suggested", "score", "confidence", "margin"].map {
            .init($0)
        }
        columns += ["agreeing", "models", "pixels"].map { .init($0) }
        columns.append(.init("thickness", unit: suspects.first?.unit ?? "px"))
        columns += ["x", "y", "z"].map { .init("centre_\($0)", unit: "px") }
        columns += ["first_x", "first_y", "first_z", "width", "height", "depth"].map { .init($0, unit: "px") }
        if hasPlace { columns += [measure] + ["x", "y", "z"].map { .init("world_\($0)", unit: "mm") } }
        if hasReference { columns.append(.init("wrong")) }
        var table = try Table(title: "suspects", columns: columns)
        for (index, suspect) in suspects.enumerated() {
            var row: [Table.Cell] = [
                .integer(index + 1), .text(suspect.caseName), .text(suspect.given), .text(suspect.suggested),
                .number(suspect.score), .number(suspect.confidence), .number(suspect.margin),
                .integer(suspect.agreeing), .integer(suspect.models), .integer(suspect.pixelCount),
                .number(suspect.thickness),
            ]
            row += (0..<3).map { .number(suspect.centre[$0]) }
            row += (0..<3).map { .integer(suspect.origin[$0]) } + (0..<3).map { .integer(suspect.extent[$0]) }
            if hasPlace {
                row.append(suspect.measure.map { .number($0) } ?? .missing)
                row += (0..<3).map { axis in suspect.place.map { .number($0[axis]) } ?? .missing }
            }
            if hasReference { row.append(suspect.isRight.map { .text($0 ? "true" : "false") } ?? .missing) }
            try table.append(row)
        }
        return table
    }

    /// Settings, suspects and, where a reference was given, how many of them are right.
    public var json: JSONValue {
        let summary = evidence.summary
        func vector(_ vector: SIMD3<Double>) -> JSONValue { .array((0..<3).map { .number(vector[$0]) }) }
        func vector(_ vector: SIMD3<Int>) -> JSONValue { .array((0..<3).map { .integer(vector[$0]) }) }
        let listed = suspects.enumerated().map { index, suspect -> JSONValue in
            var members: [String: JSONValue] = [
                "rank": .integer(index + 1), "case": .string(suspect.caseName), "given": .string(suspect.given),
                "suggested": .string(suspect.suggested), "score": .number(suspect.score),
                "confidence": .number(suspect.confidence), "margin": .number(suspect.margin),
                "agreeing": .integer(suspect.agreeing), "models": .integer(suspect.models),
                "pixels": .integer(suspect.pixelCount), "centre": vector(suspect.centre),
                "first": vector(suspect.origin), "extent": vector(suspect.extent),
                "thickness": .string("\(NumberText.fixed(suspect.thickness, 3)) \(suspect.unit)"),
            ]
            if let place = suspect.place { members["centreMM"] = vector(place) }
            if let right = suspect.isRight { members["wrong"] = .bool(right) }
            return .object(members)
        }
        var members: [String: JSONValue] = [
            "format": .string("lucency label audit 1"), "notice": .string(Self.notice),
            "settings": [
                "confidence": .number(audit.confidence), "thickness": .string(audit.thickness.description),
                "ranking": .string(ranking.rawValue), "agreement": .number(agreement),
            ],
            "cases": .integer(summary.caseCount), "models": .array(summary.models.map { .string($0) }),
            "found": .integer(found), "suspects": .array(listed),
        ]
        if summary.hasReference {
            members["reference"] = [
                "errors": .integer(summary.errorCount),
                "hits": .array(
                    hits.map {
                        ["k": .integer($0.k), "precision": .number($0.precision), "recall": .number($0.recall)]
                    }),
            ]
        }
        return .object(members)
    }

    static let notice =
        "A model that contradicts a label may be the one that is wrong. Nothing was changed: each region is for a person to judge."

    /// One self-contained page with pictures of the most suspect regions.
    /// - Parameters:
    ///   - pictures: how many regions are shown at most.
    ///   - encode: writes an 8-bit image as PNG.
    public func page(pictures: Int, encode: (Image) throws -> [UInt8]) throws -> String {
        try AuditPage(report: self, shown: pictures).html(encode: encode)
    }
}
