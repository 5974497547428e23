import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

/// ADELE in one training.
final class AdeleRun: StrategyRun {
    private let settings: Adele
    private let training: StrategyTraining
    private let trigger: CorrectionTrigger
    /// The cases with their labels as they are now.
    private var cases: [TrainingCase]
    private var progress: AdeleProgress
    /// Made when first needed.
    private var predictor: Predictor?

    init(_ settings: Adele, _ training: StrategyTraining) {
        self.settings = settings
        self.training = training
        trigger = settings.trigger(
            epochs: (training.steps + training.stepsPerEpoch - 1) / max(1, training.stepsPerEpoch))
        cases = training.cases
        progress = AdeleProgress(classes: training.classes)
    }

    // MARK: Three scales

    var replacesObjective: Bool { settings.total == .published }

    func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
        guard let full = scene.outputs.first, let inputs = scene.inputs.first else { return [] }
        guard settings.weight > 0 || replacesObjective else { return [] }
        let views = try [settings.scales[0], 1, settings.scales[1]].map { scale in
            scale == 1 ? full : try view(scene, scale: scale)
        }
        var parts: [ObjectiveValues.Part] = []
        if replacesObjective {
            for (name, view) in zip(["small", "unscaled", "large"], views) {
                let values = try training.settings.objective.record(
                    on: scene.tape, logits: scene.tape.scale(view, by: 1 / 3), inputs: inputs)
                parts.append(ObjectiveValues.Part(name: name, weight: 1 / 3, value: values.total))
            }
        }
        guard settings.weight > 0 else { return parts }
        let consistency = try scene.tape.consistency(
            views, labels: inputs.labels, sureness: settings.sureness, ignoring: ObjectiveInputs.ignored)
        return parts + [
            ObjectiveValues.Part(name: "consistency", weight: settings.weight / 3, value: consistency)
        ]
    }

    /// What the network says of the images at another scale, on the grid of the images.
    private func view(_ scene: StepScene, scale: Double) throws -> Value {
        let size = scene.images.shape.spatial
        let scaled = zip(size, training.network.sizeMultiple).map { extent, multiple in
            max(1, Int((Double(extent) * scale / Double(multiple)).rounded())) * multiple
        }
        let images = try scene.tape.resize(scene.images, to: scaled, .linear(alignsCorners: true))
        guard let logits = try training.network(images, Scope(scene.tape)).first else {
            throw Diagnostic(.badArgument, "the network has no result")
        }
        return try scene.tape.resize(logits, to: size, .linear(alignsCorners: true))
    }

    // MARK: Labels

    func cases(_ original: [TrainingCase]) throws -> [TrainingCase] { cases }

    func finishEpoch(_ epoch: Int) throws -> [String: JSONValue] {
        if (epoch - 1) % settings.every == 0 { progress.blocked = [] }
        var overlap = ClassOverlap(classes: training.classes)
        for item in cases {
            overlap.add(try logits(of: item), item.sample.labels, ignored: training.settings.objective.ignored)
        }
        progress.curves.append(overlap.shares)
        let due = (1..<max(1, training.classes)).filter { number in
            !progress.blocked.contains(number) && trigger.isDue(progress.curves.map { $0[number] })
        }
        var changes: [String: JSONValue] = [:]
        for index in cases.indices where !due.isEmpty {
            if let change = try correct(index, classes: Set(due)) { changes[cases[index].name] = change }
        }
        for number in due {
            progress.blocked.append(number)
            progress.detected[number] = progress.detected[number] ?? epoch
        }
        var facts: [String: JSONValue] = ["iou": .array(overlap.shares.map { .number($0) })]
        if !due.isEmpty {
            facts["corrected"] = .array(due.map { .integer($0) })
            facts["changed"] = .object(changes)
        }
        return ["adele": .object(facts)]
    }

    /// Corrects the labels of a case; gives how many pixels each class gained and lost, nil where nothing changed. The
    /// network is asked anew, so that no probabilities need be kept.
    private func correct(_ index: Int, classes: Set<Int>) throws -> JSONValue? {
        let item = cases[index], present = item.foreground.classes
        guard present.contains(where: { classes.contains(Int($0)) }) else { return nil }
        let merged = settings.correction(
            item.sample.labels, logits: try logits(of: item), classes: training.classes, update: classes,
            ignored: training.settings.objective.ignored)
        guard let merged else { return nil }
        cases[index] = try item.with(labels: merged)
        if !progress.changed.contains(index) { progress.changed.append(index) }
        let (gained, lost) = LabelChanges.counts(item.sample.labels, merged, classes: training.classes)
        return [
            "gained": .array(gained.map { .integer($0) }), "lost": .array(lost.map { .integer($0) }),
        ]
    }

    private func logits(of item: TrainingCase) throws -> AlignedBuffer<Float> {
        let predictor =
            try self.predictor
            ?? Predictor(
                training.network, parameters: training.parameters, pool: training.pool, kernels: training.kernels)
        self.predictor = predictor
        // Cases whose intensities are normalised while they are augmented are normalised here too.
        let normalizing = AugmentationPipeline(
            training.settings.augmentation.augmentations.filter { if case .normalize = $0 { true } else { false } })
        let drawn = try normalizing.draw(seed: 0, step: 0, name: item.name, for: item.sample.form)
        return try predictor.logits(
            of: AugmentationPipeline.apply(drawn, to: item.sample), tile: training.settings.patch.reversed(),
            pool: training.pool)
    }

    var changedLabels: [ChangedLabels] {
        progress.changed.sorted().map { index in
            ChangedLabels(
                name: cases[index].name, before: training.cases[index].sample.labels,
                after: cases[index].sample.labels)
        }
    }

    // MARK: From epoch to epoch

    private static let progressName = "progress.json"
    private static func labelsName(_ index: Int) -> String { "labels-\(index).i32" }

    func save(to folder: String, prefix: String) throws {
        try FileSystem.write(
            JSONValue(encoding: progress).text, to: FileSystem.join(folder, prefix + Self.progressName))
        for index in progress.changed {
            let path = FileSystem.join(folder, prefix + Self.labelsName(index))
            try FileSystem.replace(path) { (put) throws(Diagnostic) in
                var failure: Diagnostic?
                cases[index].sample.labels.withUnsafeBufferPointer { labels in
                    do throws(Diagnostic) { try put(UnsafeRawBufferPointer(labels)) } catch { failure = error }
                }
                if let failure { throw failure }
            }
        }
    }

    func restore(from folder: String, prefix: String) throws {
        let text = try FileSystem.text(FileSystem.join(folder, prefix + Self.progressName), limit: 1 << 28)
        let found = try JSONValue(parsing: text).decoded(as: AdeleProgress.self)
        guard found.fits(classes: training.classes, cases: cases.count) else {
            throw Diagnostic(.damagedFile, "the strategy's state is of another training")
        }
        for index in found.changed {
            let count = 4 * cases[index].sample.size.count
            let bytes = try FileSystem.bytes(FileSystem.join(folder, prefix + Self.labelsName(index)), limit: count)
            guard bytes.count == count else { throw Diagnostic(.damagedFile, "labels are missing") }
            let labels = AlignedBuffer<Int32>(count: count / 4) { out in
                out.initialize(repeating: 0)
                UnsafeMutableRawBufferPointer(out).copyBytes(from: bytes)
            }
            cases[index] = try training.cases[index].with(labels: labels)
        }
        progress = found
    }

    func bytes(threads: Int) throws -> Int {
        // The plans for whole images, and labels that may all be changed.
        4 * cases.reduce(0) { $0 + $1.sample.size.count }
    }
}

