import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct TIFFBandWriterTests {
    private func write(
        _ values: [Float], width: Int, stored: SampleType?, options: WriteOptions = WriteOptions(), to path: String
    ) throws {
        let size = GridSize(width, values.count / width)
        let writer = try TIFFBandWriter(
            path, geometry: Geometry(size: size), colorModel: .gray, origin: stored.map { Origin(stored: $0) },
            options: options)
        for row in 0..<size.y { try writer.append(AlignedBuffer(values[row * width..<(row + 1) * width])) }
        try writer.finish()
    }

    private func read(_ path: String) throws -> Image {
        try TIFFFormat().readImage(path, pages: .automatic, region: nil, limits: .standard)
    }

    @Test(arguments: [SampleType(.unsigned, bits: 64), SampleType(.signed, bits: 48), .float32])
    func `samples that TIFF does not keep as they are become floats, whatever the rows hold`(stored: SampleType) throws
    {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "out.tif").path
            // Later rows need more bits than the first ones.
            let first = (0..<128_000).map { Float($0 % 200) }, later = (128_000..<192_000).map { Float($0) }
            let values: [Float] = first + later
            try write(values, width: 64, stored: stored, to: path)
            let image = try read(path)
            #expect(image.pixels.array == values && image.origin?.stored == .float32)
            // Rounding needs a depth then.
            let code = #expect(throws: Diagnostic.self) {
                try write([1], width: 1, stored: stored, options: WriteOptions(round: true), to: path)
            }?.code
            #expect(code == .badArgument)
            try write([1.6, 2.4], width: 1, stored: stored, options: WriteOptions(bits: 8, round: true), to: path)
            #expect(try read(path).pixels.array == [2, 2])
        }
    }

    @Test func `the stated memory holds a strip's numbers and samples`() {
        for width in [10, 65_535, 65_536, 131_072, 400_000] {
            let bytes = TIFFBandWriter.predictedBytes(
                width: width, channels: 1, stored: .uint8, options: WriteOptions())
            #expect(bytes == width * max(1, (1 << 18) / width) * 5)
        }
        #expect(
            TIFFBandWriter.predictedBytes(width: .max, channels: 4, stored: .uint16, options: WriteOptions()) > 1 << 60)
    }
}
