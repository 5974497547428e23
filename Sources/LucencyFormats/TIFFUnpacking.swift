import LucencyImaging

/// Samples of unusual widths, unpacked to the next of 1, 2, 4 or 8 bytes.
///
/// libtiff hands out 16, 32 and 64-bit samples in the machine's byte order; every other width is a stream of bits, most
/// significant first, whose rows begin at a byte. 24 bits are between the two: libtiff turns the bytes of a file round
/// whose order is not the machine's, but writers put integers most significant byte first even in little-endian files
/// (image-tiff's test files, read so by tifffile); floats keep the file's order.
enum TIFFUnpacking {
    /// Whether libtiff's bytes are already the unpacked samples.
    static func isNeeded(_ type: SampleType) -> Bool { ![8, 16, 32, 64].contains(type.bits) }

    /// Unpacks rows. `perRow` samples fill a row of the source; the target has no gaps.
    static func unpack(
        _ source: UnsafePointer<UInt8>, rowBytes: Int, rows: Int, perRow: Int, type: SampleType, swapped: Bool,
        into target: UnsafeMutableRawPointer
    ) {
        for row in 0..<rows {
            let line = source + row &* rowBytes
            let out = target + row &* perRow &* type.unpackedBytes
            switch (type.kind, type.bits) {
            case (.float, 24): float24(line, perRow, out.assumingMemoryBound(to: Float.self))
            case (_, 24) where swapped:
                triples(line, perRow, signed: type.kind == .signed, out.assumingMemoryBound(to: UInt32.self))
            default:
                switch type.unpackedBytes {
                case 1: bits(line, perRow, type, out.assumingMemoryBound(to: UInt8.self))
                case 2: bits(line, perRow, type, out.assumingMemoryBound(to: UInt16.self))
                case 4: bits(line, perRow, type, out.assumingMemoryBound(to: UInt32.self))
                default: wideBits(line, perRow, type, out.assumingMemoryBound(to: UInt64.self))
                }
            }
        }
    }

    /// Up to 32 bits a sample.
    private static func bits<T: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafePointer<UInt8>, _ count: Int, _ type: SampleType, _ out: UnsafeMutablePointer<T>
    ) {
        let width = UInt64(type.bits), mask = (UInt64(1) << width) &- 1
        let sign: UInt64 = type.kind == .signed ? 1 << (width &- 1) : 0
        var window: UInt64 = 0, held: UInt64 = 0, at = 0
        for i in 0..<count {
            while held < width {
                window = (window << 8) | UInt64(source[at])
                held &+= 8
                at &+= 1
            }
            held &-= width
            // (v ^ s) − s extends the sign bit s.
            out[i] = T(truncatingIfNeeded: (((window >> held) & mask) ^ sign) &- sign)
        }
    }

    /// 33 to 63 bits a sample.
    private static func wideBits(
        _ source: UnsafePointer<UInt8>, _ count: Int, _ type: SampleType, _ out: UnsafeMutablePointer<UInt64>
    ) {
        let sign: UInt64 = type.kind == .signed ? 1 << UInt64(type.bits &- 1) : 0
        var position = 0
        for i in 0..<count {
            var value: UInt64 = 0, left = type.bits
            while left > 0 {
                let offset = position & 7, take = min(8 &- offset, left)
                let mask: UInt64 = (1 << UInt64(take)) &- 1
                let part = (UInt64(source[position >> 3]) >> UInt64(8 &- offset &- take)) & mask
                value = (value << UInt64(take)) | part
                position &+= take
                left &-= take
            }
            out[i] = (value ^ sign) &- sign
        }
    }

    private static func triples(
        _ source: UnsafePointer<UInt8>, _ count: Int, signed: Bool, _ out: UnsafeMutablePointer<UInt32>
    ) {
        let sign: UInt32 = signed ? 0x80_0000 : 0
        for i in 0..<count { out[i] = (triple(source + 3 &* i) ^ sign) &- sign }
    }

    private static func triple(_ source: UnsafePointer<UInt8>) -> UInt32 {
        UInt32(source[0]) | UInt32(source[1]) << 8 | UInt32(source[2]) << 16
    }

    /// 1 sign, 7 exponent (bias 63) and 16 fraction bits (Adobe Photoshop TIFF Technical Note 3), as float32.
    private static func float24(_ source: UnsafePointer<UInt8>, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
        for i in 0..<count {
            let raw = triple(source + 3 &* i)
            let sign = (raw >> 23) << 31, exponent = (raw >> 16) & 0x7F, fraction = raw & 0xFFFF
            switch exponent {
            case 0:
                out[i] = Float(
                    bitPattern: Float(sign: .plus, exponent: -62 - 16, significand: Float(fraction)).bitPattern | sign)
            case 0x7F: out[i] = Float(bitPattern: sign | 0x7F80_0000 | (fraction << 7))
            default: out[i] = Float(bitPattern: sign | ((exponent &+ 64) << 23) | (fraction << 7))
            }
        }
    }
}
