import CTIFF
import LucencyFoundation
import LucencyImaging

/// One page (directory) of a TIFF file: what its samples are, how they are laid out, what it says about itself.
struct TIFFPage {
    /// Counted from 0.
    var index: Int
    var width: Int
    var height: Int
    var samples: Int
    /// How samples are once unpacked.
    var type: SampleType
    var planar: Bool
    var photometric: TIFFPhotometric
    var compression: UInt16
    /// The first sample beyond the colours is opacity.
    var hasAlpha: Bool
    var layout: TIFFLayout
    /// 8-bit colours of the palette's entries.
    var palette: [SIMD3<UInt8>]
    var yCbCr: TIFFYCbCr?
    var resolution: TIFFResolution
    /// A smaller copy of another page, or a transparency mask: not an image of its own.
    var isAuxiliary: Bool
    /// The whole description, for stack facts; the header only keeps a short one.
    var description: String?
    /// Why the pixels cannot be read, although the page can be described.
    var obstacle: Diagnostic?
    var metadata: [String: String]

    /// Values are turned round: unsigned min-is-white only. Signed and float samples have no agreed maximum, so theirs
    /// stay as stored.
    var isInverted: Bool { photometric == .minIsWhite && type.kind == .unsigned }

    /// The model of the image made of this page.
    var colorModel: ColorModel {
        let colors = photometric.isGray ? 1 : photometric == .rgb || photometric == .yCbCr ? 3 : 0
        if photometric == .palette {
            return samples == 1 ? .rgb : samples == 2 && hasAlpha ? .rgba : .channels(samples + 2)
        }
        switch (colors, samples - colors, hasAlpha) {
        case (1, 0, _): return .gray
        case (1, 1, true): return .grayAlpha
        case (3, 0, _): return .rgb
        case (3, 1, true): return .rgba
        default: return samples == 1 ? .gray : .channels(samples)
        }
    }

    /// How the image's values are stored, as far as writing them back goes: palette colours have 8 bits.
    var valueType: SampleType { photometric == .palette ? .uint8 : type }

    func header(spacing: TIFFSpacing?) -> PageHeader {
        PageHeader(
            width: width, height: height, samplesPerPixel: samples, sampleType: type,
            axes: samples == 1 ? "yx" : planar ? "cyx" : "yxc",
            colorType: photometric.name(samples: samples, hasAlpha: hasAlpha),
            compression: TIFFNames.compression(compression), spacing: spacing.map { [$0.x, $0.y] },
            spacingUnit: spacing?.unit, metadata: metadata)
    }

    /// What must be equal for pages to be slices of one volume.
    func differs(from other: TIFFPage) -> String? {
        func words(_ page: TIFFPage) -> String {
            let name = page.photometric.name(samples: page.samples, hasAlpha: page.hasAlpha)
            return "\(page.width) × \(page.height) \(name) of \(page.samples) × \(page.type)"
        }
        let same =
            width == other.width && height == other.height && samples == other.samples && type == other.type
            && colorModel == other.colorModel && isInverted == other.isInverted
        guard !same else { return nil }
        return "page \(index + 1) is \(words(self)), and page \(other.index + 1) is \(words(other))"
    }

    /// - Throws: what keeps the pixels from being read.
    func requireReadable(in path: String) throws {
        if let obstacle { throw obstacle.located(in: path, part: "page \(index + 1)") }
    }
}

extension TIFFFile {
    /// Describes a page (from 0) without reading pixels.
    /// - Throws: `Diagnostic` naming file and page when it makes no sense.
    func page(_ index: Int) throws -> TIFFPage {
        do {
            return try describe(index) { raw, note in try TIFFPage(raw, index: index, note: note) }
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path, part: "page \(index + 1)")
        }
    }
}

