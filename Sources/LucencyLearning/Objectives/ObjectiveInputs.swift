import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// The tape inputs that an objective reads besides logits.
public struct ObjectiveInputs: Hashable, Sendable {
    /// Labels: the label value of pixels that do not count is -1.
    package static let ignored: Float = -1

    /// N, spatial; class numbers as floats.
    public let labels: Value
    /// By name, each of the logits' shape.
    public let additional: [String: Value]
    /// N, C, spatial.
    let logits: Shape

    /// - Throws: `Diagnostic` when there is none of that name.
    func additional(_ name: String) throws(Diagnostic) -> Value {
        guard let value = additional[name] else {
            throw Diagnostic(.badArgument, "the objective's inputs were declared without '\(name)'")
        }
        return value
    }
}

/// What one image gives to the inputs.
public struct ObjectiveSample: Sendable {
    let size: GridSize
    let classes: Int
    let labels: AlignedBuffer<Float>
    let additional: [String: AlignedBuffer<Float>]
}

extension Objective {
    /// Names of the inputs that it needs besides labels, each of the logits' shape.
    public var additionalInputs: [String] { used.flatMap(\.component.additionalInputs) }

    /// Declares the inputs on a tape.
    /// - Parameter logits: N, C, spatial (one to three dimensions).
    /// - Throws: `Diagnostic` when that is no such shape.
    public func inputs(on tape: Tape, logits: Shape) throws(Diagnostic) -> ObjectiveInputs {
        guard (3...5).contains(logits.rank) else {
            throw Diagnostic(.shapeMismatch, "an objective needs logits N,C,spatial, found \(logits)")
        }
        let labels = tape.input("labels", try Shape([logits.images] + logits.spatial))
        var additional: [String: Value] = [:]
        for name in additionalInputs { additional[name] = tape.input(name, logits) }
        return ObjectiveInputs(labels: labels, additional: additional, logits: logits)
    }

    /// What one image gives to the inputs. Work of a worker that prepares images; nothing here depends on a batch.
    /// - Parameters:
    ///   - image: what the network sees of them, channels × z × y × x; for components that look at it too.
    ///   - classes: how many the network tells apart.
    /// - Throws: `Diagnostic` with the place of a label that is no class and is not ignored, or when a component cannot use
    ///   the label map.
    public func sample(
        _ labels: LabelMap, image: AlignedBuffer<Float>? = nil, classes: Int, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> ObjectiveSample {
        let known = try marked(labels, classes: classes)
        var additional: [String: AlignedBuffer<Float>] = [:]
        for part in used {
            for name in part.component.additionalInputs {
                let numbers = try part.component.additionalInput(
                    name, of: known, image: image, classes: classes, pool: pool)
                guard numbers.count == classes * known.size.count else {
                    throw Diagnostic(
                        .sizeMismatch, "\(part.name): '\(name)' must have a number for each class and pixel")
                }
                additional[name] = numbers
            }
        }
        let numbers = AlignedBuffer<Float>(count: known.size.count) { out in
            known.labels.withUnsafeBufferPointer { labels in
                for index in labels.indices { out[index] = Float(labels[index]) }
            }
        }
        return ObjectiveSample(size: labels.size, classes: classes, labels: numbers, additional: additional)
    }

    /// The labels with -1 for all that do not count.
    private func marked(_ labels: LabelMap, classes: Int) throws(Diagnostic) -> LabelMap {
        let void = LabelMap.ignoreLabel, ignored = ignored.flatMap { Int32(exactly: $0) } ?? void
        let limit = Int32(clamping: classes)
        var wrong: Int?
        let marked = AlignedBuffer<Int32>(count: labels.labels.count) { out in
            labels.labels.withUnsafeBufferPointer { labels in
                for index in labels.indices {
                    let label = labels[index]
                    out[index] = label == ignored ? void : label
                    if label != ignored, label != void, label < 0 || label >= limit, wrong == nil { wrong = index }
                }
            }
        }
        if let wrong {
            let size = labels.size
            let place =
                "x \(wrong % size.x), y \(wrong / size.x % size.y)"
                + (size.isPlanar ? "" : ", z \(wrong / size.x / size.y)")
            throw Diagnostic(
                .badLabel, "the label \(labels.labels[wrong]) at \(place) is none of the \(classes) classes",
                remedy: "map it to a class, or list it under `ignore` of the source")
        }
        return try LabelMap(geometry: labels.geometry, labels: marked, table: labels.table)
    }
}

extension ObjectiveInputs {
    /// The tensors of a batch, one for each input.
    /// - Parameter samples: one for each image, in their order.
    /// - Throws: `Diagnostic` when their number, their sizes or their classes are not those of the logits.
    public func tensors(_ samples: [ObjectiveSample]) throws(Diagnostic) -> [Value: Tensor] {
        guard samples.count == logits.images else {
            throw Diagnostic(.shapeMismatch, "\(samples.count) label maps for a batch of \(logits.images)")
        }
        let volume = logits.volume, size = GridSize(volume.width, volume.height, volume.depth)
        for sample in samples {
            guard sample.size == size, sample.classes == logits.channels else {
                throw Diagnostic(
                    .shapeMismatch,
                    "a label map of \(sample.size) with \(sample.classes) classes does not fit "
                        + "logits of shape \(logits)")
            }
            guard additional.keys.allSatisfy({ sample.additional[$0] != nil }) else {
                throw Diagnostic(.badArgument, "the label maps were prepared for another objective")
            }
        }
        var tensors = [labels: stack(labels.shape, samples.map(\.labels))]
        for (name, value) in additional {
            tensors[value] = stack(value.shape, samples.compactMap { $0.additional[name] })
        }
        return tensors
    }

    private func stack(_ shape: Shape, _ parts: [AlignedBuffer<Float>]) -> Tensor {
        Tensor(trusted: shape) { target in
            var place = 0
            for part in parts {
                part.withUnsafeBufferPointer { source in
                    _ = UnsafeMutableBufferPointer(rebasing: target[place..<place + source.count]).initialize(
                        from: source)
                }
                place += part.count
            }
        }
    }
}