/// What ADELE knows between two epochs, besides labels.
struct AdeleProgress: Codable {
    /// IoU by epoch and class.
    var curves: [[Double]] = []
    /// Classes that were corrected and have to wait.
    var blocked: [Int] = []
    /// By class, the epoch after which it was corrected first, from 1.
    var detected: [Int?]
    /// Cases whose labels were changed.
    var changed: [Int] = []

    init(classes: Int) { detected = Array(repeating: nil, count: classes) }

    func fits(classes: Int, cases: Int) -> Bool {
        curves.allSatisfy { $0.count == classes } && detected.count == classes
            && blocked.allSatisfy { (0..<classes).contains($0) } && changed.allSatisfy { (0..<cases).contains($0) }
    }
}

/// Pixels of each class that are predicted, labelled, and both.
struct ClassOverlap {
    private var predicted: [Int]
    private var labelled: [Int]
    private var both: [Int]

    init(classes: Int) {
        predicted = Array(repeating: 0, count: classes)
        (labelled, both) = (predicted, predicted)
    }

    /// Labels below 0, and `ignored`, do not count.
    mutating func add(_ logits: AlignedBuffer<Float>, _ labels: AlignedBuffer<Int32>, ignored: Int?) {
        let pixels = labels.count, classes = both.count
        logits.withUnsafeBufferPointer { logits in
            labels.withUnsafeBufferPointer { labels in
                for pixel in 0..<pixels {
                    let label = Int(labels[pixel])
                    guard label >= 0, label < classes, label != ignored else { continue }
                    var best = 0, largest = logits[pixel]
                    for number in 1..<classes where logits[number &* pixels &+ pixel] > largest {
                        (best, largest) = (number, logits[number &* pixels &+ pixel])
                    }
                    predicted[best] += 1
                    labelled[label] += 1
                    if best == label { both[label] += 1 }
                }
            }
        }
    }

    /// Intersection over union of each class, 0 where it never occurs.
    var shares: [Double] {
        both.indices.map { Double(both[$0]) / (Double(predicted[$0] + labelled[$0] - both[$0]) + 1e-10) }
    }
}

/// What was changed in labels.
package enum LabelChanges {
    /// Pixels that each class gained and lost.
    package static func counts(
        _ before: AlignedBuffer<Int32>, _ after: AlignedBuffer<Int32>, classes: Int
    ) -> (gained: [Int], lost: [Int]) {
        var gained = Array(repeating: 0, count: classes), lost = gained
        before.withUnsafeBufferPointer { before in
            after.withUnsafeBufferPointer { after in
                for (old, new) in zip(before, after) where old != new {
                    if lost.indices.contains(Int(old)) { lost[Int(old)] += 1 }
                    if gained.indices.contains(Int(new)) { gained[Int(new)] += 1 }
                }
            }
        }
        return (gained, lost)
    }
}

extension TrainingCase {
    /// The same with other labels.
    fileprivate func with(labels: AlignedBuffer<Int32>) throws(Diagnostic) -> TrainingCase {
        TrainingCase(
            try Sample(name: name, form: sample.form, image: sample.image, labels: labels, maps: sample.maps))
    }
}
