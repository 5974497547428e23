import LucencyFoundation

/// What a decoder may spend on a file before it refuses it.
public struct ReadLimits: Hashable, Sendable {
    /// Bytes that the unpacked stored samples of what is read may take.
    public var bytes: Int
    /// Pages (directories) that a file may have.
    public var pages: Int

    public init(bytes: Int = 4 << 30, pages: Int = 65_536) {
        self.bytes = bytes
        self.pages = pages
    }

    /// 4 GiB and 65,536 pages.
    public static let standard = ReadLimits()

    /// - Throws: `Diagnostic` naming both sizes and the option that raises the limit.
    public func require(_ needed: Int, for what: String) throws(Diagnostic) {
        guard needed > bytes || needed < 0 else { return }
        throw Diagnostic(
            .tooLarge, "\(what) would take \(needed) bytes unpacked; the limit is \(bytes)",
            remedy: "if the file is trusted, raise the limit: `--max-image-size \((max(0, needed) >> 30) + 1)GB`")
    }
}

/// What one page of a file holds, known without decoding pixels.
public struct PageHeader: Hashable, Sendable {
    public var width: Int
    public var height: Int
    public var samplesPerPixel: Int
    public var sampleType: SampleType
    /// NumPy's name of the unpacked stored array's type, as the format's reference readers give it: PNG unpacks one-bit
    /// samples to `uint8`, where TIFF has `bool`.
    public var dtype: String
    /// Axes of the stored array, slowest first: `yx`, `yxc` (chunky) or `cyx` (planar).
    public var axes: String
    /// The format's word: `gray`, `gray+alpha`, `rgb`, `rgba`, `palette`, `min-is-white`, `cmyk`, `ycbcr`, …
    public var colorType: String
    /// The format's name of the compression.
    public var compression: String
    /// Millimetres per pixel along x and y, where stated.
    public var spacing: SIMD2<Double>?
    public var spacingUnit: LengthUnit?
    /// Other facts by the format's own names.
    public var metadata: [String: String]

    public init(
        width: Int, height: Int, samplesPerPixel: Int, sampleType: SampleType, dtype: String? = nil, axes: String,
        colorType: String, compression: String, spacing: SIMD2<Double>? = nil, spacingUnit: LengthUnit? = nil,
        metadata: [String: String] = [:]
    ) {
        self.width = width
        self.height = height
        self.samplesPerPixel = samplesPerPixel
        self.sampleType = sampleType
        self.dtype = dtype ?? sampleType.description
        self.axes = axes
        self.colorType = colorType
        self.compression = compression
        self.spacing = spacing
        self.spacingUnit = spacingUnit
        self.metadata = metadata
    }

    /// The stored array's extent in the order of `axes`.
    public var shape: [Int] {
        axes.map { $0 == "x" ? width : $0 == "y" ? height : samplesPerPixel }
    }

    /// Bytes of the unpacked stored array; saturates instead of overflowing.
    public var unpackedBytes: Int {
        GridSize(width, height, max(1, samplesPerPixel)).count.multipliedReportingOverflow(by: sampleType.unpackedBytes)
            .overflow ? .max : GridSize(width, height, max(1, samplesPerPixel)).count * sampleType.unpackedBytes
    }
}

/// What a file holds, known without decoding pixels.
public struct FileHeader: Hashable, Sendable {
    /// `png`, `tiff`, `jpeg`.
    public var format: String
    public var pages: [PageHeader]
    /// The geometry and colour model of the image that `read` would make with the same page selection.
    public var geometry: Geometry
    public var colorModel: ColorModel

    public init(format: String, pages: [PageHeader], geometry: Geometry, colorModel: ColorModel) {
        self.format = format
        self.pages = pages
        self.geometry = geometry
        self.colorModel = colorModel
    }

    /// Bytes of the `Image` that `read` would make; saturates instead of overflowing.
    public var imageBytes: Int {
        let bytes = geometry.size.count.multipliedReportingOverflow(
            by: colorModel.channelCount * MemoryLayout<Float>.size)
        return bytes.overflow ? .max : bytes.partialValue
    }
}

/// Exact facts about the stored samples of one page, taken from the decoder's own bytes.
public struct StoredFacts: Hashable, Sendable {
    public var min: Double
    public var max: Double
    /// Mean in double precision.
    public var mean: Double
    /// SHA-256 of the unpacked little-endian samples in the order of `PageHeader.axes`.
    public var sha256: String

