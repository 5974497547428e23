import Lucency

/// What libFuzzer calls with each input: a pickle, put into a sound zip file, opens or is refused.
func fuzzPickle(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let pickle = Array(UnsafeBufferPointer(start: data, count: count))
    var zip = StoredZip()
    zip.add("a/data.pkl", pickle)
    for key in 0..<4 { zip.add("a/data/\(key)", [UInt8](repeating: UInt8(key), count: 96)) }
    if let weights = try? Weights(bytes: zip.finished()) {
        for tensor in weights.tensors { _ = try? tensor.floats(allowingNonFinite: true) }
    }
    return 0
}

/// A zip file of stored entries.
private struct StoredZip {
    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    private func little(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    mutating func add(_ name: String, _ data: [UInt8]) {
        let start = bytes.count, length = little(name.utf8.count, 2)
        bytes += [0x50, 0x4B, 3, 4] + little(0, 22) + length + little(0, 2) + Array(name.utf8) + data
        directory += [0x50, 0x4B, 1, 2] + little(0, 16) + little(data.count, 4) + little(data.count, 4) + length
        directory += little(0, 12) + little(start, 4) + Array(name.utf8)
        count += 1
    }

    func finished() -> [UInt8] {
        let end = little(0, 4) + little(count, 2) + little(count, 2) + little(directory.count, 4)
        return bytes + directory + [0x50, 0x4B, 5, 6] + end + little(bytes.count, 4) + [0, 0]
    }
}
