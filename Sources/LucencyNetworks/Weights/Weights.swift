import LucencyFoundation

/// Named tensors in order, with texts about them: what a weights file holds.
public struct Weights: Sendable {
    /// What kind of file weights were read from.
    public enum Format: String, Hashable, Sendable {
        case safetensors
        case pyTorch = "pytorch"
        case pyTorchLegacy = "pytorch-legacy"
    }

    public let tensors: [StoredTensor]
    public var metadata: [String: String]
    /// nil for weights that no file stands behind.
    public let format: Format?
    /// What reading left out, as notes.
    public let notes: [Diagnostic]
    private let positions: [String: Int]

    /// - Throws: `Diagnostic` when two tensors have the same name.
    public init(
        _ tensors: [StoredTensor], metadata: [String: String] = [:], format: Format? = nil, notes: [Diagnostic] = []
    ) throws(Diagnostic) {
        var positions: [String: Int] = [:]
        positions.reserveCapacity(tensors.count)
        for (index, tensor) in tensors.enumerated() where positions.updateValue(index, forKey: tensor.name) != nil {
            throw tensor.source.problem(.duplicateName, "two tensors are named '\(tensor.name)'")
        }
        self.tensors = tensors
        self.metadata = metadata
        self.format = format
        self.notes = notes
        self.positions = positions
    }

    /// Opens a weights file, whose content says which format it is; the numbers are read later, from the open file.
    /// - Parameter key: the entry of a PyTorch checkpoint to take, such as `ema` or `model.encoder`; nil takes the most
    ///   likely state dictionary.
    /// - Throws: `Diagnostic` naming the file and what is wrong with it.
    public init(path: String, key: String? = nil) throws(Diagnostic) {
        self = try Self.read(try ByteSource(path: path), key: key)
    }

    /// Weights from the bytes of a file.
    public init(bytes: [UInt8], key: String? = nil) throws(Diagnostic) {
        self = try Self.read(ByteSource(bytes), key: key)
    }

    private static func read(_ source: ByteSource, key: String?) throws(Diagnostic) -> Weights {
        let head = try source.bytes(at: 0, count: min(source.count, 16))
        if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            return try PyTorchArchive.weights(in: source, key: key)
        }
        if LegacyPyTorch.isLegacy(head) { return try LegacyPyTorch.weights(in: source, key: key) }
        guard key == nil else {
            throw source.problem(.badArgument, "only PyTorch checkpoints have entries to choose from")
        }
        return try Safetensors.weights(in: source)
    }

    /// Whether a file's first bytes are those of a weights file, of any kind that is read here.
    public static func mayBeWeights(_ path: String) -> Bool {
        guard let source = try? ByteSource(path: path),
            let head = try? source.bytes(at: 0, count: min(16, source.count))
        else { return false }
        return head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || LegacyPyTorch.isLegacy(head)
            || head.count > 8 && head[8] == UInt8(ascii: "{") && head[5..<8].allSatisfy { $0 == 0 }
    }

    /// The tensor of that name, or nil.
    public subscript(name: String) -> StoredTensor? { positions[name].map { tensors[$0] } }

    /// How many numbers all tensors have together.
    public var parameterCount: Int { tensors.reduce(0) { $0 &+ $1.count } }
}
