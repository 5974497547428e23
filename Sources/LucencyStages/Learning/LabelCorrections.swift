import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyReports

/// What became of the labels in a training.
struct LabelCorrections {
    let result: SegmentationTrainer.Result
    let trainer: SegmentationTrainer
    let classes: ClassTable

    /// Cases that are shown as pictures.
    private static let pictured = 12

    func page(_ context: StageContext) throws -> PageValue {
        let cases = Dictionary(trainer.training.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let changes = result.changedLabels.map { change -> LabelCorrectionReport.Change in
            let counts = LabelChanges.counts(change.before, change.after, classes: trainer.classes)
            let pixels = change.before.withUnsafeBufferPointer { labels in labels.count { $0 >= 0 } }
            return .init(name: change.name, pixels: pixels, gained: counts.gained, lost: counts.lost)
        }
        let most = changes.sorted { ($0.changed, $1.name) > ($1.changed, $0.name) }.prefix(Self.pictured)
        let pictures = try most.compactMap { change -> CasePicture? in
            guard let labels = result.changedLabels.first(where: { $0.name == change.name }),
                let item = cases[change.name]
            else { return nil }
            return try CasePicture(
                changes: change.name, size: item.sample.size, image: item.sample.image, before: labels.before,
                after: labels.after
            ) { try PNGFormat().bytes(of: $0) }
        }
        let strategy = trainer.settings.strategy
        let report = LabelCorrectionReport(
            title: "Corrected labels", strategy: strategy.name, classes: classes.classes.map(\.name),
            cases: trainer.training.count, curves: curves, changes: changes.filter { $0.changed > 0 },
            pictures: pictures,
            provenance: [
                .init("Program", "lucency \(lucencyVersion)"), .init("Stage", context.stage),
                .init("Strategy", try JSONValue(encoding: strategy).text), .init("Seed", "\(trainer.settings.seed)"),
                .init("Epochs", "\(result.history.count)"),
            ])
        return PageValue(html: report.page)
    }

    /// The foreground classes over the epochs, with the curves that decided when they were corrected first, or that were
    /// looked at last.
    private var curves: [LabelCorrectionReport.ClassCurve] {
        guard let adele = trainer.settings.strategy.component as? Adele else { return [] }
        let facts = result.history.map { $0.strategy?[Adele.name] }
        let trigger = adele.trigger(epochs: trainer.epochs)
        return (1..<max(1, trainer.classes)).map { number in
            let shares = facts.map { $0?["iou"]?.arrayValue?[number].doubleValue ?? 0 }
            let corrected = facts.indices.filter { epoch in
                facts[epoch]?["corrected"]?.arrayValue?.contains { $0.intValue == number } ?? false
            }.map { $0 + 1 }
            let known = Array(shares.prefix(corrected.first ?? shares.count))
            let skipped = trigger.skipped(known), count = Double(known.count - skipped)
            let curve = trigger.curve(known)
            // A class that was never found has no curve.
            let drawn = known.contains { $0 > 0 } ? skipped..<max(skipped, shares.count) : 0..<0
            let fit = drawn.map { index in
                let place = count > 1 ? Double(index - skipped) * count / (count - 1) : 0
                return (epoch: Double(index + 1), value: curve(place))
            }
            return .init(name: classes.classes[number].name, shares: shares, fit: fit, corrected: corrected)
        }
    }

    /// The labels of all training cases as they were learnt from last.
    func labels() throws -> LabelSetValue {
        let changed = Dictionary(
            result.changedLabels.map { ($0.name, $0.after) }, uniquingKeysWith: { first, _ in first })
        return LabelSetValue(
            maps: try trainer.training.map { item in
                let geometry = try Geometry(
                    size: item.sample.size, spacing: item.sample.spacing, source: .stated(.mm))
                return (
                    item.name, try LabelMap(geometry: geometry, labels: changed[item.name] ?? item.sample.labels)
                )
            })
    }
}
