import CPNG
import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension PNGFormat {
    /// 8 or 16 bits, gray, gray with opacity, RGB or RGBA, one plane. `compression` is `fast` (default) or `small`.
    public func write(_ image: Image, to path: String, options: WriteOptions) throws {
        try located(path) {
            try Self.check(options, image.size)
            let colorType: UInt8
            switch image.colorModel {
            case .gray, .channels(1): colorType = 0
            case .grayAlpha: colorType = 4
            case .rgb: colorType = 2
            case .rgba: colorType = 6
            case .channels(let count):
                throw Diagnostic(
                    .channelMismatch, "PNG cannot hold \(count) channels without a colour meaning",
                    remedy: "write `.tif` instead, or pick one channel")
            }
            let quantizer = try Quantizer(for: image, options: options, supported: [.uint8, .uint16], format: name)
            let spec = try Self.spec(image.geometry, options, colorType, bits: quantizer.target.bits)
            try Self.write(spec, path, samplesPerPixel: image.channels) { rows, out throws(Diagnostic) in
                try quantizer.encode(image, rows: rows, into: out)
            }
        }
    }

    /// The bytes of an image's PNG file, for pictures inside other documents.
    public func bytes(of image: Image) throws -> [UInt8] {
        var template = Array("\(Machine.temporaryFolder)/lucency-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else {
            throw Diagnostic(
                .unwritable, "cannot make a temporary file: \(FileSystem.lastError)",
                at: .init(file: Machine.temporaryFolder), remedy: "set TMPDIR to a folder that can be written")
        }
        close(file)
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { FileSystem.remove(path) }
        try write(image, to: path, options: WriteOptions(compression: "small"))
        return try FileSystem.bytes(path, limit: 1 << 28)
    }

    /// Labels 0...255 as a palette (where the table has colours) or 8-bit gray, 0...65535 as 16-bit gray, unchanged.
    public func write(_ labels: LabelMap, to path: String, options: WriteOptions) throws {
        try located(path) {
            try Self.check(options, labels.size)
            if options.rescale || options.unit || options.round || options.float {
                throw Diagnostic(
                    .badArgument, "labels are written as they are; `rescale`, `unit`, `round` and `float` do not apply",
                    remedy: "leave it out")
            }
            let range: (low: Int32, high: Int32) = labels.labels.withUnsafeBufferPointer { values in
                values.reduce(into: (0, 0)) { ($0.0, $0.1) = (min($0.0, $1), max($0.1, $1)) }
            }
            let colored = labels.table.filter { $0.value.color != nil && (0...255).contains($0.key) }
            let palette = !colored.isEmpty && range.high <= 255 && options.bits ?? 8 == 8
            let bits = options.bits ?? (range.high <= 255 ? 8 : 16)
            guard bits == 8 || bits == 16 else {
                throw Diagnostic(.unsupportedFeature, "PNG is not written with \(bits) bits here; it can have 8, 16")
            }
            guard range.low >= 0, range.high < 1 << bits else {
                let wrong = range.low < 0 ? range.low : range.high
                throw Diagnostic(
                    .wouldLoseData, "label \(wrong) does not fit \(bits)-bit PNG samples",
                    remedy: range.low >= 0 && range.high <= 65535
                        ? "write 16 bits (`bits: 16`)"
                        : "write `.tif` instead (`lucency phantom` does with `--labels tiff`)")
            }
            var spec = try Self.spec(labels.geometry, options, palette ? 3 : 0, bits: bits)
            if palette {
                let count = Int(max(range.high, colored.keys.max() ?? 0)) + 1
                spec.paletteCount = UInt16(count)
                withUnsafeMutableBytes(of: &spec.palette) { bytes in
                    for index in 0..<count {
                        let gray = UInt8(index)
                        let color = colored[Int32(index)]?.color ?? [gray, gray, gray]
                        for k in 0..<3 { bytes[3 * index + k] = color[k] }
                    }
                }
            }
            let width = labels.size.x
            try Self.write(spec, path, samplesPerPixel: 1) { rows, out throws(Diagnostic) in
                labels.labels.withUnsafeBufferPointer { values in
                    let start = rows.lowerBound * width, count = rows.count * width
                    if bits == 8 {
                        let out = out.assumingMemoryBound(to: UInt8.self)
                        for i in 0..<count { out[i] = UInt8(truncatingIfNeeded: values[start &+ i]) }
                    } else {
                        let out = out.assumingMemoryBound(to: UInt16.self)
                        for i in 0..<count { out[i] = UInt16(truncatingIfNeeded: values[start &+ i]) }
                    }
                }
            }
        }
    }

    /// The foreground (second) class of two that sum to 1, or a single class, over the full range of 8 (default) or 16 bits.
    public func write(_ probabilities: ProbabilityMap, to path: String, options: WriteOptions) throws {
        try located(path) {
            try Self.check(options, probabilities.size)
            if options.rescale || options.unit || options.round {
                throw Diagnostic(
                    .badArgument,
                    "probabilities always take the full range; `rescale`, `unit` and `round` do not apply",
                    remedy: "leave it out")
            }
            if options.float {
                throw Diagnostic(.unsupportedFeature, "PNG cannot store float samples", remedy: "write `.tif` instead")
            }
            let classes = probabilities.classes.count
            guard classes == 1 || classes == 2 && probabilities.kind == .simplex else {
                throw Diagnostic(
                    .wouldLoseData, "PNG cannot hold the probabilities of \(classes) classes",
                    remedy: "write `.tif`, which has a page for each class")
            }
            let bits = options.bits ?? 8
            guard bits == 8 || bits == 16 else {
                throw Diagnostic(.unsupportedFeature, "PNG is not written with \(bits) bits here; it can have 8, 16")
            }
            let spec = try Self.spec(probabilities.geometry, options, 0, bits: bits)
            let width = probabilities.size.x, plane = probabilities.size.count * (classes - 1)
            try Self.write(spec, path, samplesPerPixel: 1) { rows, out throws(Diagnostic) in
                probabilities.values.withUnsafeBufferPointer { values in
                    let start = plane + rows.lowerBound * width
                    Quantizer.encode(
                        probabilities: UnsafeBufferPointer(rebasing: values[start..<start + rows.count * width]),
                        as: bits == 8 ? .uint8 : .uint16, into: out)
                }
            }
        }
    }

    private func located(_ path: String, _ body: () throws -> Void) throws {
        do { try body() } catch { throw Diagnostic.wrapping(error, as: .writeFailed).located(in: path) }
    }

    private static func check(_ options: WriteOptions, _ size: GridSize) throws {
        guard size.isPlanar else {
            throw Diagnostic(
                .unsupportedFeature, "PNG holds one plane, and this has \(size.z)",
                remedy: "write `.tif` instead, or pick one plane")
        }
        if let tile = options.tile {
            throw Diagnostic(
                .unsupportedFeature, "PNG has no tiles (`tile: \(tile)`)", remedy: "leave `tile` out, or write `.tif`")
        }
        if let compression = options.compression, compression != "fast", compression != "small" {
            throw Diagnostic(
                .badValue, "PNG has no compression `\(compression)`", remedy: "say `fast` (the default) or `small`")
        }
    }

    private static func spec(
        _ geometry: Geometry, _ options: WriteOptions, _ colorType: UInt8, bits: Int
    ) throws -> LPNGSpec {
        guard let width = Int32(exactly: geometry.size.x), let height = Int32(exactly: geometry.size.y) else {
            throw Diagnostic(.tooLarge, "PNG cannot hold \(geometry.size) pixels", remedy: "write `.tif` instead")
        }
        var spec = LPNGSpec()
        spec.width = UInt32(width)
        spec.height = UInt32(height)
        spec.bitDepth = UInt8(bits)
        spec.colorType = colorType
        spec.small = options.compression == "small" ? 1 : 0
        guard geometry.spacingSource != .assumed else { return spec }
        // pHYs counts whole pixels per metre; where that is not the spacing itself, sCAL states its digits.
        let spacing = geometry.spacing
        let density = (x: (1000 / spacing.x).rounded(), y: (1000 / spacing.y).rounded())
        if (1...0x7fff_ffff).contains(density.x), (1...0x7fff_ffff).contains(density.y) {
            spec.hasPhysical = 1
            spec.xPerMetre = UInt32(density.x)
            spec.yPerMetre = UInt32(density.y)
        }
        if Resolution.spacing(pixelsPerMetre: density.x, density.y) == SIMD2(spacing.x, spacing.y) { return spec }
        guard let x = PNGScale.metres(spacing.x), let y = PNGScale.metres(spacing.y) else { return spec }
        spec.hasScale = 1
        withUnsafeMutableBytes(of: &spec.scaleWidth) { $0.copyBytes(from: x.utf8) }
        withUnsafeMutableBytes(of: &spec.scaleHeight) { $0.copyBytes(from: y.utf8) }
        return spec
    }

    /// Writes a file, a band of rows at a time.
    private static func write(
        _ spec: LPNGSpec, _ path: String, samplesPerPixel: Int,
        fill: (Range<Int>, UnsafeMutableRawPointer) throws(Diagnostic) -> Void
    ) throws {
        let width = Int(spec.width), height = Int(spec.height)
        let rowBytes = width * samplesPerPixel * Int(spec.bitDepth / 8)
        let band = max(1, min(height, (1 << 20) / rowBytes))
        var buffer = AlignedBuffer<UInt8>(count: band * rowBytes) { _ in }
        var message = CMessage(), writer: OpaquePointer?
        // Fill the first band before the file is made, so that most refusals leave nothing behind.
        var next = 0
        func fillNext() throws {
            let rows = next..<min(height, next + band)
            try buffer.withUnsafeMutableBufferPointer { bytes in
                if let base = bytes.baseAddress { try fill(rows, UnsafeMutableRawPointer(base)) }
            }
        }
        try fillNext()
        var status = withUnsafePointer(to: spec) { spec in message.fill { lpng_create(path, spec, &writer, $0) } }
        guard status == LPNG_OK, let writer else { throw failure(status, message.text) }
        do {
            while next < height {
                if next > 0 { try fillNext() }
                let rows = min(band, height - next)
                status = buffer.withUnsafeBufferPointer { bytes in
                    message.fill { lpng_write_rows(writer, bytes.baseAddress, rowBytes, UInt32(rows), $0) }
                }
                guard status == LPNG_OK else { throw failure(status, message.text) }
                next += rows
            }
        } catch {
            lpng_abandon(writer)
            throw error
        }
        status = message.fill { lpng_finish_writing(writer, $0) }
        guard status == LPNG_OK else { throw failure(status, message.text) }
    }

    private static func failure(_ status: Int32, _ text: String) -> Diagnostic {
        switch Int(status) {
        case LPNG_CANNOT_OPEN: Diagnostic(.unwritable, "the file cannot be created: \(text)")
        case LPNG_NO_MEMORY: Diagnostic(.tooLarge, "not enough memory to encode the PNG")
        default: Diagnostic(.writeFailed, "writing the PNG failed: \(text)")
        }
    }
}
