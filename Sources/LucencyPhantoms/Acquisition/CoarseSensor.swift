import LucencyFoundation
import LucencyImaging

/// A picture as a camera with wider pixels would have taken it: blurred, averaged over each of its pixels, and with its noise.
///
/// By default as the histology phantom makes its `low2`, `low4` and `low8` out of light; out of a picture, whose own noise
/// is averaged and thus small, the result differs from theirs by little.
public struct CoarseSensor: Sendable, Hashable {
    /// Pixels of the picture along each side of one of the sensor's, 1...64.
    public var factor: Int
    /// Standard deviation of the blur before the sensor, in its own pixels, 0...8.
    public var blur: Double
    /// Standard deviation of shot noise at full intensity, in the picture's levels. It grows with the root of intensity.
    public var noise: Double
    /// Standard deviation of the noise that is there without light, too.
    public var readNoise: Double
    /// The level of full intensity, such as 255; nil takes the greatest that the picture's file can store.
    public var white: Double?
    /// Whether the sensor stores whole levels of 0...white.
    public var rounds: Bool

    public init(
        factor: Int = 4, blur: Double = 0.4, noise: Double = 2, readNoise: Double = 0, white: Double? = nil,
        rounds: Bool = true
    ) {
        self.factor = factor
        self.blur = blur
        self.noise = noise
        self.readNoise = readNoise
        self.white = white
        self.rounds = rounds
    }

    /// - Throws: `Diagnostic` when a number is out of range.
    public func check() throws(Diagnostic) {
        guard 1...64 ~= factor, 0...8 ~= blur, noise >= 0, noise.isFinite, readNoise >= 0, readNoise.isFinite,
            white.map({ $0 > 0 && $0.isFinite }) ?? true
        else {
            throw Diagnostic(
                .badArgument,
                "a sensor with a factor of \(factor), a blur of \(blur) pixels, noise of \(noise) and \(readNoise) levels is "
                    + "not possible", remedy: "take a factor of 1...64, a blur of 0...8 and noise that is not negative")
        }
    }

    /// The sensor's grid: of pixels `factor` times as far apart along x and y, each where the pixels are that it covers.
    /// - Throws: `Diagnostic` when the picture's sides are no multiples of the factor.
    public func geometry(of fine: Geometry) throws(Diagnostic) -> Geometry {
        try check()
        guard fine.size.x % factor == 0, fine.size.y % factor == 0 else {
            throw Diagnostic(
                .sizeMismatch, "a picture of \(fine.size) has no whole number of pixels \(factor) times as wide",
                remedy: "bring it to multiples of \(factor) first (`resample` with `size`)")
        }
        let half = (Double(factor) - 1) / 2, f = Double(factor), map = fine.indexToWorld
        return try Geometry(
            size: GridSize(fine.size.x / factor, fine.size.y / factor, fine.size.z),
            indexToWorld: Affine3(
                x: map.x * f, y: map.y * f, z: map.z, offset: map.offset + (map.x + map.y) * half),
            spacingSource: fine.spacingSource)
    }

    /// - Parameter stream: the random numbers of a row, counted over slices; a row's channels follow one another.
    /// - Throws: `Diagnostic` as `check` and `geometry(of:)`, or when there is noise and nothing says what full intensity is.
    public func callAsFunction(
        _ image: Image, pool: ThreadPool = .serial, stream: (_ row: Int) -> PhiloxStream
    ) throws(Diagnostic) -> Image {
        let geometry = try geometry(of: image.geometry), size = geometry.size
        let white = white ?? image.origin?.stored.integerRange?.upperBound
        guard let white = white ?? (noise == 0 && !rounds ? 1 : nil) else {
            throw Diagnostic(
                .badArgument, "nothing says what level full intensity has, on which a sensor's noise depends",
                remedy: "state it: `white: 255`; or no noise and no rounding: `noise: 0`, `round: false`")
        }
        let fine = image.size.x * image.size.y, plane = size.x * size.y
        var pixels = [Float](repeating: 0, count: image.channels * size.count)
        for channel in 0..<image.channels {
            for slice in 0..<size.z {
                let values = image.withChannel(channel) { Array($0[slice * fine..<(slice + 1) * fine]) }
                let coarse = TissueMicroscope.coarse(
                    [values], width: image.size.x, height: image.size.y, factor: factor, sigma: blur, pool: pool)[0]
                let start = (channel * size.z + slice) * plane
                pixels.replaceSubrange(start..<start + plane, with: coarse)
            }
        }
        if noise > 0 || readNoise > 0 {
            for row in 0..<size.z * size.y {
                var random = stream(row)
                for channel in 0..<image.channels {
                    let start = (channel * size.z * size.y + row) * size.x
                    for i in start..<start + size.x {
                        let light = max(0, Double(pixels[i])) / white
                        let deviation = (noise * noise * light + readNoise * readNoise).squareRoot()
                        pixels[i] += Float(deviation * random.normal())
                    }
                }
            }
        }
        if rounds {
            let top = Float(white)
            for i in pixels.indices { pixels[i] = min(max(pixels[i], 0), top).rounded() }
        }
        return try Image(
            geometry: geometry, colorModel: image.colorModel, pixels: AlignedBuffer(pixels),
            origin: rounds ? image.origin : image.origin?.rescaled)
    }
}
