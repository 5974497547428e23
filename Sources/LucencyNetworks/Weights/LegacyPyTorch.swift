import LucencyFoundation

/// PyTorch's checkpoints before 1.6: five pickles, then each storage as its length and its numbers.
///
/// Format: `torch/serialization.py` (`_legacy_save`).
enum LegacyPyTorch {
    /// 0x1950a86a20f9469cfc6c, little-endian: the first pickle's value.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    /// Whether a file begins with the magic number as any binary pickle protocol writes it.
    static func isLegacy(_ head: [UInt8]) -> Bool {
        head.count >= 14 && head[0] == 0x80 && head[2] == 0x8A && head[3] == 10 && head[4..<14].elementsEqual(magic)
    }

    static func weights(in source: ByteSource, key: String?) throws(Diagnostic) -> Weights {
        // The pickles come first; how long they are only reading them tells.
        let pickles = try source.bytes(at: 0, count: min(source.count, PyTorchArchive.maximumPickleBytes))
        var machine = PickleMachine(pickles)
        let root: PickleValue
        let keys: [String]
        do throws(PickleMachine.Failure) {
            guard case .wideInteger(magic) = try machine.run() else { throw .damaged("it has no magic number") }
            guard case .integer(1001) = try machine.run() else { throw .unsupported("its protocol is not 1001") }
            guard case .dictionary(let index) = try machine.run() else {
                throw .damaged("it does not name its machine")
            }
            for (name, value) in machine.dictionaries[index] {
                if case .string("little_endian") = name, case .bool(false) = value {
                    throw .unsupported("its numbers are big-endian")
                }
            }
            root = try machine.run()
            let list = try machine.run()
            let names = machine.items(list) ?? []
            keys = names.compactMap { if case .string(let name) = $0 { name } else { nil } }
            guard keys.count == names.count else { throw .damaged("its list of storages is malformed") }
        } catch { throw error.diagnostic(in: source) }

        var types: [String: ElementType] = [:]
        for storage in machine.storages {
            guard types.updateValue(storage.type, forKey: storage.key) ?? storage.type == storage.type else {
                throw source.problem(.damagedFile, "the storage '\(storage.key)' has two types")
            }
        }
        var ranges: [String: Range<Int>] = [:]
        var position = machine.position
        for key in keys {
            var length = LittleEndianReader(try source.bytes(at: position, count: 8))
            guard let count = length.u64(), let type = types[key] else {
                throw source.problem(.damagedFile, "the storage '\(key)' is described wrongly")
            }
            let bytes = count.multipliedReportingOverflow(by: type.byteCount)
            position += 8
            guard !bytes.overflow, bytes.partialValue <= source.count - position else {
                throw source.problem(
                    .damagedFile, "the storage '\(key)' reaches beyond the file's end",
                    remedy: "the file is probably cut short: download or save it again")
            }
            ranges[key] = position..<position + bytes.partialValue
            position += bytes.partialValue
        }
        let dictionary = StateDictionary(machine: machine, source: source) { (storage) throws(Diagnostic) in
            guard let range = ranges[storage.key] else {
                throw source.problem(.damagedFile, "the storage '\(storage.key)' is not in the file")
            }
            return range
        }
        return try dictionary.weights(from: root, key: key, format: .pyTorchLegacy)
    }
}
