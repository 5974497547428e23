import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

import struct Foundation.URL
import struct Foundation.Data

/// The diagnostic that a call throws, or nil.
func diagnostic(_ body: () throws -> Void) -> Diagnostic? {
    do {
        try body()
        return nil
    } catch { return error as? Diagnostic }
}

func fixture(_ name: String) -> String { TestFiles.fixture("LucencyFormatsTests", name).path }

/// Checks facts about stored samples against an entry of `expected.json`.
func expectEqual(_ facts: StoredFacts, _ page: PageHeader, _ expected: JSONValue, _ name: String) {
    #expect(facts.sha256 == expected["sha256"]?.stringValue, "\(name)")
    #expect(facts.min == expected["min"]?.doubleValue, "\(name)")
    #expect(facts.max == expected["max"]?.doubleValue, "\(name)")
    let mean = expected["mean"]?.doubleValue ?? .nan
    #expect(abs(facts.mean - mean) <= 1e-12 * max(1, abs(mean)), "\(name): \(facts.mean) and \(mean)")
    #expect(page.shape == expected["shape"]?.arrayValue?.compactMap(\.intValue), "\(name)")
    #expect(page.axes == expected["axes"]?.stringValue, "\(name)")
    #expect(page.dtype == expected["dtype"]?.stringValue, "\(name)")
}

/// SHA-256 of an image as interleaved integers of 8 or 16 bits, gray below 8 bits scaled up as viewers do.
func viewersHash(_ image: Image) -> String {
    let bits = image.origin?.stored.bits ?? 8
    let scale = bits < 8 ? 255 / Float((1 << bits) - 1) : 1
    let count = image.size.count, channels = image.channels
    var bytes: [UInt8] = []
    image.pixels.withUnsafeBufferPointer { pixels in
        for i in 0..<count {
            for channel in 0..<channels {
                let value = UInt16(pixels[channel * count + i] * scale)
                bytes.append(UInt8(truncatingIfNeeded: value))
                if bits == 16 { bytes.append(UInt8(value >> 8)) }
            }
        }
    }
    return bytes.withUnsafeBytes { SHA256.hex(of: $0) }
}

/// A small image of integers.
func testImage(
    _ width: Int, _ height: Int, _ model: ColorModel = .gray, stored: SampleType? = nil, spacing: SIMD3<Double>? = nil,
    _ value: (Int) -> Float
) throws -> Image {
    let size = GridSize(width, height)
    let geometry =
        try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
    return try Image(
        geometry: geometry, colorModel: model,
        pixels: AlignedBuffer((0..<width * height * model.channelCount).map(value)),
        origin: stored.map { Origin(stored: $0) })
}

extension ImageFormat {
    func readImage(_ path: String, region: Region? = nil) throws -> Image {
        try readImage(path, pages: .automatic, region: region, limits: .standard)
    }
    func readLabels(_ path: String) throws -> LabelMap {
        try readLabels(path, pages: .automatic, limits: .standard)
    }
    func page(_ path: String) throws -> PageHeader {
        try header(of: path, pages: .automatic, limits: .standard).pages[0]
    }
    func facts(_ path: String) throws -> StoredFacts { try storedFacts(of: path, page: 1, limits: .standard) }
}
