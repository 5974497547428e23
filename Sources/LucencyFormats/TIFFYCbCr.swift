import CTIFF

/// Subsampled YCbCr outside JPEG, turned into RGB.
///
/// TIFF 6.0, section 21: a data unit holds the luma of `sx × sy` pixels, then one Cb and one Cr, which is not
/// interpolated here (as in libtiff's own conversion).
struct TIFFYCbCr {
    private let sx, sy: Int
    private let redCr, greenCb, greenCr, blueCb: Float
    private let black: SIMD3<Float>
    private let scale: SIMD3<Float>

    /// nil where coefficients or reference values make no sense.
    init?(_ raw: ctiff_page) {
        sx = Int(raw.subsampling_x)
        sy = Int(raw.subsampling_y)
        let (r, g, b) = raw.luma
        let reference = raw.reference
        black = [reference.0, reference.2, reference.4]
        let white = SIMD3(reference.1, reference.3, reference.5)
        guard [1, 2, 4].contains(sx), [1, 2, 4].contains(sy), g != 0, r.isFinite, g.isFinite, b.isFinite else {
            return nil
        }
        let width = white - black
        guard width.x != 0, width.y != 0, width.z != 0, width.x.isFinite, width.y.isFinite, width.z.isFinite else {
            return nil
        }
        scale = SIMD3(255, 127, 127) / width
        redCr = 2 - 2 * r
        blueCb = 2 - 2 * b
        greenCb = -b * blueCb / g
        greenCr = -r * redCr / g
    }

    /// Bytes of the data units of a block; saturates.
    func packedBytes(width: Int, height: Int) -> Int {
        let units = ((width + sx - 1) / sx).multipliedReportingOverflow(by: (height + sy - 1) / sy)
        let bytes = units.partialValue.multipliedReportingOverflow(by: sx * sy + 2)
        return units.overflow || bytes.overflow ? .max : bytes.partialValue
    }

    /// Unpacks `height` rows of data units to interleaved RGB bytes.
    func convert(_ source: UnsafePointer<UInt8>, width: Int, height: Int, into target: UnsafeMutablePointer<UInt8>) {
        let unit = sx * sy + 2, across = (width + sx - 1) / sx
        for y in 0..<height {
            let row = source + (y / sy) &* across &* unit, line = (y % sy) &* sx
            for x in 0..<width {
                let data = row + (x / sx) &* unit
                let luma = (Float(data[line &+ x % sx]) - black.x) * scale.x
                let cb = (Float(data[unit &- 2]) - black.y) * scale.y
                let cr = (Float(data[unit &- 1]) - black.z) * scale.z
                let out = target + (y &* width &+ x) &* 3
                out[0] = Self.byte(luma + redCr * cr)
                out[1] = Self.byte(luma + greenCb * cb + greenCr * cr)
                out[2] = Self.byte(luma + blueCb * cb)
            }
        }
    }

    private static func byte(_ value: Float) -> UInt8 { UInt8(max(0, min(255, value.rounded()))) }
}
