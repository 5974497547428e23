import LucencyFoundation

/// The safetensors format: eight bytes with the header's length, a JSON header, then the numbers.
///
/// Specification: https://github.com/huggingface/safetensors (README, "Format").
public enum Safetensors {
    /// The format's own limit for headers, in bytes.
    static let maximumHeaderBytes = 100_000_000
    private static let metadataKey = "__metadata__"
    /// Types that the format has and nothing here computes with.
    private static let otherTypes: Set = [
        "U16", "U32", "U64", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4", "C64",
    ]

    static func weights(in source: ByteSource) throws(Diagnostic) -> Weights {
        func damaged(_ reason: String) -> Diagnostic {
            source.problem(
                .damagedFile, "not a sound safetensors file: \(reason)",
                remedy: "weights are read from safetensors files and from PyTorch's (.pt, .pth)")
        }
        guard source.count >= 8 else { throw damaged("it is too short") }
        let length = try source.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(maximumHeaderBytes) else { throw damaged("its header is too long") }
        let start = 8 + Int(length)
        guard start <= source.count else { throw damaged("its header is longer than the file") }
        let header = try source.bytes(at: 8, count: Int(length))
        guard header.first == UInt8(ascii: "{") else { throw damaged("its header is not JSON") }
        let members: [String: JSONValue]
        do {
            members = try JSONValue(parsing: header).objectValue ?? [:]
        } catch { throw damaged("its header is not JSON: \(error)") }

        var entries: [Entry] = []
        entries.reserveCapacity(members.count)
        for (name, value) in members where name != metadataKey {
            guard let entry = Entry(name: name, value) else {
                throw damaged("the entry of tensor '\(name)' is malformed")
            }
            entries.append(entry)
        }
        entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }

        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(entries.count)
        var end = 0
        for entry in entries {
            guard let type = ElementType(safetensorsName: entry.type) else {
                throw otherTypes.contains(entry.type)
                    ? source.problem(
                        .unsupportedFeature, "tensor '\(entry.name)' is of type \(entry.type)",
                        remedy:
                            "convert it to one of \(ElementType.allCases.map(\.safetensorsName).joined(separator: ", "))"
                    )
                    : damaged("tensor '\(entry.name)' is of an unknown type")
            }
            guard entry.begin <= entry.end else { throw damaged("tensor '\(entry.name)' ends before it begins") }
            guard entry.begin >= end else { throw damaged("tensor '\(entry.name)' overlaps another") }
            guard entry.begin == end else { throw damaged("bytes before tensor '\(entry.name)' belong to none") }
            guard entry.end <= source.count - start else {
                throw damaged("tensor '\(entry.name)' lies outside the file")
            }
            let tensor = try StoredTensor(
                name: entry.name, elementType: type, shape: entry.shape, source: source, offset: start + entry.begin,
                byteCount: entry.end - entry.begin)
            guard tensor.byteCount == entry.end - entry.begin else {
                throw damaged("the bytes of tensor '\(entry.name)' are more than its shape has")
            }
            tensors.append(tensor)
            end = entry.end
        }
        guard end == source.count - start else {
            throw damaged("the last \(source.count - start - end) bytes belong to no tensor")
        }

        var metadata: [String: String] = [:]
        if let stated = members[metadataKey] {
            guard let texts = stated.objectValue else { throw damaged("its metadata are no JSON object") }
            for (key, value) in texts {
                guard let text = value.stringValue else { throw damaged("its metadata hold something else than text") }
                metadata[key] = text
            }
        }
        return try Weights(tensors, metadata: metadata, format: .safetensors)
    }

    /// What the header says of one tensor.
    private struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        let begin: Int
        let end: Int

        init?(name: String, _ value: JSONValue) {
            func integers(_ key: String) -> [Int]? {
                guard let values = value[key]?.arrayValue else { return nil }
                // `2.0` and the like are not integers to other readers either.
                let integers = values.compactMap { if case .integer(let integer) = $0 { integer } else { nil } }
                return integers.count == values.count ? integers : nil
            }
            guard case .object(let members) = value, members.count == 3, let type = members["dtype"]?.stringValue,
                let shape = integers("shape"), let offsets = integers("data_offsets"), offsets.count == 2
            else { return nil }
            self.name = name
            self.type = type
            self.shape = shape
            begin = offsets[0]
            end = offsets[1]
        }
    }

    // MARK: Writing

    /// Writes weights in their order; a reader sees the old file, the new one, or none.
    ///
    /// The same weights give the same bytes. The header is padded with spaces, so that the numbers begin at a multiple of 8.
    /// - Throws: `Diagnostic` when the file cannot be written, or a tensor cannot be read.
    public static func write(_ weights: Weights, to path: String) throws(Diagnostic) {
        let header = try header(of: weights)
        try FileSystem.replace(path) { (put) throws(Diagnostic) in
            try header.withBytes(put)
            for tensor in weights.tensors { try tensor.forEachPiece(put) }
        }
    }

    private static func header(of weights: Weights) throws(Diagnostic) -> [UInt8] {
        var text = "{"
        if !weights.metadata.isEmpty {
            text += "\"\(metadataKey)\":" + JSONValue.object(weights.metadata.mapValues { .string($0) }).text
        }
        var end = 0
        for tensor in weights.tensors {
            guard tensor.name != metadataKey else {
                throw Diagnostic(.badValue, "no tensor can be named '\(metadataKey)' in a safetensors file")
            }
            let begin = end
            end += tensor.byteCount
            if text.utf8.count > 1 { text += "," }
            text +=
                JSONValue.string(tensor.name).text + ":{\"dtype\":\"\(tensor.elementType.safetensorsName)\",\"shape\":["
            text += tensor.shape.map(String.init).joined(separator: ",") + "],\"data_offsets\":[\(begin),\(end)]}"
        }
        text += "}"
        text += String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
        let count = text.utf8.count
        guard count <= maximumHeaderBytes else {
            throw Diagnostic(.tooLarge, "the header would have \(count) bytes, more than safetensors allow")
        }
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(text.utf8)
    }
}

extension [UInt8] {
    fileprivate func withBytes(_ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void) throws(Diagnostic) {
        var failure: Diagnostic?
        withUnsafeBytes { bytes in do throws(Diagnostic) { try body(bytes) } catch { failure = error } }
        if let failure { throw failure }
    }
}
