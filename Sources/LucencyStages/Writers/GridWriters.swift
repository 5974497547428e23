import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyPipeline

/// Options that a PNG can honour.
private struct PNGOptions: Sendable {
    var bits: Int?
    var compression = PNGCompression.fast
    var rescale = false
    var unit = false
    var round = false
    var palette = false

    var options: WriteOptions {
        WriteOptions(bits: bits, compression: compression.rawValue, rescale: rescale, unit: unit, round: round)
    }
}

private enum PNGCompression: String, ChoiceParameter { case fast, small }

/// Options that a TIFF can honour.
private struct TIFFOptions: Sendable {
    var bits: Int?
    var float = false
    var compression = TIFFCompression.deflate
    var tile: Int?
    var predictor = true
    var rescale = false
    var unit = false
    var round = false
    var palette = false

    var options: WriteOptions {
        WriteOptions(
            bits: bits, float: float, compression: compression.rawValue, tile: tile, predictor: predictor,
            rescale: rescale, unit: unit, round: round)
    }
}

private enum TIFFCompression: String, ChoiceParameter { case none, deflate, lzw, packbits, zstd }

private let pngBits = Parameter<PNGOptions>(
    "bits", \.bits, in: .within(8...16), help: "Bits per sample, 8 or 16; left out: as stored, if the values fit.")
private let pngCompression = Parameter<PNGOptions>("compression", \.compression, help: "Fast, or smaller and slower.")
private let pngRescale = Parameter<PNGOptions>(
    "rescale", \.rescale, help: "Spread the values over the full range; without it, a loss is refused.")
private let unitHelp =
    "Store 0...1 over the full range of 8 or 16 bits, as for probabilities: off by at most 0.002 or 0.000008."
private let roundHelp =
    "Round fractions to the nearest whole number; without it, they are refused. What lies beyond the depth's range still is."
private let pngRound = Parameter<PNGOptions>("round", \.round, help: roundHelp)
private let tiffRound = Parameter<TIFFOptions>("round", \.round, help: roundHelp)
private let pngUnit = Parameter<PNGOptions>("unit", \.unit, help: unitHelp)
private let tiffUnit = Parameter<TIFFOptions>("unit", \.unit, help: unitHelp)
private let quantized = "8 or 16 quantise, off by at most 0.002 or 0.000008"
private let tiffCommon: [Parameter<TIFFOptions>] = [
    Parameter("compression", \.compression, help: "Codec."),
    Parameter(
        "tile", \.tile, in: .within(16...65536), help: "Side of tiles in pixels, a multiple of 16; left out: strips."),
    Parameter("predictor", \.predictor, help: "Store differences, which compress better."),
]
private let tiffDepth: [Parameter<TIFFOptions>] = [
    Parameter(
        "bits", \.bits, in: .within(8...32),
        help: "Bits per sample, 8, 16 or 32; left out: as stored, if the values fit."),
    Parameter("float", \.float, help: "Store 32-bit floating-point samples."),
]
/// Of the bytes that are written: readers count their own.
private let tiffRevision = 3
private let tiffRescale = Parameter<TIFFOptions>(
    "rescale", \.rescale, help: "Spread the values over the full range; without it, a loss is refused.")

extension WriterDescriptor {
    static let imagePNG = WriterDescriptor(
        Image.self, extensions: ["png"], "PNG, 8 or 16 bits.", prototype: PNGOptions(), revision: PNGFormat().revision,
        parameters: [pngBits, pngCompression, pngRescale, pngRound, pngUnit]
    ) { try PNGFormat().write($0, to: $1, options: $2.options) }

    static let labelsPNG = WriterDescriptor(
        LabelMap.self, extensions: ["png"], "PNG with label values as samples.", prototype: PNGOptions(),
        revision: PNGFormat().revision,
        parameters: [
            pngBits, pngCompression,
            Parameter("palette", \.palette, help: "Store colours beside the values, so that viewers show them."),
        ]
    ) { try PNGFormat().write($2.palette ? $0.colored() : $0, to: $1, options: $2.options) }

    static let probabilitiesPNG = WriterDescriptor(
        ProbabilityMap.self, extensions: ["png"], "PNG of the foreground's probability (two classes).",
        prototype: PNGOptions(),
        revision: PNGFormat().revision,
        parameters: [
            Parameter("bits", \.bits, in: .within(8...16), help: "\(quantized); left out: 8."), pngCompression,
        ]
    ) { try PNGFormat().write($0, to: $1, options: $2.options) }

    static let imageTIFF = WriterDescriptor(
        Image.self, extensions: ["tif", "tiff"], "TIFF; volumes as pages.", prototype: TIFFOptions(),
        revision: tiffRevision, parameters: tiffDepth + tiffCommon + [tiffRescale, tiffRound, tiffUnit]
    ) { try TIFFFormat().write($0, to: $1, options: $2.options) }

    static let labelsTIFF = WriterDescriptor(
        LabelMap.self, extensions: ["tif", "tiff"], "TIFF with label values as samples.", prototype: TIFFOptions(),
        revision: tiffRevision,
        parameters: [
            Parameter(
                "bits", \.bits, in: .within(8...32), help: "8, 16 or 32; left out: the fewest that hold the labels."),
            Parameter("palette", \.palette, help: "Store colours beside the values, so that viewers show them."),
        ] + tiffCommon
    ) { try TIFFFormat().write($2.palette ? $0.colored() : $0, to: $1, options: $2.options) }

    static let probabilitiesTIFF = WriterDescriptor(
        ProbabilityMap.self, extensions: ["tif", "tiff"], "TIFF with a page for each class.", prototype: TIFFOptions(),
        revision: tiffRevision,
        parameters: [
            Parameter("bits", \.bits, in: .within(8...32), help: "\(quantized); left out: 32-bit floating point.")
        ]
            + tiffCommon
    ) { try TIFFFormat().write($0, to: $1, options: $2.options) }
}

extension LabelMap {
    /// The same labels with a colour for each that occurs: two classes become black and white, more get distinct colours.
    fileprivate func colored() throws -> LabelMap {
        var table = table
        let labels = presentLabels()
        let isBinary = (labels + Array(table.keys)).allSatisfy { $0 == 0 || $0 == 1 }
        for label in Set(labels + [0]).union(table.keys) where table[label]?.color == nil && label >= 0 {
            let color: SIMD3<UInt8> =
                label == 0 ? [0, 0, 0] : isBinary ? [255, 255, 255] : Palette.color(of: label, in: table)
            table[label] = LabelClass(name: table[label]?.name ?? "", color: color)
        }
        return try LabelMap(geometry: geometry, labels: self.labels, table: table, origin: origin)
    }
}
