import LucencyFoundation
import LucencyImaging
import Testing

@Suite struct ContactSheetTests {
    private func image(_ width: Int, _ height: Int, depth: Int = 1, _ value: (Int) -> Float) throws -> Image {
        let size = GridSize(width, height, depth)
        return try Image(geometry: Geometry(size: size), pixels: AlignedBuffer((0..<size.count).map(value)))
    }

    private func pixel(_ image: Image, _ x: Int, _ y: Int) -> [Float] {
        (0..<3).map { image.pixels[($0 * image.size.y + y) * image.size.x + x] }
    }

    @Test func `images stand row by row in the middle of white cells`() throws {
        let sheet = ContactSheet(window: .fixed(low: 0, high: 10), cell: 16, columns: 2, gap: 2)
        let cells = try [image(16, 16) { _ in 0 }, image(16, 8) { _ in 5 }, image(4, 4) { _ in 10 }].map {
            try sheet.thumbnail(of: $0)
        }
        let made = try sheet(cells)
        #expect(made.size == GridSize(38, 38) && made.colorModel == .rgb)
        #expect(pixel(made, 1, 1) == [255, 255, 255])
        #expect(pixel(made, 2, 2) == [0, 0, 0] && pixel(made, 17, 17) == [0, 0, 0])
        #expect(pixel(made, 20, 5) == [255, 255, 255] && pixel(made, 20, 6) == [128, 128, 128])
        #expect(pixel(made, 20, 13) == [128, 128, 128] && pixel(made, 20, 14) == [255, 255, 255])
        #expect(pixel(made, 8, 26) == [255, 255, 255])
    }

    @Test func `large images are shrunk with their proportions, and volumes show their middle slice`() throws {
        let sheet = ContactSheet(window: .fixed(low: 0, high: 4), cell: 16, columns: 4, gap: 0)
        let volume = try image(64, 32, depth: 5) { Float($0 / (64 * 32)) }
        let made = try sheet([sheet.thumbnail(of: volume)])
        #expect(made.size == GridSize(16, 16))
        #expect(pixel(made, 8, 8) == [128, 128, 128])
        #expect(pixel(made, 8, 3) == [255, 255, 255] && pixel(made, 8, 12) == [255, 255, 255])
    }

    @Test func `nothing to show, and cells of no size, are refused`() throws {
        #expect(throws: Diagnostic.self) { try ContactSheet()([]) }
        for sheet in [ContactSheet(cell: 8), ContactSheet(columns: 0), ContactSheet(gap: -1)] {
            #expect(throws: Diagnostic.self) { try sheet.thumbnail(of: image(4, 4) { _ in 1 }) }
        }
        let many = ContactSheet(cell: 1024, columns: 1)
        let thumbnail = try many.thumbnail(of: image(4, 4) { Float($0) })
        #expect(throws: Diagnostic.self) { try many(Array(repeating: thumbnail, count: 40)) }
        // Not high, but 68 × 10 thousand pixels.
        let wide = ContactSheet(cell: 1024, columns: 64)
        let error = #expect(throws: Diagnostic.self) { try wide(Array(repeating: thumbnail, count: 600)) }
        #expect(error?.code == .tooLarge && error?.message.contains("at most 100 million") == true)
    }
}
