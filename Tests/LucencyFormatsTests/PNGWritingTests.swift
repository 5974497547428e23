import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct PNGWritingTests {
    let png = PNGFormat()

    func roundTrip(_ image: Image, _ options: WriteOptions = .init()) throws -> Image {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "a.png").path
            try png.write(image, to: path, options: options)
            return try png.readImage(path)
        }
    }

    func refusal(_ image: Image, _ options: WriteOptions = .init()) -> Diagnostic? {
        diagnostic { _ = try roundTrip(image, options) }
    }

    @Test func `every 16-bit value survives 16 bits and is refused by 8`() throws {
        let ramp = try testImage(256, 256, stored: .uint16) { Float($0) }
        for compression in [nil, "fast", "small"] {
            let read = try roundTrip(ramp, .init(compression: compression))
            #expect(read.pixels == ramp.pixels && read.origin?.stored == .uint16)
        }
        let refused = refusal(ramp, .init(bits: 8))
        #expect(refused?.code == .wouldLoseData && refused?.message.contains("pixel (0, 1) is 256.0") == true)
        #expect(refused?.place?.file.hasSuffix("a.png") == true)
        let scaled = try roundTrip(ramp, .init(bits: 8, rescale: true))
        #expect(scaled.pixels[0] == 0 && scaled.pixels[65535] == 255 && scaled.pixels[32768] == 128)
    }

    @Test(arguments: [ColorModel.gray, .grayAlpha, .rgb, .rgba]) func `every colour model survives both depths`(
        model: ColorModel
    ) throws {
        let small = try testImage(13, 7, model, stored: .uint8) { Float($0 * 5 % 256) }
        let large = try testImage(13, 7, model, stored: .uint16) { Float($0 * 997 % 65536) }
        for image in [small, large] {
            let read = try roundTrip(image)
            #expect(read.colorModel == model && read.pixels == image.pixels)
            #expect(read.origin?.stored == image.origin?.stored)
        }
    }

    @Test func `bytes are the same every time`() throws {
        let image = try testImage(300, 200, spacing: [0.7, 0.3, 1]) { Float($0 % 251) }
        try withTemporaryFolder { folder in
            let paths = ["a.png", "b.png"].map { folder.appending(path: $0) }
            for path in paths { try png.write(image, to: path.path, options: .init()) }
            #expect(try Data(contentsOf: paths[0]) == Data(contentsOf: paths[1]))
        }
    }

    @Test(arguments: [[0.2, 0.4], [0.7, 1.0 / 3], [4e-6, 4e-6], [25.4 / 72, 25.4 / 72], [2500, 1]])
    func `a stated spacing comes back to the last digit`(spacing: [Double]) throws {
        let image = try testImage(3, 2, spacing: [spacing[0], spacing[1], 1]) { Float($0) }
        let read = try roundTrip(image).geometry
        #expect(read.spacing.x == spacing[0] && read.spacing.y == spacing[1] && read.spacingSource == .stated(.mm))
    }

    @Test func `an assumed spacing stays assumed`() throws {
        #expect(try roundTrip(testImage(3, 2) { Float($0) }).geometry.spacingSource == .assumed)
    }

    @Test func `labels survive as palette, 8 and 16 bits`() throws {
        func labels(_ values: [Int32], _ table: [Int32: LabelClass] = [:]) throws -> LabelMap {
            try LabelMap(
                geometry: Geometry(size: GridSize(values.count, 1)), labels: AlignedBuffer(values), table: table)
        }
        func roundTrip(_ map: LabelMap, _ options: WriteOptions = .init()) throws -> (LabelMap, PageHeader) {
            try withTemporaryFolder { folder in
                let path = folder.appending(path: "labels.png").path
                try png.write(map, to: path, options: options)
                return (try png.readLabels(path), try png.page(path))
            }
        }
        let table: [Int32: LabelClass] = [
            0: .init(name: "background", color: [0, 0, 0]), 2: .init(name: "cell", color: [200, 10, 30]),
            200: .init(name: "rim", color: [1, 2, 3]),
        ]
        let (colored, page) = try roundTrip(labels([0, 2, 1, 2], table))
        #expect(page.colorType == "palette" && colored.labels.array == [0, 2, 1, 2])
        #expect(colored.table[2]?.color == [200, 10, 30] && colored.table[200]?.color == [1, 2, 3])
        let (plain, grayPage) = try roundTrip(labels([0, 255]))
        #expect(grayPage.colorType == "gray" && grayPage.sampleType == .uint8 && plain.labels.array == [0, 255])
        let (many, widePage) = try roundTrip(labels([0, 256, 65535], table))
        #expect(widePage.sampleType == .uint16 && many.labels.array == [0, 256, 65535])
        #expect(try roundTrip(labels([0, 2], table), .init(bits: 16)).1.sampleType == .uint16)

        let negative = diagnostic { _ = try roundTrip(labels([0, -1])) }
        #expect(negative?.code == .wouldLoseData && negative?.remedy?.contains(".tif") == true)
        let large = diagnostic { _ = try roundTrip(labels([70000])) }
        #expect(large?.message.contains("70000") == true && large?.remedy?.contains(".tif") == true)
        #expect(diagnostic { _ = try roundTrip(labels([300]), .init(bits: 8)) }?.remedy?.contains("16") == true)
        #expect(diagnostic { _ = try roundTrip(labels([3]), .init(rescale: true)) }?.code == .badArgument)
        #expect(diagnostic { _ = try roundTrip(labels([3]), .init(bits: 1)) }?.code == .unsupportedFeature)
    }

    @Test func `the foreground of two classes fits, more classes do not`() throws {
        let geometry = try Geometry(size: GridSize(3, 1))
        let two = try ProbabilityMap(
            geometry: geometry, classes: ["background", "cell"], values: AlignedBuffer([1, 0.5, 0, 0, 0.5, 1]))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "p.png").path
            try png.write(two, to: path, options: .init())
            #expect(try png.readImage(path).pixels.array == [0, 128, 255])
            try png.write(two, to: path, options: .init(bits: 16))
            #expect(try png.readImage(path).pixels.array == [0, 32768, 65535])
            #expect(
                diagnostic { try png.write(two, to: path, options: .init(float: true)) }?.code == .unsupportedFeature)
            let three = try ProbabilityMap(
                geometry: geometry, classes: ["a", "b", "c"], kind: .independent,
                values: AlignedBuffer(repeating: 0.5, count: 9))
            let refused = diagnostic { try png.write(three, to: path, options: .init()) }
            #expect(refused?.code == .wouldLoseData && refused?.remedy?.contains(".tif") == true)
        }
    }

    @Test func `options that PNG has no room for are refused`() throws {
        let image = try testImage(3, 2, stored: .uint8) { Float($0) }
        #expect(refusal(image, .init(tile: 256))?.code == .unsupportedFeature)
        #expect(refusal(image, .init(float: true))?.code == .unsupportedFeature)
        #expect(refusal(image, .init(bits: 12))?.code == .unsupportedFeature)
        #expect(refusal(image, .init(compression: "lzw"))?.code == .badValue)
        #expect(refusal(try testImage(3, 2, .channels(3)) { Float($0) })?.code == .channelMismatch)
        let volume = try Image(
            geometry: Geometry(size: GridSize(2, 2, 2)), pixels: AlignedBuffer(repeating: 0, count: 8))
        #expect(refusal(volume)?.code == .unsupportedFeature)
        #expect(refusal(try testImage(3, 2) { Float($0) / 2 })?.message.contains("pixel (1, 0) is 0.5") == true)
    }

    @Test func `failures of the disk are reported`() throws {
        let image = try testImage(300, 300) { Float($0 &* 7919 % 256) }
        let folder = diagnostic { try png.write(image, to: "/nonexistent/a.png", options: .init()) }
        #expect(folder?.code == .unwritable && folder?.place?.file == "/nonexistent/a.png")
        #if os(Linux)
            let full = diagnostic { try png.write(image, to: "/dev/full", options: .init()) }
            #expect(full?.code == .writeFailed && full?.message.contains("No space left") == true)
        #endif
    }

    @Test func `the bytes of a file can be had without one, which leaves nothing behind`() throws {
        let geometry = try Geometry(size: GridSize(3, 2))
        let image = try Image(
            geometry: geometry, pixels: AlignedBuffer([0, 50, 100, 150, 200, 255]), origin: Origin(stored: .uint8))
        let bytes = try PNGFormat().bytes(of: image)
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.png")
            try Data(bytes).write(to: file)
            let read = try PNGFormat().readImage(file.path, pages: .automatic, region: nil, limits: .standard)
            #expect(read.pixels == image.pixels)
        }
        #expect(try bytes == PNGFormat().bytes(of: image))
    }
}
