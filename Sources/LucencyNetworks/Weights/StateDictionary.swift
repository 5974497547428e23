import LucencyFoundation

/// Finds the tensors of a network in what a checkpoint's pickle describes.
struct StateDictionary {
    let machine: PickleMachine
    let source: ByteSource
    /// Where the bytes of a storage lie.
    let range: (PickleStorage) throws(Diagnostic) -> Range<Int>

    /// Entries under which training programs keep the network, the likeliest first.
    private static let usualKeys = [
        "state_dict", "model_state_dict", "model_state", "model", "network_weights", "net", "network", "params",
        "weights",
        "module", "generator", "params_ema", "model_ema", "ema_state_dict", "ema",
    ]
    private static let maximumNesting = 32
    private static let maximumMetadata = 256
    /// Views may repeat numbers and many tensors may share a storage, but not without measure.
    private static let maximumRepetition = 16

    private let counts = Counts()

    init(
        machine: PickleMachine, source: ByteSource,
        range: @escaping (PickleStorage) throws(Diagnostic) -> Range<Int>
    ) {
        self.machine = machine
        self.source = source
        self.range = range
    }

    /// - Parameter key: a dotted path to the entry to take; nil chooses.
    func weights(from root: PickleValue, key: String?, format: Weights.Format) throws(Diagnostic) -> Weights {
        var (chosen, path) = (root, [String]())
        var left: [(path: String, tensors: Int)] = []
        var metadata: [String: String] = [:]
        if let key {
            for part in key.split(separator: ".") {
                guard let next = entries(of: chosen)?.last(where: { $0.name == part })?.value else {
                    let known = (entries(of: chosen) ?? []).map(\.name).prefix(20)
                    throw source.problem(
                        .unknownReference, "the checkpoint has no entry '\(key)'",
                        remedy: known.isEmpty ? nil : "it has: \(known.joined(separator: ", "))")
                }
                (chosen, path) = (next, path + [String(part)])
            }
        } else {
            // Each step leads into a dictionary; one that contains itself ends the walk.
            while path.count < Self.maximumNesting, let next = likeliest(in: chosen) {
                for entry in entries(of: chosen) ?? [] where entry.name != next.name {
                    let count = tensorCount(in: entry.value)
                    if count > 0 { left.append(((path + [entry.name]).joined(separator: "."), count)) }
                }
                describe(chosen, at: path, in: &metadata)
                (chosen, path) = (next.value, path + [next.name])
            }
        }
        let found = tensors(in: chosen, allEntries: key != nil)
        guard !found.isEmpty else {
            throw source.problem(
                .damagedFile, "the file holds no tensors" + (key.map { " under '\($0)'" } ?? ""),
                remedy: "save the network's state dictionary: torch.save(network.state_dict(), FILE)")
        }
        describe(chosen, at: path, in: &metadata)
        if key == nil, path.isEmpty {
            for entry in entries(of: chosen) ?? [] where Self.isTrainingState(entry.name) {
                let count = tensorCount(in: entry.value)
                if count > 0 { left.append((entry.name, count)) }
            }
        }
        var notes: [Diagnostic] = []
        if !path.isEmpty {
            notes.append(note("the tensors are those of the entry '\(path.joined(separator: "."))'"))
        }
        for entry in left {
            notes.append(note("the entry '\(entry.path)' with \(entry.tensors) tensors was left out"))
        }
        return try Weights(try stored(found), metadata: metadata, format: format, notes: notes)
    }

    private func note(_ message: String) -> Diagnostic {
        var note = source.problem(.unused, message)
        note.severity = .note
        return note
    }

    // MARK: Walking

    /// The entries of a dictionary whose keys are texts or integers; nil for anything else.
    private func entries(of value: PickleValue) -> [(name: String, value: PickleValue)]? {
        guard case .dictionary(let index) = value else { return nil }
        return machine.dictionaries[index].compactMap { key, value in
            switch key {
            case .string(let name): (name, value)
            case .integer(let number): (String(number), value)
            default: nil
            }
        }
    }

    /// Optimisers keep moments of every parameter, which are tensors but no part of the network.
    private static func isTrainingState(_ name: String) -> Bool {
        ["optim", "lr_sched", "sched", "scaler", "grad_scaler"].contains { name.lowercased().hasPrefix($0) }
    }

    /// The entry that holds the network; nil where the tensors of `value` itself are it.
    private func likeliest(in value: PickleValue) -> (name: String, value: PickleValue)? {
        guard let entries = entries(of: value) else { return nil }
        if entries.contains(where: { if case .tensor = $0.value { true } else { false } }) { return nil }
        let holding = entries.filter { entry in
            if case .dictionary = entry.value { tensorCount(in: entry.value) > 0 } else { false }
        }
        for key in Self.usualKeys { if let match = holding.last(where: { $0.name == key }) { return match } }
        let candidates = holding.filter { !Self.isTrainingState($0.name) }
        return candidates.count == 1 ? candidates.first : nil
    }

