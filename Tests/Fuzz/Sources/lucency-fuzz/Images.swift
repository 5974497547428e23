import Lucency

private let file = MemoryFile()
private let limits = ReadLimits(bytes: 1 << 24, pages: 64)

/// Every way to read an image: each gives a value or throws a `Diagnostic`; anything else ends the program.
private func readEverything(_ format: some ImageFormat, _ data: UnsafePointer<UInt8>?, _ count: Int) {
    file.fill(data, count)
    func attempt(_ body: () throws -> Void) {
        do { try body() } catch { if !(error is Diagnostic) { fatalError("an untyped error: \(error)") } }
    }
    attempt { _ = try format.header(of: file.path, pages: .automatic, limits: limits) }
    attempt { _ = try format.readImage(file.path, pages: .automatic, region: nil, limits: limits) }
    attempt { _ = try format.readLabels(file.path, pages: .page(1), limits: limits) }
    attempt { _ = try format.storedFacts(of: file.path, page: 1, limits: limits) }
}

/// Chunks get the check sums they should have, or nothing behind the first change would be looked at.
func fuzzPNG(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var bytes = Array(UnsafeBufferPointer(start: data, count: count)), position = 8
    while position + 12 <= count {
        let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        let end = position + 8 + length
        guard end + 4 <= count else { break }
        var sum = UInt32.max
        for byte in bytes[position + 4..<end] {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        for index in 0..<4 { bytes[end + index] = UInt8(truncatingIfNeeded: ~sum >> UInt32(24 - 8 * index)) }
        position = end + 4
    }
    bytes.withUnsafeBufferPointer { readEverything(PNGFormat(), $0.baseAddress, count) }
    return 0
}

func fuzzJPEG(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    readEverything(JPEGFormat(), data, count)
    return 0
}

func fuzzTIFF(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    readEverything(TIFFFormat(), data, count)
    return 0
}