extension TIFFPage {
    fileprivate init(_ raw: ctiff_page, index: Int, note: String?) throws(Diagnostic) {
        self.index = index
        width = Int(raw.width)
        height = Int(raw.height)
        samples = Int(raw.samples)
        compression = raw.compression
        photometric = TIFFPhotometric(raw.photometric)
        planar = raw.planar == 2 && raw.samples > 1
        guard width >= 1, height >= 1, samples >= 1, raw.bits >= 1, width <= Int32.max, height <= Int32.max else {
            throw Diagnostic(
                .damagedFile,
                "the page claims \(width) × \(height) pixels of \(samples) samples with \(raw.bits) bits")
        }
        let kind: SampleType.Kind = raw.format == 2 ? .signed : raw.format == 3 ? .float : .unsigned
        type = SampleType(kind, bits: min(64, Int(raw.bits)))
        let colors = photometric.isGray || photometric == .palette ? 1 : photometric == .separated ? 4 : 3
        let extras = samples - colors
        // RGB with a fourth sample that nothing is said about is opacity in practice (libtiff takes it so, too).
        hasAlpha =
            extras >= 1
            && (raw.extra_count > 0
                ? raw.first_extra == 1 || raw.first_extra == 2
                : photometric == .rgb && extras == 1 && raw.has_extras == 0)
        layout = TIFFLayout(raw, planar: planar)
        palette = Self.palette(raw)
        resolution = TIFFResolution(
            x: raw.x_resolution, y: raw.y_resolution, unit: raw.has_resolution != 0 ? Int(raw.resolution_unit) : nil)
        isAuxiliary = raw.subfile_type & 5 != 0
        description = TIFFText.string(raw.description)
        metadata = Self.metadata(raw, layout: layout, note: note)
        if hasAlpha { metadata["alpha"] = raw.first_extra == 1 ? "associated" : "unassociated" }
        if photometric == .minIsWhite, kind != .unsigned { metadata["minIsWhite"] = "as stored (not turned round)" }
        if photometric == .unstated { metadata["photometric"] = "unstated" }
        obstacle = Self.obstacle(raw, type, photometric, planar: planar)
        if photometric == .palette, obstacle == nil, palette.count < 1 << min(16, type.bits) {
            obstacle = Diagnostic(.damagedFile, "the page is a palette image without a palette")
        }
        if photometric == .yCbCr, obstacle == nil {
            metadata["decodedTo"] = "rgb"
            if raw.compression != TIFFNames.jpeg {
                yCbCr = TIFFYCbCr(raw)
                if yCbCr == nil {
                    obstacle = Diagnostic(.damagedFile, "the page's YCbCr coefficients or subsampling make no sense")
                }
            }
        }
        // libtiff goes on without such tags: it takes a palette image whose palette is cut off for a gray one, and fills
        // missing offsets with zeros, as if the blocks were left out on purpose.
        if raw.damaged != 0 {
            obstacle = Diagnostic(
                .damagedFile, "the page's directory is damaged: \(note ?? "a tag is cut off")",
                remedy: "the file may be truncated; fetch or write it again")
        }
        if obstacle == nil { obstacle = layout.obstacle(for: self, rawBits: Int(raw.bits)) }
    }

