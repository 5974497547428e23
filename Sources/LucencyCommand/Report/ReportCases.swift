import Lucency

/// The labels of a report's cases, and the images to look at.
struct ReportCases: Sendable {
    /// Relative names, sorted.
    let names: [String]
    let labels: PredictionFolder
    let images: PredictionFolder?
    var references: ReferenceReader

    init(labels: String, images: String?, references: ReferenceReader) throws(Diagnostic) {
        self.labels = try PredictionFolder(labels)
        self.images = if let images { try PredictionFolder(images) } else { nil }
        self.references = references
        names = self.labels.names
    }

    func reference(_ name: String) throws -> LabelMap {
        guard let path = try labels.file(of: name) else {
            throw Diagnostic(.missingFile, "there is no label '\(name)'", at: .init(file: labels.path))
        }
        return try references.stored(path)
    }

    /// The image of a case, by its relative name or its bare one; nil where there is none that can be read.
    func image(_ name: String, like geometry: Geometry) -> Image? {
        guard let images, let path = try? images.file(of: name) ?? images.file(of: FileSystem.name(of: name)),
            let image = try? ImageFormats.reader(for: path).readImage(
                path, pages: .automatic, region: nil, limits: references.limits)
        else { return nil }
        return image.size == geometry.size ? image : nil
    }
}

/// Reads the predictions of one run, a few cases at a time, and adds up what they say.
struct ReportRun: Sendable {
    let name: String
    let folder: String
    var reader: PredictionReader
    let settings: CalibrationEvidence.Settings

    /// What came of a run.
    struct Outcome: Sendable {
        var evidence: CalibrationEvidence
        var problems: [CalibrationReport.Problem] = []
        /// Stored types and by how much probabilities may be off for them.
        var storage: [String: Float] = [:]
        /// Predictions without a label.
        var unlabelled = 0
    }

    /// Cases in one piece of work; pieces are measured in parallel and put together in order.
    private static let piece = 8

    func evidence(of cases: ReportCases, pool: ThreadPool) throws -> Outcome {
        let predictions = try PredictionFolder(folder)
        let found = predictions.predictions(of: cases.names, classes: reader.classes)
        var total = Outcome(evidence: CalibrationEvidence(settings))
        for name in cases.names where found[name] == nil {
            total.problems.append(
                .init(run: self.name, item: name, message: "there is no prediction of this name in \(folder)"))
        }
        let wanted = cases.names.filter { found[$0] != nil }
        let used = found.values.reduce(0) { count, files in
            switch files {
            case .success(.perClass(let paths)): count + paths.count
            default: count + 1
            }
        }
        total.unlabelled = max(0, predictions.names.count - used)
        let pieces = (wanted.count + Self.piece - 1) / Self.piece
        let done = Monitor([Int: Outcome]())
        pool.forEach(pieces) { (index: Int) in
            var outcome = Outcome(evidence: CalibrationEvidence(settings))
            for name in wanted[index * Self.piece..<min(wanted.count, (index + 1) * Self.piece)] {
                guard let files = found[name] else { continue }
                add(name, files, cases, &outcome)
            }
            done.update { $0[index] = outcome }
        }
        let outcomes = done.wait(until: { _ in true }) { $0 }
        for index in 0..<pieces {
            guard let outcome = outcomes[index] else { continue }
            try total.evidence.merge(outcome.evidence)
            total.problems += outcome.problems
            total.storage.merge(outcome.storage, uniquingKeysWith: max)
        }
        total.problems.sort { $0.item < $1.item }
        return total
    }

    /// One bad case does not stop the others.
    private func add(
        _ name: String, _ files: Result<PredictionFiles, Diagnostic>, _ cases: ReportCases, _ outcome: inout Outcome
    ) {
        do {
            let stored = try cases.reference(name)
            let prediction = try reader(try files.get(), geometry: stored.geometry)
            let reference = try cases.references.places(stored, among: prediction.map.classes.count)
            try outcome.evidence.add(
                .init(
                    name, probabilities: prediction.map, reference: reference,
                    image: settings.pictures > 0 ? cases.image(name, like: stored.geometry) : nil, settings: settings))
            outcome.storage[prediction.type] = max(outcome.storage[prediction.type] ?? 0, prediction.halfStep)
        } catch {
            let diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
            let place = diagnostic.place.map { "\($0.file): " } ?? ""
            outcome.problems.append(
                .init(
                    run: self.name, item: name,
                    message: place + diagnostic.message + (diagnostic.remedy.map { " — \($0)" } ?? "")))
        }
    }
}
