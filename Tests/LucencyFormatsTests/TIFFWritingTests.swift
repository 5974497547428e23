import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct TIFFWritingTests {
    let tiff = TIFFFormat()

    func roundTrip<R>(_ image: Image, _ options: WriteOptions = WriteOptions(), _ body: (Image, String) throws -> R)
        throws -> R
    {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "out.tif").path
            try tiff.write(image, to: path, options: options)
            return try body(try tiff.readImage(path), path)
        }
    }

    static let types: [SampleType] =
        [8, 16, 32].flatMap { [SampleType(.unsigned, bits: $0), SampleType(.signed, bits: $0)] } + [.float32]
    static let compressions = ["none", "deflate", "lzw", "packbits", "zstd"]

    @Test(arguments: compressions) func `every depth, predictor and layout reads back equal`(_ compression: String)
        throws
    {
        for type in Self.types {
            let low = type.integerRange.map { max($0.lowerBound, -30_000_000) } ?? -3.25
            let high = type.integerRange.map { min($0.upperBound, 30_000_000) } ?? 12345.678
            let image = try testImage(37, 29, .gray, stored: type) { index in
                let value = low + (high - low) * Double(index) / Double(37 * 29 - 1)
                return Float(type.kind == .float ? value : (value / 4).rounded() * 4).clamped(low, high, type)
            }
            for predictor in [true, false] {
                for tile in [nil, 16, 32] as [Int?] {
                    let options = WriteOptions(compression: compression, tile: tile, predictor: predictor)
                    try roundTrip(image, options) { back, path in
                        #expect(back.pixels == image.pixels, "\(type), \(options)")
                        #expect(back.origin?.stored == type)
                        let page = try tiff.page(path)
                        #expect(
                            page.compression == compression && page.metadata["tile"] == tile.map { "\($0) × \($0)" })
                        let predicts = predictor && ["deflate", "lzw", "zstd"].contains(compression)
                        #expect(
                            page.metadata["predictor"]
                                == (predicts ? type.kind == .float ? "float" : "horizontal" : nil))
                    }
                }
            }
        }
    }

    @Test(arguments: [ColorModel.gray, .grayAlpha, .rgb, .rgba, .channels(2), .channels(5)])
    func `every colour model reads back equal`(_ model: ColorModel) throws {
        let image = try testImage(19, 23, model, stored: .uint8) { Float($0 % 251) }
        for tile in [nil, 16] as [Int?] {
            try roundTrip(image, WriteOptions(tile: tile)) { back, _ in
                #expect(back.colorModel == model && back.pixels == image.pixels, "\(model)")
            }
        }
    }

    @Test func `spacing of a plane and of a volume reads back`() throws {
        let plane = try testImage(8, 6, .gray, stored: .uint8, spacing: [0.2, 0.37, 1]) { Float($0) }
        try roundTrip(plane) { back, _ in
            #expect(back.geometry.spacingSource == .stated(.cm))
            #expect(abs(back.geometry.spacing.x - 0.2) < 1e-8 && abs(back.geometry.spacing.y - 0.37) < 1e-7)
        }
        for unit in [LengthUnit.mm, .cm, .um, .nm, .m] {
            let scale = unit.millimetres ?? 1
            let geometry = try Geometry(
                size: GridSize(5, 4, 3), spacing: [4 * scale, 5 * scale, 50 * scale], source: .stated(unit))
            let volume = try Image(geometry: geometry, pixels: AlignedBuffer((0..<60).map(Float.init)))
            try roundTrip(volume) { back, path in
                #expect(back.pixels == volume.pixels && back.size == geometry.size)
                #expect(back.geometry.spacingSource == .stated(unit), "\(unit)")
                #expect(back.geometry.mismatch(with: geometry) == nil)
                for axis in 0..<3 { #expect(abs(back.geometry.spacing[axis] / geometry.spacing[axis] - 1) < 1e-6) }
                let headers = try tiff.pageHeaders(of: path)
                #expect(headers.count == 3)
            }
        }
        let unknown = try Image(
            geometry: Geometry(size: GridSize(5, 4, 3)), pixels: AlignedBuffer((0..<60).map(Float.init)))
        try roundTrip(unknown) { back, _ in
            #expect(back.geometry == unknown.geometry && back.pixels == unknown.pixels)
        }
    }

    @Test func `large files become BigTIFF`() throws {
        let image = try testImage(40, 30, .rgb, stored: .uint16) { Float($0) }
        var small = tiff
        small.bigThreshold = 7199
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "big.tif").path
            try small.write(image, to: path, options: WriteOptions())
            #expect(try Data(contentsOf: URL(filePath: path)).prefix(4) == Data([0x49, 0x49, 43, 0]))
            #expect(try tiff.readImage(path).pixels == image.pixels)
            small.bigThreshold = 7200
            try small.write(image, to: path, options: WriteOptions())
            #expect(try Data(contentsOf: URL(filePath: path)).prefix(4) == Data([0x49, 0x49, 42, 0]))
        }
    }

    @Test func `the same values give the same bytes`() throws {
        let image = try testImage(64, 64, .rgb, stored: .uint8, spacing: [0.1, 0.1, 1]) { Float($0 * 7 % 256) }
        try withTemporaryFolder { folder in
            let files = try (0..<2).map { index in
                let path = folder.appending(path: "\(index).tif").path
                try tiff.write(image, to: path, options: WriteOptions(tile: 32))
                return try Data(contentsOf: URL(filePath: path))
            }
            #expect(files[0] == files[1])
        }
    }

    @Test func `values that the depth cannot hold are refused, or mapped on request`() throws {
        let ramp = try testImage(256, 2, .gray, stored: .uint16) { Float($0 * 100) }
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "ramp.tif").path
            let failure = diagnostic { try tiff.write(ramp, to: path, options: WriteOptions(bits: 8)) }
            #expect(failure?.code == .wouldLoseData && failure?.place?.file == path)
            #expect(failure?.remedy?.contains("bits: 16") == true)
            #expect(!FileManager.default.fileExists(atPath: path))
            try tiff.write(ramp, to: path, options: WriteOptions(bits: 8, rescale: true))
            #expect(try tiff.readImage(path).origin?.stored == .uint8)
            try tiff.write(ramp, to: path, options: WriteOptions(float: true))
            #expect(try tiff.readImage(path).pixels == ramp.pixels)
        }
    }

    @Test func `labels take the smallest depth, a palette where there are colours`() throws {
        let geometry = try Geometry(size: GridSize(4, 2, 2))
        func back(_ labels: [Int32], _ table: [Int32: LabelClass] = [:], _ options: WriteOptions = WriteOptions())
            throws -> (LabelMap, PageHeader)
        {
            try withTemporaryFolder { folder in
                let path = folder.appending(path: "labels.tif").path
                let map = try LabelMap(geometry: geometry, labels: AlignedBuffer(labels), table: table)
                try tiff.write(map, to: path, options: options)
                let read = try tiff.readLabels(path)
                #expect(read.labels == map.labels && read.geometry == geometry)
                return (read, try tiff.page(path))
            }
        }
        let base: [Int32] = Array(0..<15)
        #expect(try back(base + [255]).1.dtype == "uint8")
        #expect(try back(base + [256]).1.dtype == "uint16")
        #expect(try back(base + [70_000]).1.dtype == "uint32")
        #expect(try back(base + [.max]).1.dtype == "uint32")
        #expect(try back(base + [-1]).1.dtype == "int8")
        #expect(try back(base + [.min]).1.dtype == "int32")
        #expect(try back(base + [3], [:], WriteOptions(bits: 16, tile: 16)).1.dtype == "uint16")
        let (colored, page) = try back(base + [200], [1: LabelClass(name: "cell", color: [250, 3, 77])])
        #expect(
            page.colorType == "palette" && colored.table[1]?.color == [250, 3, 77]
                && colored.table[9]?.color == [9, 9, 9])
        let map = try LabelMap(geometry: geometry, labels: AlignedBuffer(base + [256]))
        for (options, code) in [
            (WriteOptions(bits: 8), DiagnosticCode.wouldLoseData), (WriteOptions(bits: 12), .unsupportedFeature),
            (WriteOptions(float: true), .badArgument), (WriteOptions(rescale: true), .badArgument),
        ] {
            #expect(diagnostic { try tiff.write(map, to: "/nowhere/labels.tif", options: options) }?.code == code)
        }
    }

    @Test func `probabilities have a named page per class`() throws {
        let values: [Float] = [0, 0.25, 0.5, 1, 0.125, 0.75, 1, 0.75, 0.5, 0, 0.875, 0.25]
        for depth in [1, 2] {
            let geometry = try Geometry(size: GridSize(6 / depth, 1, depth), spacing: [1, 2, 3], source: .stated(.um))
            let map = try ProbabilityMap(
                geometry: geometry, classes: ["background", "cell"], values: AlignedBuffer(values))
            for (options, step) in [
                (WriteOptions(), Float(0)), (WriteOptions(bits: 8), 0.5 / 255), (WriteOptions(bits: 16), 0.5 / 65535),
            ] {
                try withTemporaryFolder { folder in
                    let path = folder.appending(path: "p.tif").path
                    try tiff.write(map, to: path, options: options)
                    let headers = try tiff.pageHeaders(of: path)
                    #expect(
                        headers.map { $0.metadata["pageName"] }
                            == Array(repeating: ["background", "cell"], count: depth).flatMap { $0 })
                    for (index, header) in headers.enumerated() {
                        let page = try tiff.readImage(path, pages: .page(index + 1), region: nil, limits: .standard)
                        let top = Float(header.sampleType.integerRange?.upperBound ?? 1)
                        let start = (index % 2) * 6 + (index / 2) * 6 / depth
                        for (k, value) in page.pixels.array.enumerated() {
                            #expect(abs(value / top - values[start + k]) <= step + 1e-7)
                        }
                    }
                    if depth == 1 { #expect(try tiff.readImage(path).colorModel == .channels(2)) }
                }
            }
            let refused = diagnostic { try tiff.write(map, to: "/nowhere/p.tif", options: WriteOptions(bits: 12)) }
            #expect(refused?.code == .unsupportedFeature)
        }
    }

    @Test func `options that TIFF has not are refused with those it has`() throws {
        let image = try testImage(8, 8, stored: .uint8) { Float($0) }
        func refusal(_ options: WriteOptions) -> Diagnostic? {
            diagnostic { try tiff.write(image, to: "/nowhere/x.tif", options: options) }
        }
        #expect(refusal(WriteOptions(compression: "jpeg"))?.remedy?.contains("zstd") == true)
        for side in [0, 8, 24, -16, .max] { #expect(refusal(WriteOptions(tile: side))?.code == .badValue, "\(side)") }
        #expect(refusal(WriteOptions(bits: 12))?.code == .unsupportedFeature)
    }

    @Test func `files that cannot be created or filled are reported`() throws {
        let image = try testImage(300, 300, stored: .uint16) { Float($0 * 7919 % 65536) }
        let unwritable = diagnostic { try tiff.write(image, to: "/nowhere/x.tif", options: WriteOptions()) }
        #expect(unwritable?.code == .unwritable && unwritable?.place?.file == "/nowhere/x.tif")
        if FileManager.default.fileExists(atPath: "/dev/full") {
            let full = diagnostic { try tiff.write(image, to: "/dev/full", options: WriteOptions(compression: "none")) }
            #expect(full?.code == .writeFailed && full?.place?.file == "/dev/full", "\(full?.description ?? "")")
        }
    }
}

extension Float {
    /// Within the range, as an integer where the type is one, after rounding to float32.
    fileprivate func clamped(_ low: Double, _ high: Double, _ type: SampleType) -> Float {
        let value = Swift.min(Swift.max(Double(self), low), high)
        return type.bits == 32 && type.kind != .float ? Float((value / 4).rounded(.towardZero) * 4) : Float(value)
    }
}