    /// What is known not to be decodable, by name.
    private static func obstacle(
        _ raw: ctiff_page, _ type: SampleType, _ photometric: TIFFPhotometric, planar: Bool
    ) -> Diagnostic? {
        func unsupported(_ what: String, _ remedy: String? = nil) -> Diagnostic {
            Diagnostic(.unsupportedFeature, "\(what) cannot be read", remedy: remedy)
        }
        let name = TIFFNames.compression(raw.compression)
        if !TIFFNames.isDecodable(raw.compression) {
            return unsupported("\(name) compression", "save the image uncompressed or with deflate")
        }
        if raw.format == 5 || raw.format == 6 {
            return unsupported("complex samples", "save magnitude and phase as channels")
        }
        if raw.bits > 64 { return unsupported("samples of \(raw.bits) bits") }
        if type.kind == .float, ![16, 24, 32, 64].contains(type.bits) {
            return unsupported("floats of \(type.bits) bits")
        }
        if raw.depth > 1 { return unsupported("pages with a depth (\(raw.depth) planes in one directory)") }
        if raw.compression == TIFFNames.jpeg || raw.compression == TIFFNames.oldJPEG, raw.bits != 8 {
            return unsupported("\(raw.bits)-bit JPEG")
        }
        if photometric == .palette, type.kind != .unsigned || type.bits > 16 {
            return unsupported("a palette of \(type)")
        }
        if photometric == .palette, raw.samples > 1, type.bits != 8 || type.kind != .unsigned {
            return unsupported("a palette of \(raw.bits) bits with further samples")
        }
        if photometric == .yCbCr, raw.compression != TIFFNames.jpeg {
            if planar { return unsupported("YCbCr in separate planes") }
            if raw.samples != 3 || raw.bits != 8 || type.kind != .unsigned {
                return unsupported("YCbCr of \(raw.samples) samples with \(raw.bits) bits")
            }
        }
        if case .other(let number) = photometric, ![32803, 34892, 51177].contains(number) {
            return unsupported("photometric interpretation \(number)")
        }
        return nil
    }

    private static func palette(_ raw: ctiff_page) -> [SIMD3<UInt8>] {
        guard let red = raw.red, let green = raw.green, let blue = raw.blue, raw.bits <= 16 else { return [] }
        let count = 1 << Int(raw.bits)
        // Some writers store 8-bit colours in the 16-bit table; libtiff's tools tell them by the absence of larger values.
        var wide = false
        for i in 0..<count where (red[i] | green[i] | blue[i]) > 255 { wide = true }
        let shift: UInt16 = wide ? 8 : 0
        return (0..<count).map {
            [
                UInt8(truncatingIfNeeded: red[$0] >> shift), UInt8(truncatingIfNeeded: green[$0] >> shift),
                UInt8(truncatingIfNeeded: blue[$0] >> shift),
            ]
        }
    }

    private static func metadata(_ raw: ctiff_page, layout: TIFFLayout, note: String?) -> [String: String] {
        var metadata: [String: String] = [:]
        func keep(_ key: String, _ text: UnsafePointer<CChar>?) {
            guard let value = TIFFText.string(text), !value.isEmpty else { return }
            metadata[key] = value.utf8.count <= 2048 ? value : String(value.prefix(2048)) + "…"
        }
        keep("description", raw.description)
        keep("software", raw.software)
        keep("pageName", raw.page_name)
        keep("documentName", raw.document_name)
        keep("dateTime", raw.date_time)
        if raw.has_resolution != 0 {
            let unit = raw.resolution_unit == 2 ? "per inch" : raw.resolution_unit == 3 ? "per cm" : "without unit"
            metadata["resolution"] = "\(Float(raw.x_resolution)) × \(Float(raw.y_resolution)) \(unit)"
        }
        if raw.orientation > 1 { metadata["orientation"] = "\(raw.orientation)" }
        if raw.predictor > 1 { metadata["predictor"] = raw.predictor == 3 ? "float" : "horizontal" }
        if raw.tiled != 0 { metadata["tile"] = "\(raw.block_width) × \(raw.block_height)" }
        metadata["bitsPerSample"] = "\(raw.bits)"
        if raw.icc_bytes > 0 { metadata["iccProfile"] = "\(raw.icc_bytes) bytes" }
        if raw.sub_directories > 0 { metadata["subDirectories"] = "\(raw.sub_directories)" }
        if raw.absent_blocks > 0 { metadata["absentBlocks"] = "\(raw.absent_blocks) of \(raw.blocks) (all zeros)" }
        if raw.subfile_type & 1 != 0 { metadata["subfile"] = "reduced" }
        if raw.subfile_type & 4 != 0 { metadata["subfile"] = "mask" }
        if let note { metadata["warning"] = note }
        return metadata
    }
}
