import CTIFF
import LucencyFoundation
import LucencyImaging

extension TIFFFormat {
    /// 8, 16 or 32-bit integers or float32; gray, RGB, alpha and any number of channels (interleaved); a volume has a page
    /// per slice. Spacing goes to resolution tags per centimetre, that of a volume also to an ImageJ description.
    /// Directions and origin of the geometry are not kept: TIFF has no place for them.
    public func write(_ image: Image, to path: String, options: WriteOptions) throws {
        let types: [SampleType] = [8, 16, 32].flatMap {
            [SampleType(.unsigned, bits: $0), SampleType(.signed, bits: $0)]
        }
        try located(path) {
            let quantizer = try Quantizer(for: image, options: options, supported: types + [.float32], format: name)
            var spec = try TIFFPageSpec(image.geometry, type: quantizer.target, samples: image.channels, options)
            spec.set(image.colorModel)
            spec.describeStack(image.geometry, channels: 1)
            let pages = image.size.z
            let writer = try TIFFWriter(path, spec, pages: pages, bigThreshold: bigThreshold)
            for z in 0..<pages {
                try writer.page { rows, out in try quantizer.encode(image, z: z, rows: rows, into: out) }
            }
            try writer.finish()
        }
    }

    /// Labels unchanged in the smallest of 8, 16 and 32 bits that holds them; with colours for labels 0...255 as a
    /// palette (labels without a colour get the gray of their number).
    public func write(_ labels: LabelMap, to path: String, options: WriteOptions) throws {
        try located(path) {
            if options.rescale || options.unit || options.round || options.float {
                throw Diagnostic(
                    .badArgument, "labels are written as they are; `rescale`, `unit`, `round` and `float` do not apply",
                    remedy: "leave it out")
            }
            let range: (low: Int32, high: Int32) = labels.labels.withUnsafeBufferPointer { values in
                values.reduce(into: (0, 0)) { ($0.0, $0.1) = (min($0.0, $1), max($0.1, $1)) }
            }
            let kind: SampleType.Kind = range.low < 0 ? .signed : .unsigned
            func holds(_ bits: Int) -> Bool {
                guard let limits = SampleType(kind, bits: bits).integerRange else { return false }
                return limits.contains(Double(range.low)) && limits.contains(Double(range.high))
            }
            let bits = options.bits ?? [8, 16].first(where: holds) ?? 32
            guard [8, 16, 32].contains(bits) else {
                throw Diagnostic(
                    .unsupportedFeature, "TIFF is not written with \(bits) bits here; it can have 8, 16, 32")
            }
            guard holds(bits) else {
                let wrong =
                    SampleType(kind, bits: bits).integerRange.map { $0.contains(Double(range.low)) } == false
                    ? range.low : range.high
                throw Diagnostic(
                    .wouldLoseData, "label \(wrong) does not fit \(bits)-bit TIFF samples",
                    remedy: "leave `bits` out: the smallest depth that holds all labels is chosen")
            }
            let type = SampleType(kind, bits: bits)
            var spec = try TIFFPageSpec(labels.geometry, type: type, samples: 1, options)
            let colors = labels.table.filter { $0.value.color != nil && (0...255).contains($0.key) }
            if !colors.isEmpty, type == .uint8 {
                spec.photometric = 3
                spec.palette = (0..<256).map { index in
                    let gray = UInt8(index)
                    return colors[Int32(index)]?.color ?? [gray, gray, gray]
                }
            }
            spec.describeStack(labels.geometry, channels: 1)
            let width = labels.size.x, plane = width * labels.size.y
            let writer = try TIFFWriter(path, spec, pages: labels.size.z, bigThreshold: bigThreshold)
            for z in 0..<labels.size.z {
                try writer.page { rows, out in
                    labels.labels.withUnsafeBufferPointer { values in
                        let start = z * plane + rows.lowerBound * width, count = rows.count * width
                        switch bits {
                        case 8:
                            let out = out.assumingMemoryBound(to: UInt8.self)
                            for i in 0..<count { out[i] = UInt8(truncatingIfNeeded: values[start &+ i]) }
                        case 16:
                            let out = out.assumingMemoryBound(to: UInt16.self)
                            for i in 0..<count { out[i] = UInt16(truncatingIfNeeded: values[start &+ i]) }
                        default:
                            let out = out.assumingMemoryBound(to: Int32.self)
                            for i in 0..<count { out[i] = values[start &+ i] }
                        }
                    }
                }
            }
            try writer.finish()
        }
    }

