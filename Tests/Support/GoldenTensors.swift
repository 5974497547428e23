import Foundation
import LucencyFoundation
import LucencyTensor

/// The tensors of a golden safetensors file, whole numbers as floats.
///
/// A reader of its own, so that golden tests do not rest on the reader that they would have to test.
public struct GoldenTensors: Sendable {
    public let metadata: [String: String]
    public let tensors: [String: Tensor]

    public struct Damaged: Error {}

    public init(_ url: URL) throws {
        let data = try Data(contentsOf: url)
        func integer(_ start: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(data[start + $1]) << UInt64(8 * $1) }
        }
        guard data.count > 8, let length = Int(exactly: integer(0)), length < data.count - 8 else { throw Damaged() }
        let header = try JSONValue(parsing: String(decoding: data[8..<8 + length], as: UTF8.self))
        var tensors: [String: Tensor] = [:], metadata: [String: String] = [:]
        for (name, entry) in header.objectValue ?? [:] {
            if name == "__metadata__" {
                metadata = (entry.objectValue ?? [:]).compactMapValues(\.stringValue)
                continue
            }
            let shape = entry["shape"]?.arrayValue?.compactMap(\.intValue) ?? []
            guard let start = entry["data_offsets"]?.arrayValue?.first?.intValue else { throw Damaged() }
            let first = 8 + length + start, count = shape.reduce(1, *)
            let numbers: [Float] =
                switch entry["dtype"]?.stringValue {
                case "F32":
                    (0..<count).map { index in
                        let at = first + 4 * index
                        return Float(
                            bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[at + $1]) << UInt32(8 * $1) })
                    }
                // To the nearest float.
                case "F64": (0..<count).map { Float(Double(bitPattern: integer(first + 8 * $0))) }
                case "I64": (0..<count).map { Float(Int64(bitPattern: integer(first + 8 * $0))) }
                default: throw Damaged()
                }
            tensors[name] = try Tensor(shape, numbers)
        }
        self.tensors = tensors
        self.metadata = metadata
    }

    /// A tensor that must be there.
    public func tensor(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else { throw Diagnostic(.unknownReference, "the fixture has no '\(name)'") }
        return tensor
    }

    /// A number of the metadata that must be there.
    public func number(_ name: String) throws -> Int {
        guard let number = metadata[name].flatMap({ Int($0) }) else {
            throw Diagnostic(.unknownReference, "the fixture states no number '\(name)'")
        }
        return number
    }

    /// The names of tensors that begin with a prefix, without it.
    public func names(_ prefix: String) -> [String] {
        tensors.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }
}

extension Tensor {
    /// The largest difference, in units of max(1, largest number of the reference); infinite where one is NaN or counts
    /// differ.
    public func error(against reference: Tensor) -> Double {
        let (a, b) = (array, reference.array)
        guard a.count == b.count else { return .infinity }
        let unit = b.reduce(1.0) { max($0, Double(abs($1))) }
        return zip(a, b).reduce(0.0) { worst, pair in
            let error = abs(Double(pair.0) - Double(pair.1)) / unit
            return error <= worst ? worst : error.isNaN ? .infinity : error
        }
    }
}
