/// The directory of a zip file, such as PyTorch and NumPy write.
///
/// Specification: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64). Checksums are handed out, not compared: PyTorch can
/// be told to leave them out, and then writes wrong ones.
package struct ZipArchive {
    /// Where a file of the archive lies, and how.
    package struct Entry {
        /// Its bytes in the archive.
        package let range: Range<Int>
        /// Bytes once unpacked, as the directory states.
        package let size: Int
        /// 0 stored, 8 deflated; others are rare.
        package let method: UInt16
        package let crc32: UInt32
        var isCompressed: Bool { method != 0 }
    }

    private var entries: [String: Entry] = [:]
    private let source: ByteSource

    private static let maximumEntries = 1 << 20
    private static let maximumDirectoryBytes = 1 << 28

    /// - Throws: `Diagnostic` when the directory is damaged, entries overlap, or one is encrypted or named so that it would
    ///   leave its folder.
    package init(_ source: ByteSource) throws(Diagnostic) {
        self.source = source
        func damaged(_ reason: String) -> Diagnostic {
            source.problem(.damagedFile, "not a sound zip file: \(reason)", remedy: "download or save the file again")
        }
        let directory = try Self.directory(of: source)
        guard directory.entries <= Self.maximumEntries, directory.range.count <= Self.maximumDirectoryBytes else {
            throw source.problem(.tooLarge, "the zip file has \(directory.entries) entries")
        }
        var reader = LittleEndianReader(try source.bytes(at: directory.range.lowerBound, count: directory.range.count))
        var occupied: [Range<Int>] = []
        for _ in 0..<directory.entries {
            guard reader.u32() == 0x0201_4B50 else { throw damaged("its directory is cut short") }
            reader.skip(4)
            let flags = reader.u16() ?? 0, method = reader.u16() ?? 0
            reader.skip(4)
            let crc = reader.u32() ?? 0
            var packed = Int(reader.u32() ?? 0), size = Int(reader.u32() ?? 0)
            let nameLength = Int(reader.u16() ?? 0), extraLength = Int(reader.u16() ?? 0)
            let commentLength = Int(reader.u16() ?? 0)
            reader.skip(8)
            var place = Int(reader.u32() ?? 0)
            guard let nameBytes = reader.bytes(nameLength), let name = String(validating: nameBytes, as: UTF8.self),
                let extra = reader.bytes(extraLength), reader.skip(commentLength)
            else { throw damaged("its directory is cut short, or a name is not UTF-8") }
            guard Self.widen(&size, &packed, &place, extra) else {
                throw damaged("the sizes of '\(name)' are not there")
            }
            guard Self.isPlain(name) else {
                throw source.problem(.escapingPath, "the zip file has an entry named '\(name)'")
            }
            guard flags & 0x2041 == 0 else {
                throw source.problem(
                    .unsupportedFeature, "'\(name)' is encrypted", remedy: "save the file without a password")
            }
            guard method != 0 || size == packed else { throw damaged("'\(name)' states two sizes") }
            // The local header repeats the name and has extra bytes of its own, which align what follows.
            guard place >= 0, place <= directory.range.lowerBound - 30 else { throw damaged("'\(name)' lies outside") }
            var local = LittleEndianReader(try source.bytes(at: place, count: 30))
            guard local.u32() == 0x0403_4B50 else { throw damaged("'\(name)' does not lie where the directory says") }
            local.skip(22)
            let localName = Int(local.u16() ?? 0), localExtra = Int(local.u16() ?? 0)
            let start = place + 30 + localName + localExtra
            guard localName == nameLength, start <= directory.range.lowerBound,
                packed <= directory.range.lowerBound - start,
                try source.bytes(at: place + 30, count: localName)[...] == nameBytes
            else { throw damaged("'\(name)' does not lie where the directory says") }
            let entry = Entry(range: start..<start + packed, size: size, method: method, crc32: crc)
            guard entries.updateValue(entry, forKey: name) == nil else {
                throw damaged("two entries are named '\(name)'")
            }
            occupied.append(place..<start + packed)
        }
        occupied.sort { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(occupied, occupied.dropFirst()) where one.upperBound > next.lowerBound {
            throw damaged("entries overlap")
        }
    }

    package var names: some Collection<String> { entries.keys }

    package func entry(named name: String) -> Entry? { entries[name] }

    /// Where an entry's bytes lie in the file; nil when there is none of that name.
    /// - Throws: `Diagnostic` when the entry is compressed.
    package func range(of name: String) throws(Diagnostic) -> Range<Int>? {
        guard let entry = entries[name] else { return nil }
        guard !entry.isCompressed else {
            throw source.problem(
                .unsupportedFeature, "'\(name)' is compressed, which PyTorch does not do",
                remedy: "unpack the file and pack it again without compression (zip -0)")
        }
        return entry.range
    }

    /// Finds the central directory by the records at the file's end.
    private static func directory(of source: ByteSource) throws(Diagnostic) -> (entries: Int, range: Range<Int>) {
        func damaged(_ reason: String) -> Diagnostic {
            source.problem(
                .damagedFile, "not a sound zip file: \(reason)",
                remedy: "the file is probably cut short: download or save it again")
        }
        let tail = try source.bytes(
            at: max(0, source.count - 22 - 65535), count: min(source.count, 22 + 65535))
        let tailStart = source.count - tail.count
        // A comment may follow; the record is the last whose comment ends with the file.
        let found = stride(from: tail.count - 22, through: 0, by: -1).first { at in
            tail[at] == 0x50 && tail[at + 1] == 0x4B && tail[at + 2] == 5 && tail[at + 3] == 6
                && at + 22 + Int(tail[at + 20]) + Int(tail[at + 21]) << 8 == tail.count
        }
        guard let found else { throw damaged("it has no directory") }
        var reader = LittleEndianReader(Array(tail[(found + 4)...]))
        let disk = reader.u16() ?? 0, directoryDisk = reader.u16() ?? 0
        var onDisk = Int(reader.u16() ?? 0), entries = Int(reader.u16() ?? 0)
        var size = Int(reader.u32() ?? 0), start = Int(reader.u32() ?? 0)
        guard disk == directoryDisk, disk == 0 || disk == 0xFFFF else { throw damaged("it is one of several volumes") }
        var end = tailStart + found
        if entries == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
            var locator = LittleEndianReader(try source.bytes(at: max(0, end - 20), count: min(20, end)))
            guard locator.u32() == 0x0706_4B50, locator.skip(4), let at = locator.u64(), at <= end - 20 - 56 else {
                throw damaged("its zip64 directory is not there")
            }
            var record = LittleEndianReader(try source.bytes(at: at, count: 56))
            guard record.u32() == 0x0606_4B50, record.skip(20), let here = record.u64(), let all = record.u64(),
                let bytes = record.u64(), let place = record.u64()
            else { throw damaged("its zip64 directory is not there") }
            (onDisk, entries, size, start, end) = (here, all, bytes, place, at)
        }
        guard onDisk == entries, start <= end, size <= end - start, entries <= size / 46 else {
            throw damaged("its directory lies outside the file")
        }
        return (entries, start..<start + size)
    }

    /// Takes the values that do not fit 32 bits from the zip64 extra field.
    private static func widen(_ size: inout Int, _ packed: inout Int, _ place: inout Int, _ extra: ArraySlice<UInt8>)
        -> Bool
    {
        guard size == 0xFFFF_FFFF || packed == 0xFFFF_FFFF || place == 0xFFFF_FFFF else { return true }
        var reader = LittleEndianReader(Array(extra))
        while let id = reader.u16(), let length = reader.u16(), let field = reader.bytes(Int(length)) {
            guard id == 1 else { continue }
            var wide = LittleEndianReader(Array(field))
            for (value, set) in [(size, 0), (packed, 1), (place, 2)] where value == 0xFFFF_FFFF {
                guard let known = wide.u64() else { return false }
                switch set {
                case 0: size = known
                case 1: packed = known
                default: place = known
                }
            }
            return true
        }
        return false
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("/") && !name.contains("\\") && !name.utf8.contains(0)
            && !name.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." || $0 == "." }
    }
}

/// Reads numbers from bytes; nil behind the end.
package struct LittleEndianReader {
    private let data: [UInt8]
    package private(set) var position = 0

    package init(_ bytes: [UInt8]) { data = bytes }

    package mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= data.count - position else { return nil }
        defer { position += count }
        return data[position..<position + count]
    }

    @discardableResult package mutating func skip(_ count: Int) -> Bool { bytes(count) != nil }

    private mutating func unsigned(_ count: Int) -> UInt64? {
        bytes(count)?.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    package mutating func u8() -> UInt8? { unsigned(1).map { UInt8($0) } }
    package mutating func u16() -> UInt16? { unsigned(2).map { UInt16($0) } }
    package mutating func u32() -> UInt32? { unsigned(4).map { UInt32($0) } }
    /// Eight bytes; nil also where they do not fit an `Int`.
    package mutating func u64() -> Int? { unsigned(8).flatMap { Int(exactly: $0) } }
    /// Eight bytes as they are.
    package mutating func bits64() -> UInt64? { unsigned(8) }
}