    /// How many tensors lie below a value. Each container is counted once and remembered: a pickle of some kilobytes can
    /// mention one large container a thousand times.
    private func tensorCount(in value: PickleValue, depth: Int = 0) -> Int {
        let (id, items): (Int, [PickleValue])
        switch value {
        case .tensor: return 1
        case .dictionary(let index): (id, items) = (3 * index, machine.dictionaries[index].map(\.value))
        case .list(let index): (id, items) = (3 * index + 1, machine.lists[index])
        case .tuple(let index): (id, items) = (3 * index + 2, machine.tuples[index])
        default: return 0
        }
        if let known = counts.known[id] { return known }
        // A container within itself adds nothing.
        counts.known[id] = 0
        guard depth < Self.maximumNesting else { return 0 }
        let count = items.reduce(0) { $0 &+ tensorCount(in: $1, depth: depth + 1) }
        counts.known[id] = count
        return count
    }

    private final class Counts { var known: [Int: Int] = [:] }

    /// The tensors below a value with their dotted names, in order. A container that several entries share counts once.
    private func tensors(in value: PickleValue, allEntries: Bool = false) -> [(name: String, tensor: Int)] {
        var found: [(name: String, tensor: Int)] = []
        var visited = Set<Int>()
        func visit(_ value: PickleValue, _ name: String, depth: Int) {
            guard depth < Self.maximumNesting else { return }
            func below(_ part: String) -> String { name.isEmpty ? part : "\(name).\(part)" }
            switch value {
            case .tensor(let tensor): found.append((name.isEmpty ? "tensor" : name, tensor))
            case .dictionary(let index):
                guard visited.insert(3 * index).inserted else { return }
                for entry in entries(of: value) ?? [] {
                    if depth == 0, !allEntries, Self.isTrainingState(entry.name), case .dictionary = entry.value {
                        continue
                    }
                    visit(entry.value, below(entry.name), depth: depth + 1)
                }
            case .list(let index):
                guard visited.insert(3 * index + 1).inserted else { return }
                for (number, item) in machine.lists[index].enumerated() {
                    visit(item, below("\(number)"), depth: depth + 1)
                }
            case .tuple(let index):
                guard visited.insert(3 * index + 2).inserted else { return }
                for (number, item) in machine.tuples[index].enumerated() {
                    visit(item, below("\(number)"), depth: depth + 1)
                }
            default: break
            }
        }
        visit(value, "", depth: 0)
        return found
    }

    /// Keeps simple values that stand beside the tensors, such as an epoch.
    private func describe(_ value: PickleValue, at path: [String], in metadata: inout [String: String]) {
        for (name, value) in entries(of: value) ?? [] where metadata.count < Self.maximumMetadata {
            let text: String
            switch value {
            case .string(let value) where value.utf8.count <= 1024: text = value
            case .integer(let value): text = String(value)
            case .number(let value): text = "\(value)"
            case .bool(let value): text = value ? "true" : "false"
            default: continue
            }
            if name.utf8.count <= 256 { metadata[(path + [name]).joined(separator: ".")] = text }
        }
    }

    // MARK: Tensors

    private func stored(_ found: [(name: String, tensor: Int)]) throws(Diagnostic) -> [StoredTensor] {
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(found.count)
        let limit = source.count.multipliedReportingOverflow(by: Self.maximumRepetition)
        var remaining = limit.overflow ? Int.max : limit.partialValue + 1 << 20
        for (name, index) in found {
            let view = machine.tensors[index], storage = machine.storages[view.storage]
            let place = try range(storage)
            let bytes = storage.count.multipliedReportingOverflow(by: storage.type.byteCount)
            guard !bytes.overflow, bytes.partialValue <= place.count else {
                throw source.problem(
                    .damagedFile, "tensor '\(name)': its storage '\(storage.key)' is shorter than stated",
                    remedy: "the file is probably cut short: download or save it again")
            }
            let tensor = try StoredTensor(
                name: name, elementType: storage.type, shape: view.shape, source: source, offset: place.lowerBound,
                byteCount: bytes.partialValue, strides: view.strides, start: view.start)
            let (rest, overflow) = remaining.subtractingReportingOverflow(tensor.spannedBytes)
            guard !overflow, rest >= 0 else {
                throw source.problem(
                    .tooLarge, "the tensors together have far more numbers than the file",
                    remedy: "save copies instead of expanded views: tensor.contiguous().clone()")
            }
            remaining = rest
            tensors.append(tensor)
        }
        return tensors
    }
}

extension PickleMachine.Failure {
    /// The failure for people.
    func diagnostic(in source: ByteSource) -> Diagnostic {
        let resave = "on a machine that trusts the file, save the tensors alone: torch.save(network.state_dict(), FILE)"
        return switch self {
        case .damaged(let reason):
            source.problem(
                .damagedFile, "the checkpoint's description is damaged: \(reason)",
                remedy: "download or save the file again")
        case .refused(let name):
            source.problem(
                .unsafeContent, "the file asks for '\(name)': refused; only plain tensors are read", remedy: resave)
        case .unsupported(let reason):
            source.problem(.unsupportedFeature, "the checkpoint cannot be read: \(reason)", remedy: resave)
        case .tooLarge(let reason): source.problem(.tooLarge, "the checkpoint is too large: \(reason)", remedy: resave)
        }
    }
}