    public init(min: Double, max: Double, mean: Double, sha256: String) {
        self.min = min
        self.max = max
        self.mean = mean
        self.sha256 = sha256
    }
}

/// Which pages of a multi-page file make the image.
public enum PageSelection: Hashable, Sendable {
    /// A single page as a 2-D image; several equal pages as a volume; unequal pages are an error.
    case automatic
    /// One page, counted from 1.
    case page(Int)
}

/// A reader of one file format. Every method takes hostile files: it throws `Diagnostic`, it never traps.
public protocol ImageFormat: Sendable {
    /// `png`, `tiff`, `jpeg`.
    var name: String { get }
    /// Lower-case file extensions without a dot.
    var fileExtensions: [String] { get }
    /// Raised whenever decoding gives other values than before; part of every item's key.
    var revision: Int { get }
    /// Whether the first (up to 16) bytes of a file announce this format.
    func recognizes(_ head: [UInt8]) -> Bool
    /// Reads the header only.
    func header(of path: String, pages: PageSelection, limits: ReadLimits) throws -> FileHeader
    /// Reads intensities: palettes become colours, transparency becomes alpha, min-is-white is turned round once.
    /// `region` is relative to the selected image; nil reads all of it.
    func readImage(_ path: String, pages: PageSelection, region: Region?, limits: ReadLimits) throws -> Image
    /// Reads labels: palette indices and integers as they are stored; the palette becomes the label table's colours.
    /// Refuses floats with fractions and colour images, except gray-as-RGB (equal channels).
    func readLabels(_ path: String, pages: PageSelection, limits: ReadLimits) throws -> LabelMap
    /// Decodes one page (from 1), a band at a time, and describes its stored samples.
    func storedFacts(of path: String, page: Int, limits: ReadLimits) throws -> StoredFacts
}

/// Options of a writer; each writer refuses those it cannot honour.
public struct WriteOptions: Hashable, Sendable {
    /// Bits per sample; nil keeps the stored depth where the format can, else is refused as a loss.
    public var bits: Int?
    /// `float` samples instead of integers (TIFF, 32 bits).
    public var float: Bool
    /// TIFF: `none`, `deflate`, `lzw`, `packbits`, `zstd`. PNG: `fast`, `small`.
    public var compression: String?
    /// TIFF: tile side in pixels, a multiple of 16; nil writes strips.
    public var tile: Int?
    /// TIFF: horizontal (integers) or floating-point predictor with deflate, lzw and zstd.
    public var predictor: Bool
    /// Maps the image's own range (or the stored type's range) to the full range of the target depth. Without it, values
    /// that the target cannot hold exactly are refused.
    public var rescale: Bool
    /// Maps 0...1 to the full range of the target depth, as for probabilities: off by at most 1/510 with 8 bits and 1/131070
    /// with 16. Values outside are refused.
    public var unit: Bool
    /// Rounds fractions to the nearest whole number, half to even, instead of refusing them; what then lies outside the
    /// target's range is refused. Not with `rescale`, `unit` or `float`.
    public var round: Bool

    public init(
        bits: Int? = nil, float: Bool = false, compression: String? = nil, tile: Int? = nil, predictor: Bool = true,
        rescale: Bool = false, unit: Bool = false, round: Bool = false
    ) {
        self.bits = bits
        self.float = float
        self.compression = compression
        self.tile = tile
        self.predictor = predictor
        self.rescale = rescale
        self.unit = unit
        self.round = round
    }
}

/// A writer of one file format. Writes to the given path directly; atomic replacement is the caller's business.
public protocol ImageEncoder: Sendable {
    var name: String { get }
    var fileExtensions: [String] { get }
    /// Raised whenever the bytes written for the same values change; part of every item's key.
    var revision: Int { get }
    /// Refuses values outside the depth, fractions and channels the format cannot hold, instead of losing them.
    func write(_ image: Image, to path: String, options: WriteOptions) throws
    /// Writes label values unchanged; with a label table of ≤ 256 entries and colours as a palette where the format can.
    func write(_ labels: LabelMap, to path: String, options: WriteOptions) throws
    /// Writes one plane per class: PNG refuses more than one (or writes the foreground of a two-class simplex), TIFF uses
    /// pages. 8 or 16 bits quantise (error ≤ half a step); `float` is exact.
    func write(_ probabilities: ProbabilityMap, to path: String, options: WriteOptions) throws
}
