/// Where the film lies, and what the exposure is: drawn per picture.
///
/// Partial volumes are averaged as path lengths, before the law of Beer and Lambert: the picture's pixel attenuates as the
/// mean of the finer grid's paths, so that `bonePath` and `softPath` are exactly those of the picture. A real detector
/// averages transmissions, which lowers the log attenuation by half its variance within the pixel: by 0.05 where an edge
/// halves the signal in a quarter of it. Only films with pixels above `finePixel` mm have a finer grid.
struct ThoraxFilm: Sendable {
    /// The image's grid, and the finer one on which path lengths are computed.
    let grid: ThoraxGrid
    let fine: ThoraxGrid
    let factor: Int
    /// The film's side in mm for a patient of size 1: the same number for every count of pixels.
    let side: Double
    let projector: XRayProjector
    let darkest: Double
    let brightest: Double
    let compression: Double
    let compressionScale: Double
    let detail: Double
    let detailScale: Double

    /// Path lengths are computed on pixels of at most this many mm, up to 4 times as many as the image has each way.
    private static let finePixel = 0.85

    /// How many times finer than the image's pixels, of a width in mm, those of the path lengths are.
    static func factor(spacing: Double) -> Int {
        Int(min(4, max(1, (spacing / finePixel).rounded(.up))))
    }

    init(_ phantom: ThoraxPhantom, _ anatomy: ThoraxAnatomy, _ draws: inout PhantomDraws) {
        let spacing = phantom.fieldOfView / Double(phantom.size), pixel = spacing / anatomy.size
        factor = Self.factor(spacing: spacing)
        side = phantom.fieldOfView / anatomy.size
        let shift = draws.normal("film.shift", standardDeviation: 5)
        let level = draws.normal("film.level", standardDeviation: 7)
        let left = shift - side / 2, top = anatomy.lungHeight / 2 + 14 + level - side / 2
        grid = ThoraxGrid(count: phantom.size, pixel: pixel, left: left, top: top)
        fine = ThoraxGrid(count: phantom.size * factor, pixel: pixel / Double(factor), left: left, top: top)

        let exposure = phantom.exposure
        let photons = draws.number("exposure.photons", in: exposure.photons)
        var projector = XRayProjector(photons: photons * spacing * spacing)
        projector.electronicNoise = draws.number("exposure.electronicNoise", in: exposure.electronicNoise)
        projector.scatter = draws.number("exposure.scatter", in: exposure.scatter)
        projector.scatterSpread = draws.number("exposure.scatterSpread", in: exposure.scatterSpread) / spacing
        projector.blur = draws.number("exposure.blur", in: exposure.blur) / spacing
        self.projector = projector
        darkest = draws.number("display.darkest", in: phantom.display.darkest)
        brightest = draws.number("display.brightest", in: phantom.display.brightest)
        compression = draws.number("display.compression", in: phantom.display.compression)
        compressionScale = phantom.display.compressionScale / spacing
        detail = draws.number("display.detail", in: phantom.display.detail)
        detailScale = phantom.display.detailScale / spacing
    }
}
