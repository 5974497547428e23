import CJPEG
import CPNG
import CTIFF

/// The system libraries behind the formats, as they are loaded now.
public enum FormatLibraries {
    /// Version of libpng.
    public static var png: String { String(cString: lpng_version()) }
    /// Version of zlib.
    public static var zlib: String { String(cString: lpng_zlib_version()) }
    /// Version of libjpeg; it cannot tell at run time, so this is what the build saw.
    public static var jpeg: String { String(cString: ljpeg_version()) }
    /// Version of libtiff.
    public static var tiff: String {
        // "LIBTIFF, Version 4.5.0" and copyright lines.
        let text = String(cString: ctiff_version())
        return text.split(separator: "\n").first?.split(separator: " ").last.map(String.init) ?? text
    }

    /// The compression schemes that libtiff may be built with or without, and whether it was.
    public static var tiffCodecs: [(name: String, isPresent: Bool)] {
        let schemes: [UInt16] = [
            TIFFNames.deflate, TIFFNames.lzw, TIFFNames.packBits, TIFFNames.jpeg, TIFFNames.zstd, 4, 34925, 50001,
            34887,
        ]
        return schemes.map { (TIFFNames.compression($0), TIFFNames.isDecodable($0)) }
    }
}
