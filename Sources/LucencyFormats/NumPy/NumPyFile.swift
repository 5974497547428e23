import LucencyFoundation
import LucencyImaging

/// Arrays in an NPY file (one) or an NPZ archive (several, by name).
///
/// Object arrays are refused: reading them runs code from the file. What is unpacked is bounded by `ReadLimits`, and no
/// memory is taken before a size is known to be honest: stored bytes are there, deflated ones cannot grow beyond
/// deflate's own ratio.
public struct NumPyFile {
    /// Names of the arrays, sorted; of an NPY file one empty name.
    public let names: [String]
    private let source: ByteSource
    private let archive: ZipArchive?
    private let limits: ReadLimits

    /// File extensions that are read.
    public static let fileExtensions = ["npy", "npz"]
    /// Raised whenever decoding gives other values than before.
    public static let revision = 1

    /// Arrays that one archive may have.
    private static let mostArrays = 4096

    /// Opens a file and reads the names in it, no numbers.
    /// - Throws: `Diagnostic` when it is missing, damaged, or neither NPY nor NPZ.
    public init(_ path: String, limits: ReadLimits = .standard) throws(Diagnostic) {
        source = try ByteSource(path: path)
        self.limits = limits
        let head = try source.bytes(at: 0, count: min(6, source.count))
        if head.starts(with: NumPyHeader.magic) {
            archive = nil
            names = [""]
            return
        }
        guard head.starts(with: [0x50, 0x4B]) else {
            throw source.problem(
                source.count == 0 ? .damagedFile : .unknownFormat,
                source.count == 0 ? "the file is empty" : "this is neither an NPY nor an NPZ file: it begins otherwise")
        }
        let archive = try ZipArchive(source)
        guard archive.names.count <= Self.mostArrays else {
            throw source.problem(.tooLarge, "the archive has \(archive.names.count) entries")
        }
        let known = archive.names.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
        guard !known.isEmpty else {
            throw source.problem(.unknownFormat, "the zip file holds no NPY array", remedy: "write it by numpy.savez")
        }
        names = known.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        self.archive = archive
    }

    /// Reads one array.
    /// - Throws: `Diagnostic` when there is none of that name, it is damaged, too large or of a type that is not read.
    public func array(_ name: String) throws(Diagnostic) -> NumPyArray {
        do throws(Diagnostic) {
            guard let archive else { return try stored(at: 0..<source.count) }
            guard let entry = archive.entry(named: name + ".npy") else {
                let shown = names.prefix(8).joined(separator: ", ")
                throw Diagnostic(.missingKey, "there is no array '\(name)'", remedy: "it has: \(shown)")
            }
            switch entry.method {
            case 0: return try stored(at: entry.range, crc32: entry.crc32)
            case 8: return try deflated(entry)
            default:
                throw Diagnostic(
                    .unsupportedFeature, "the array is packed by method \(entry.method)",
                    remedy: "write it by numpy.savez or numpy.savez_compressed")
            }
        } catch {
            throw error.located(in: source.path ?? "", part: name.isEmpty ? nil : "array \(name)")
        }
    }

    private func stored(at range: Range<Int>, crc32: UInt32? = nil) throws(Diagnostic) -> NumPyArray {
        let head = try source.bytes(
            at: range.lowerBound, count: min(range.count, NumPyHeader.longest + 12))
        let header = try NumPyHeader(head)
        let count = try dataBytes(header, available: range.count - header.dataOffset)
        let data = try source.bytes(at: range.lowerBound + header.dataOffset, count: count)
        if let crc32 {
            var check = Inflation.checksum(head[..<header.dataOffset])
            check = Inflation.checksum(data[...], after: check)
            guard check == crc32 else { throw NumPyHeader.damaged("its checksum does not fit") }
        }
        return NumPyArray(header, data: data)
    }

    private func deflated(_ entry: ZipArchive.Entry) throws(Diagnostic) -> NumPyArray {
        try limits.require(entry.size, for: "the array")
        guard entry.size / Inflation.highestRatio <= entry.range.count else {
            throw Diagnostic(
                .damagedFile, "the archive states \(entry.size) bytes for an array packed in \(entry.range.count)")
        }
        let packed = try source.bytes(at: entry.range.lowerBound, count: entry.range.count)
        let bytes = try Inflation.unpack(packed, size: entry.size)
        guard Inflation.checksum(bytes[...]) == entry.crc32 else {
            throw NumPyHeader.damaged("its checksum does not fit")
        }
        let header = try NumPyHeader(bytes)
        let count = try dataBytes(header, available: bytes.count - header.dataOffset)
        return NumPyArray(header, data: Array(bytes[header.dataOffset..<header.dataOffset + count]))
    }

    /// The bytes of an array's numbers, which are all there and within the limits.
    private func dataBytes(_ header: NumPyHeader, available: Int) throws(Diagnostic) -> Int {
        let shape = header.shape.map(String.init).joined(separator: " × ")
        guard let count = header.dataBytes else {
            throw Diagnostic(.tooLarge, "an array of \(shape) numbers is beyond counting")
        }
        try limits.require(count, for: "an array of \(shape)")
        guard count == available else {
            throw NumPyHeader.damaged(
                "\(shape) numbers of type \(header.type) take \(count) bytes, and \(available) are there")
        }
        return count
    }
}
