import Foundation
import Lucency

/// A square single-channel 16-bit image with a known value in every pixel, as an uncompressed little-endian tiled TIFF
/// (TIFF 6.0, section 15) whose directory stands before the pixels.
struct TiledTIFF {
    var side: Int
    var tile: Int

    /// What the file holds in column x and row y.
    static func value(_ x: Int, _ y: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: x &* 7 &+ y &* 13 &+ (x ^ y))
    }

    private var tilesAcross: Int { (side + tile - 1) / tile }
    private var tileBytes: Int { tile * tile * 2 }
    private var entries: [(tag: UInt16, type: UInt16, count: Int, value: Int)] {
        let short: UInt16 = 3, long: UInt16 = 4, rational: UInt16 = 5
        let tiles = tilesAcross * tilesAcross
        // A list of one number stands in the entry itself.
        return [
            (256, long, 1, side), (257, long, 1, side), (258, short, 1, 16), (259, short, 1, 1), (262, short, 1, 1),
            (277, short, 1, 1), (282, rational, 1, resolutionStart), (283, rational, 1, resolutionStart),
            (296, short, 1, 3), (322, long, 1, tile), (323, long, 1, tile),
            (324, long, tiles, tiles == 1 ? dataStart : listStart),
            (325, long, tiles, tiles == 1 ? tileBytes : listStart + 4 * tiles), (339, short, 1, 1),
        ]
    }
    private var resolutionStart: Int { 8 + 2 + 14 * 12 + 4 }
    private var listStart: Int { resolutionStart + 8 }
    private var dataStart: Int { (listStart + 8 * tilesAcross * tilesAcross + 4095) / 4096 * 4096 }

    /// The length of the file.
    var byteCount: Int { dataStart + tilesAcross * tilesAcross * tileBytes }

    /// Writes the file, holding one tile at a time.
    func write(to path: String) throws {
        guard let file = fopen(path, "wb") else {
            throw Diagnostic(.unwritable, "cannot write: \(String(cString: strerror(errno)))", at: .init(file: path))
        }
        defer { fclose(file) }
        func put(_ bytes: [UInt8]) throws {
            guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
                throw Diagnostic(
                    .writeFailed, "writing failed: \(String(cString: strerror(errno)))", at: .init(file: path))
            }
        }
        try put(head())
        var bytes = [UInt8](repeating: 0, count: tileBytes)
        for top in stride(from: 0, to: tilesAcross * tile, by: tile) {
            for left in stride(from: 0, to: tilesAcross * tile, by: tile) {
                fill(&bytes, left, top)
                try put(bytes)
            }
        }
        guard fflush(file) == 0 else {
            throw Diagnostic(.writeFailed, "writing failed: \(String(cString: strerror(errno)))", at: .init(file: path))
        }
    }

    private func fill(_ bytes: inout [UInt8], _ left: Int, _ top: Int) {
        bytes.withUnsafeMutableBytes { bytes in
            let samples = bytes.bindMemory(to: UInt16.self)
            for y in 0..<tile {
                for x in 0..<tile { samples[y &* tile &+ x] = Self.value(left &+ x, top &+ y).littleEndian }
            }
        }
    }

    /// All that stands before the pixels.
    private func head() -> [UInt8] {
        var bytes: [UInt8] = [0x49, 0x49, 42, 0]
        func short(_ value: Int) { bytes += [UInt8(value & 255), UInt8(value >> 8 & 255)] }
        func long(_ value: Int) {
            short(value & 0xFFFF)
            short(value >> 16)
        }
        long(8)
        short(entries.count)
        for entry in entries {
            short(Int(entry.tag))
            short(Int(entry.type))
            long(entry.count)
            long(entry.value)
        }
        long(0)
        // 4 nm per pixel: 2.5 million pixels per centimetre.
        long(2_500_000)
        long(1)
        for index in 0..<tilesAcross * tilesAcross { long(dataStart + index * tileBytes) }
        for _ in 0..<tilesAcross * tilesAcross { long(tileBytes) }
        return bytes + [UInt8](repeating: 0, count: dataStart - bytes.count)
    }
}
