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

    /// The labels of a case as they are stored, and their file.
    func reference(_ name: String) throws -> (labels: LabelMap, path: String) {
        guard let path = try labels.file(of: name) else {
            throw Diagnostic(.missingFile, "there is no label '\(name)'", at: .init(file: labels.path))
        }
        return (try references.stored(path), path)
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
        /// SHA-256 of the files that were judged, by case: predictions and labels.
        var hashes: [String: (predictions: [String], label: String)] = [:]
        /// Predictions without a label.
        var unlabelled = 0

        mutating func merge(_ other: Outcome) throws(Diagnostic) {
            try evidence.merge(other.evidence)
            problems += other.problems
            storage.merge(other.storage, uniquingKeysWith: max)
            hashes.merge(other.hashes) { first, _ in first }
        }

        /// One SHA-256 for all files of a kind: of the lines `CASE HASH…` in the order of the cases' names.
        func hash(_ files: ((predictions: [String], label: String)) -> [String]) -> String {
            var hash = SHA256()
            for (name, both) in hashes.sorted(by: { $0.key < $1.key }) {
                Array("\(name) \(files(both).joined(separator: " "))\n".utf8).withUnsafeBytes { hash.update($0) }
            }
            return hash.hexDigest()
        }
    }

    /// Cases in one piece of work; pieces are measured in parallel.
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
        // Parts add up to the same in any order.
        let sum = Lock(total)
        try pool.forEach(pieces) { (index: Int) throws in
            var part = Outcome(evidence: CalibrationEvidence(settings))
            for name in wanted[index * Self.piece..<min(wanted.count, (index + 1) * Self.piece)] {
                guard let files = found[name] else { continue }
                add(name, files, cases, &part)
            }
            try sum.withLock { try $0.merge(part) }
        }
        total = sum.withLock { $0 }
        total.problems.sort { $0.item < $1.item }
        return total
    }

    /// One bad case does not stop the others.
    private func add(
        _ name: String, _ files: Result<PredictionFiles, Diagnostic>, _ cases: ReportCases, _ outcome: inout Outcome
    ) {
        do {
            let (stored, label) = try cases.reference(name)
            let files = try files.get()
            let prediction = try reader(files, geometry: stored.geometry)
            let reference = try cases.references.places(stored, among: prediction.map.classes.count)
            try outcome.evidence.add(
                .init(
                    name, probabilities: prediction.map, reference: reference,
                    image: settings.pictures > 0 ? cases.image(name, like: stored.geometry) : nil, settings: settings))
            outcome.hashes[name] = (try files.paths.map { try FileSystem.hash(of: $0) }, try FileSystem.hash(of: label))
            outcome.storage[prediction.type] = max(outcome.storage[prediction.type] ?? 0, prediction.halfStep)
        } catch {
            var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
            if diagnostic.code == .assumedSpacing {
                diagnostic.remedy = "state it: `--spacing 0.2mm`; or give the boundary in px"
            }
            let place = diagnostic.place.map { "\($0.file): " } ?? ""
            outcome.problems.append(
                .init(
                    run: self.name, item: name,
                    message: place + diagnostic.message + (diagnostic.remedy.map { " — \($0)" } ?? "")))
        }
    }
}
