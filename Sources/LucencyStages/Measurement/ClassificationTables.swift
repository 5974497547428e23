import LucencyCalibration
import LucencyReports

/// Images, or patients, with their scores; and the tables of both.
struct ClassificationLevel {
    /// `image` or `patient`.
    var name: String
    var summary: ClassificationSummary
    var scores: ClassificationScores

    /// A row for each level and metric, with the 95 % interval over patients.
    static func summaryTable(_ levels: [ClassificationLevel], _ draws: CaseDraws) throws -> Table {
        var table = try Table(
            title: "classification",
            columns: ["level", "metric", "n", "value", "lower", "upper", "definition"].map { .init($0) })
        for level in levels {
            let n = Table.Cell.integer(level.summary.cases.count)
            for metric in ClassificationMetric.allCases {
                let interval = level.scores.interval(metric, draws)
                let means = level.name == "patient" ? "; probabilities are means over a patient's images" : ""
                try table.append([
                    .text(level.name), .text(metric.rawValue), n, Table.Cell(level.scores.score(metric)),
                    Table.Cell(interval?.lower), Table.Cell(interval?.upper),
                    .text(metric.definition(bins: level.scores.bins) + means),
                ])
            }
        }
        if let images = levels.first, !images.scores.patientRates.isEmpty {
            let rates = images.scores.patientRates, interval = draws.interval(ofMean: rates)
            try table.append([
                .text("patient"), .text("recognition-rate"), .integer(rates.count),
                .number(rates.reduce(0, +) / Double(rates.count)), Table.Cell(interval?.lower),
                Table.Cell(interval?.upper),
                .text("mean over patients of the share of right answers among their images"),
            ])
        }
        return table
    }

    /// A row for each level, class and metric of a class against all others.
    static func classTable(_ levels: [ClassificationLevel], _ draws: CaseDraws) throws -> Table {
        var table = try Table(
            title: "classes",
            columns: ["level", "class", "metric", "n", "value", "lower", "upper"].map { .init($0) })
        for level in levels {
            for (plane, name) in level.summary.classes.enumerated() {
                let n = Table.Cell.integer(level.summary.cases.count { $0.truth == plane })
                for metric in ClassMetric.allCases {
                    let interval = level.scores.interval(metric, ofClass: plane, draws)
                    try table.append([
                        .text(level.name), .text(name), .text(metric.rawValue), n,
                        Table.Cell(level.scores.score(metric, ofClass: plane)), Table.Cell(interval?.lower),
                        Table.Cell(interval?.upper),
                    ])
                }
            }
        }
        return table
    }

    /// How often each class was answered as each.
    static func confusionTable(_ levels: [ClassificationLevel]) throws -> Table {
        var table = try Table(
            title: "confusion", columns: ["level", "class", "answer", "count"].map { .init($0) })
        for level in levels {
            let counts = level.scores.confusion
            for (row, truth) in level.summary.classes.enumerated() {
                for (column, answer) in level.summary.classes.enumerated() {
                    try table.append([
                        .text(level.name), .text(truth), .text(answer), .integer(counts[row][column]),
                    ])
                }
            }
        }
        return table
    }

    /// The bins of confidence that hold something.
    static func binTable(_ levels: [ClassificationLevel]) throws -> Table {
        var table = try Table(
            title: "bins",
            columns: ["level", "bin", "above", "upTo", "n", "confidence", "right"].map { .init($0) })
        for level in levels {
            let bins = level.scores.reliability
            for bin in bins.filled {
                let limits = bins.limits(of: bin.index)
                try table.append([
                    .text(level.name), .integer(bin.index), .number(limits.lowerBound), .number(limits.upperBound),
                    .integer(bin.count), .number(bin.confidence), .number(bin.accuracy),
                ])
            }
        }
        return table
    }

    /// Confidence of the answers against how often they are right.
    /// - Parameter variants: words behind the level's name.
    func diagram(of variants: String) -> ReliabilityDiagram {
        let bins = scores.reliability
        var diagram = ReliabilityDiagram(
            title: (name == "image" ? "Images" : "Patients") + variants,
            bins: bins.filled.map { bin in
                let limits = bins.limits(of: bin.index)
                return ReliabilityDiagram.Bin(
                    low: limits.lowerBound, high: limits.upperBound, count: bin.count, confidence: bin.confidence,
                    accuracy: bin.accuracy)
            })
        diagram.noun = name
        return diagram
    }

    /// A row for each image and each patient.
    static func caseTable(_ levels: [ClassificationLevel]) throws -> Table {
        let classes = levels.first?.summary.classes ?? []
        var table = try Table(
            title: "cases",
            columns: ["level", "case", "patient", "class", "answer"].map { .init($0) }
                + classes.map { .init("probability \($0)") })
        for level in levels {
            for one in level.summary.cases {
                let patient = level.name == "patient" ? one.name : one.patient
                try table.append(
                    [
                        .text(level.name), .text(one.name), patient.map { .text($0) } ?? .missing,
                        .text(classes[one.truth]), .text(classes[one.answer]),
                    ] + one.probabilities.map { .number($0) })
            }
        }
        return table
    }
}