    /// A page per class (and slice, classes varying fastest as in ImageJ's hyperstacks), named after the class: float32
    /// (default), or the full range of 8 or 16 bits.
    public func write(_ probabilities: ProbabilityMap, to path: String, options: WriteOptions) throws {
        try located(path) {
            if options.rescale || options.unit || options.round {
                throw Diagnostic(
                    .badArgument,
                    "probabilities always take the full range; `rescale`, `unit` and `round` do not apply",
                    remedy: "leave it out")
            }
            let type: SampleType
            switch (options.bits, options.float) {
            case (nil, _), (32, _): type = .float32
            case (8, false): type = .uint8
            case (16, false): type = .uint16
            case (let bits, let float):
                throw Diagnostic(
                    .unsupportedFeature,
                    "probabilities cannot be written with \(bits ?? 0) \(float ? "float bits" : "bits")",
                    remedy: "use 8 or 16 bits, or 32-bit float")
            }
            let size = probabilities.size, classes = probabilities.classes.count
            var spec = try TIFFPageSpec(probabilities.geometry, type: type, samples: 1, options)
            spec.describeStack(probabilities.geometry, channels: classes)
            let writer = try TIFFWriter(path, spec, pages: classes * size.z, bigThreshold: bigThreshold)
            for z in 0..<size.z {
                for (plane, name) in probabilities.classes.enumerated() {
                    try writer.page(name: name) { rows, out in
                        let start = ((plane * size.z + z) * size.y + rows.lowerBound) * size.x
                        probabilities.values.withUnsafeBufferPointer { values in
                            let part = UnsafeBufferPointer(rebasing: values[start..<start + rows.count * size.x])
                            Quantizer.encode(probabilities: part, as: type, into: out)
                        }
                    }
                }
            }
            try writer.finish()
        }
    }

    private func located(_ path: String, _ body: () throws -> Void) throws {
        do { try body() } catch { throw Diagnostic.wrapping(error, as: .writeFailed).located(in: path) }
    }
}

/// What every page of a file to be written has in common.
struct TIFFPageSpec {
    var width, height, samples: Int
    var type: SampleType
    /// 1 min-is-black, 2 RGB, 3 palette.
    var photometric: UInt16 = 1
    var extras = 0
    var lastIsAlpha = false
    var palette: [SIMD3<UInt8>] = []
    var compression: UInt16
    var predictor: UInt16
    var tile: Int?
    /// Pixels per unit along x and y; the unit is 1 (none) or 3 (centimetre).
    var resolution: SIMD2<Double>?
    var resolutionUnit: UInt16 = 3
    var description: String?

    /// - Throws: `Diagnostic` for options that TIFF has not, and sizes that it cannot hold.
    init(_ geometry: Geometry, type: SampleType, samples: Int, _ options: WriteOptions) throws(Diagnostic) {
        width = geometry.size.x
        height = geometry.size.y
        self.samples = samples
        self.type = type
        guard width <= Int32.max, height <= Int32.max, samples <= UInt16.max else {
            throw Diagnostic(.tooLarge, "TIFF cannot hold \(geometry.size) pixels of \(samples) channels")
        }
        let known: [(String, UInt16)] = [
            ("none", 1), ("deflate", TIFFNames.deflate), ("lzw", TIFFNames.lzw), ("packbits", TIFFNames.packBits),
            ("zstd", TIFFNames.zstd),
        ]
        let wanted = options.compression ?? "deflate"
        guard let found = known.first(where: { $0.0 == wanted }) else {
            throw Diagnostic(
                .badValue, "TIFF is not written with compression `\(wanted)`",
                remedy: "use one of \(known.map(\.0).joined(separator: ", "))")
        }
        guard TIFFNames.isDecodable(found.1) else {
            throw Diagnostic(
                .unsupportedFeature, "this libtiff was built without \(wanted)",
                remedy: "use `deflate`, which is always there")
        }
        compression = found.1
        let predicts = options.predictor && [TIFFNames.deflate, TIFFNames.lzw, TIFFNames.zstd].contains(compression)
        predictor = !predicts ? 1 : type.kind == .float ? 3 : 2
        if let side = options.tile {
            guard side >= 16, side <= 1 << 16, side % 16 == 0 else {
                throw Diagnostic(
                    .badValue, "a tile of \(side) pixels is not possible in TIFF",
                    remedy: "use a multiple of 16, such as 256")
            }
            tile = side
        }
        if geometry.spacingSource != .assumed {
            let spacing = geometry.spacing
            resolution = [10 / spacing.x, 10 / spacing.y]
        }
    }

    /// Adds ImageJ's description to volumes of stated spacing and to several channels: it alone can say what pages are.
    mutating func describeStack(_ geometry: Geometry, channels: Int) {
        let slices = geometry.size.z
        guard channels * slices > 1 else { return }
        var lines = ["ImageJ=1.54f", "images=\(channels * slices)"]
        if channels > 1 { lines.append("channels=\(channels)") }
        if slices > 1 { lines.append("slices=\(slices)") }
        if channels > 1, slices > 1 { lines.append("hyperstack=true") }
        if channels > 1 { lines.append("mode=grayscale") }
        guard case .stated(let unit) = geometry.spacingSource, let scale = unit.millimetres else {
            if channels > 1 { description = lines.joined(separator: "\n") + "\nloop=false\n" }
            return
        }
        // ImageJ counts pixels per its own unit, in files without a resolution unit.
        let spacing = geometry.spacing
        lines.append("unit=\(unit == .um ? "\\u00B5m" : unit.rawValue)")
        if slices > 1 { lines.append("spacing=\(spacing.z / scale)") }
        description = lines.joined(separator: "\n") + "\nloop=false\n"
        resolution = [scale / spacing.x, scale / spacing.y]
        resolutionUnit = unit == .cm ? 3 : 1
    }
}
