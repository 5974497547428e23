import Foundation
import LucencyFoundation
import LucencyNetworks

/// The bytes of an integer, little-endian.
func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

/// A safetensors file with any header.
func safetensors(_ header: String, data: [UInt8] = []) -> [UInt8] {
    little(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

/// Writes zip files with stored entries, also wrong ones.
struct ZipBuilder {
    var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    /// - Parameters:
    ///   - place: what the directory says instead of the entry's place.
    ///   - size: what it says instead of the entry's size.
    ///   - wide: zip64's values for size, packed size and place.
    mutating func add(
        _ name: String, _ data: [UInt8], place: UInt32? = nil, size: UInt32? = nil, flags: UInt16 = 0,
        method: UInt16 = 0, wide: [UInt64]? = nil
    ) {
        let start = UInt32(bytes.count), length = UInt16(name.utf8.count)
        bytes += [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + little(length) + little(UInt16(0))
        bytes += Array(name.utf8) + data
        let extra = wide.map { little(UInt16(1)) + little(UInt16(8 * $0.count)) + $0.flatMap { little($0) } } ?? []
        let stated = wide == nil ? size ?? UInt32(data.count) : 0xFFFF_FFFF
        directory += [0x50, 0x4B, 1, 2, 0, 0, 0, 0] + little(flags) + little(method) + [UInt8](repeating: 0, count: 8)
        directory += little(stated) + little(stated) + little(length) + little(UInt16(extra.count)) + little(UInt16(0))
        directory += [UInt8](repeating: 0, count: 8) + little(wide == nil ? place ?? start : 0xFFFF_FFFF)
        directory += Array(name.utf8) + extra
        count += 1
    }

    /// - Parameter entries: what the end record says instead of the number of entries.
    func finished(entries: UInt16? = nil) -> [UInt8] {
        let stated = entries ?? UInt16(count)
        return bytes + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + little(stated) + little(stated)
            + little(UInt32(directory.count)) + little(UInt32(bytes.count)) + [0, 0]
    }
}

/// A checkpoint with any pickle and the storage `0` of 24 bytes.
func checkpoint(_ pickle: [UInt8], storage: [UInt8] = Array(0..<24)) -> [UInt8] {
    var zip = ZipBuilder()
    zip.add("a/data.pkl", pickle)
    zip.add("a/byteorder", Array("little".utf8))
    zip.add("a/data/0", storage)
    return zip.finished()
}

/// Writes pickles.
enum Pickle {
    static func text(_ text: String) -> [UInt8] {
        [UInt8(ascii: "X")] + little(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
    static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + little(value) }

    static func tuple(_ items: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "(")] + items.flatMap { $0 } + [UInt8(ascii: "t")]
    }

    /// A tensor that is a view of the storage `key`.
    static func tensor(
        shape: [Int], strides: [Int], start: Int = 0, numbers: Int = 6, storage: String = "FloatStorage",
        key: String = "0"
    ) -> [UInt8] {
        let id = tuple([
            text("storage"), global("torch", storage), text(key), text("cpu"), integer(numbers),
        ])
        let arguments = [
            id + [UInt8(ascii: "Q")], integer(start), tuple(shape.map(integer)), tuple(strides.map(integer)), [0x89],
            Array("}".utf8),
        ]
        return global("torch._utils", "_rebuild_tensor_v2") + tuple(arguments) + [UInt8(ascii: "R")]
    }

    /// A whole pickle of a dictionary.
    static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
        Array("}(".utf8) + items.flatMap { text($0.0) + $0.1 } + Array("u".utf8)
    }

    static func whole(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [UInt8(ascii: ".")] }
}

/// The code of the diagnostic that opening some bytes throws; nil when they open and their tensors can be read or refused.
func refusal(_ bytes: [UInt8]) -> Diagnostic? {
    do {
        let weights = try Weights(bytes: bytes)
        for tensor in weights.tensors { _ = try tensor.floats(allowingNonFinite: true) }
        return nil
    } catch { return error }
}
