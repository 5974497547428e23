import LucencyFoundation
import LucencyImaging

/// Turns stored PNG samples into channels: palettes into colours, a transparent colour into opacity.
struct PNGExpansion {
    private let palette: [SIMD4<Float>]
    private let isPalette: Bool
    private let hasAlpha: Bool
    private let transparent: [UInt16]?
    private let opaque: Float

    init(_ file: PNGFile) {
        isPalette = file.isPalette
        palette = file.palette.map { SIMD4<Float>($0) }
        hasAlpha = file.info.paletteAlphaCount > 0
        opaque = Float(file.sampleType.integerRange?.upperBound ?? 255)
        let color = file.info.transparent
        transparent = file.info.hasTransparentColor == 0 ? nil : file.isColor ? [color.0, color.1, color.2] : [color.0]
    }

    /// Writes a window of a band to planes.
    func write(
        _ band: StoredSamples, _ window: StoredSamples.Window, into target: UnsafeMutablePointer<Float>,
        planeStride: Int, rowStride: Int
    ) throws(Diagnostic) {
        if isPalette {
            try writeColors(band, window, target, planeStride, rowStride)
            return
        }
        try band.writePlanes(into: target, planeStride: planeStride, rowStride: rowStride, window: window)
        guard let transparent else { return }
        let opacity = target + transparent.count * planeStride
        for row in 0..<window.height {
            for x in 0..<window.width {
                let at = row &* rowStride &+ x
                // 16-bit integers are exact in float32, so colours can be compared there.
                var same = true
                for channel in 0..<transparent.count {
                    same = same && target[channel &* planeStride &+ at] == Float(transparent[channel])
                }
                opacity[at] = same ? 0 : opaque
            }
        }
    }

    private func writeColors(
        _ band: StoredSamples, _ window: StoredSamples.Window, _ target: UnsafeMutablePointer<Float>,
        _ planeStride: Int, _ rowStride: Int
    ) throws(Diagnostic) {
        let offence: Diagnostic? = band.bytes.withUnsafeBufferPointer { bytes in
            palette.withUnsafeBufferPointer { palette in
                for row in 0..<window.height {
                    let start = (window.y + row) &* band.width &+ window.x
                    let out = target + row &* rowStride
                    for x in 0..<window.width {
                        let index = Int(bytes[start &+ x])
                        guard index < palette.count else {
                            return Diagnostic(
                                .damagedFile,
                                "pixel (\(window.x + x), \(band.y + window.y + row)) has palette index \(index), "
                                    + "and the palette has \(palette.count) colours",
                                remedy: "read it as labels, which are the indices themselves, or repair the palette")
                        }
                        let color = palette[index]
                        out[x] = color.x
                        out[planeStride &+ x] = color.y
                        out[2 &* planeStride &+ x] = color.z
                        if hasAlpha { out[3 &* planeStride &+ x] = color.w }
                    }
                }
                return nil
            }
        }
        if let offence { throw offence }
    }
}
