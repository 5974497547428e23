/// Makes a zip file of files that are stored as they are, piece by piece. The same files give the same bytes.
package struct ZipWriter {
    /// Takes pieces of the file in order.
    package typealias Sink = (UnsafeRawBufferPointer) throws(Diagnostic) -> Void

    private var directory: [UInt8] = []
    private var entries = 0
    private var length = 0

    package init() {}

    /// - Parameter name: with `/` between folders.
    /// - Throws: `Diagnostic` when the file would be larger than the format's 4 GB, or have more than 65,535 entries.
    package mutating func add(_ name: String, _ bytes: [UInt8], to put: Sink) throws(Diagnostic) {
        let name = Array(name.utf8)
        guard name.count < 1 << 16, entries < 0xFFFF,
            length + directory.count + bytes.count + 2 * name.count + 200 < 1 << 32
        else {
            throw Diagnostic(
                .tooLarge, "what a zip file holds is limited to 4 GB and 65,535 files", remedy: "take fewer cases")
        }
        // From the version on: 2.0, names in UTF-8, stored, midnight of 1 January 1980, checksum, both sizes.
        var common = [UInt8]()
        common.append(little: 20, bytes: 2)
        common.append(little: 0x800, bytes: 2)
        common.append(little: 0, bytes: 4)
        common.append(little: 0x21, bytes: 2)
        common.append(little: Int(Self.checksum(bytes)), bytes: 4)
        for _ in 0..<2 { common.append(little: bytes.count, bytes: 4) }
        common.append(little: name.count, bytes: 2)
        common.append(little: 0, bytes: 2)
        directory += [0x50, 0x4B, 1, 2, 20, 0] + common
        directory.append(little: 0, bytes: 10)
        directory.append(little: length, bytes: 4)
        directory += name
        entries += 1
        try give([0x50, 0x4B, 3, 4] + common + name, to: put)
        try give(bytes, to: put)
    }

    /// Writes what stands at the end.
    package mutating func finish(_ put: Sink) throws(Diagnostic) {
        var end: [UInt8] = [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
        for _ in 0..<2 { end.append(little: entries, bytes: 2) }
        end.append(little: directory.count, bytes: 4)
        end.append(little: length, bytes: 4)
        end.append(little: 0, bytes: 2)
        try give(directory + end, to: put)
    }

    private mutating func give(_ bytes: [UInt8], to put: Sink) throws(Diagnostic) {
        var failure: Diagnostic?
        bytes.withUnsafeBytes { piece in
            do throws(Diagnostic) { try put(piece) } catch { failure = error }
        }
        if let failure { throw failure }
        length += bytes.count
    }

    /// CRC-32 of ISO 3309.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }
}

extension [UInt8] {
    fileprivate mutating func append(little value: Int, bytes: Int) {
        for index in 0..<bytes { append(index < 8 ? UInt8(truncatingIfNeeded: value >> (8 * index)) : 0) }
    }
}
