import CTIFF

/// Numbers of the TIFF specification and their names.
enum TIFFNames {
    /// Compression schemes, as libtiff names them, in lower case.
    static func compression(_ number: UInt16) -> String {
        switch number {
        case 1: "none"
        case 2: "ccitt-rle"
        case 3: "ccitt-fax3"
        case 4: "ccitt-fax4"
        case 5: "lzw"
        case 6: "old-jpeg"
        case 7: "jpeg"
        case 8, 32946: "deflate"
        case 9: "t85"
        case 10: "t43"
        case 32766: "next"
        case 32771: "ccitt-rlew"
        case 32773: "packbits"
        case 32809: "thunderscan"
        case 32908: "pixarfilm"
        case 32909: "pixarlog"
        case 32947: "dcs"
        case 33003, 33004, 33005, 34712: "jpeg2000"
        case 34661: "jbig"
        case 34676: "sgilog"
        case 34677: "sgilog24"
        case 34887: "lerc"
        case 34892: "lossy-jpeg"
        case 34925: "lzma"
        case 34926, 50000: "zstd"
        case 34927, 50001: "webp"
        case 34934: "jpeg-xr"
        case 50002, 52546: "jpeg-xl"
        default: "compression \(number)"
        }
    }

    /// Whether this libtiff can decode a scheme.
    static func isDecodable(_ compression: UInt16) -> Bool { ctiff_has_codec(compression) != 0 }

    /// Schemes whose strips libtiff can decode a row at a time.
    static func streamsRows(_ compression: UInt16) -> Bool {
        [1, 2, 3, 4, 5, 8, 32771, 32773, 32946, 34925, 50000].contains(compression)
    }

    static let lzw: UInt16 = 5, oldJPEG: UInt16 = 6, jpeg: UInt16 = 7, deflate: UInt16 = 8
    static let packBits: UInt16 = 32773, zstd: UInt16 = 50000
}

/// What the samples of a page mean (PhotometricInterpretation).
enum TIFFPhotometric: Equatable {
    case minIsWhite, minIsBlack, rgb, palette, mask, separated, yCbCr, cieLab, iccLab, ituLab, logL, logLuv
    case unstated
    case other(UInt16)

    init(_ number: UInt16) {
        switch number {
        case 0: self = .minIsWhite
        case 1: self = .minIsBlack
        case 2: self = .rgb
        case 3: self = .palette
        case 4: self = .mask
        case 5: self = .separated
        case 6: self = .yCbCr
        case 8: self = .cieLab
        case 9: self = .iccLab
        case 10: self = .ituLab
        case 32844: self = .logL
        case 32845: self = .logLuv
        case 0xFFFF: self = .unstated
        default: self = .other(number)
        }
    }

    /// One intensity per pixel, before extra samples.
    var isGray: Bool { [.minIsWhite, .minIsBlack, .mask, .logL, .unstated].contains(self) }

    func name(samples: Int, hasAlpha: Bool) -> String {
        switch self {
        case .minIsBlack, .unstated: samples == 1 ? "gray" : hasAlpha && samples == 2 ? "gray+alpha" : "channels"
        case .minIsWhite: hasAlpha ? "min-is-white+alpha" : "min-is-white"
        case .rgb: samples == 3 ? "rgb" : hasAlpha && samples == 4 ? "rgba" : "rgb+channels"
        case .palette: hasAlpha ? "palette+alpha" : "palette"
        case .mask: "mask"
        case .separated: samples == 4 ? "cmyk" : "separated"
        case .yCbCr: "ycbcr"
        case .cieLab: "cielab"
        case .iccLab: "icclab"
        case .ituLab: "itulab"
        case .logL: "logl"
        case .logLuv: "logluv"
        case .other(32803): "cfa"
        case .other(34892): "linear-raw"
        case .other(51177): "depth"
        case .other(let number): "photometric \(number)"
        }
    }
}
