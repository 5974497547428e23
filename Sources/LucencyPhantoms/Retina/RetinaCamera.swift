import LucencyFoundation

/// What the camera adds.
public struct RetinaCamera: Sendable, Hashable {
    /// Standard deviation of the blur, in pixels.
    public var blur = Interval(0.6, 1.0)
    /// Standard deviation of the noise at mid intensity, in grey levels; it grows with the square root of intensity.
    public var noise = Interval(1.5, 3)
    /// How much darker the edge of the field of view is than its middle, 0...1.
    public var vignetting = Interval(0.15, 0.4)
    /// Distance of the brightest place from the middle, as a fraction of the field's radius.
    public var offAxis = Interval(0, 0.35)

    public init() {}

    func check() throws {
        try requireInterval(blur, "blur", within: 0...5)
        try requireInterval(noise, "noise", within: 0...50)
        try requireInterval(vignetting, "vignetting", within: 0...1)
        try requireInterval(offAxis, "offAxis", within: 0...1)
    }

    func drawn(_ draws: inout PhantomDraws) -> Drawn {
        let direction = unitVector(draws.number("camera.direction", in: Interval(0, 2 * .pi)))
        let distance = draws.number("camera.offAxis", in: offAxis)
        return Drawn(
            blur: draws.number("camera.blur", in: blur), noise: draws.number("camera.noise", in: noise),
            vignetting: draws.number("camera.vignetting", in: vignetting),
            axis: (direction.x * distance, direction.y * distance))
    }

    struct Drawn: Sendable {
        let blur, noise, vignetting: Double
        let axis: (x: Double, y: Double)

        /// Relative light at a place, 1 where it is brightest.
        func illumination(_ x: Double, _ y: Double, _ reach: Double) -> Double {
            let d = hypotenuse(x / reach - axis.x, y / reach - axis.y)
            return 1 - vignetting * min(d * d * (0.6 + 0.4 * d), 1.6)
        }

        /// Each channel's plane blurred.
        func blurred(_ planes: [Float], _ size: Int, _ pool: ThreadPool) -> [Float] {
            let blur = PlaneBlur(sigma: blur)
            return (0..<3).flatMap { channel in
                blur(
                    Array(planes[channel * size * size..<(channel + 1) * size * size]), width: size, height: size,
                    pool: pool)
            }
        }

        /// Noise, and its rounding to whole numbers.
        func noisy(_ plane: [Float], _ size: Int, _ draws: PhantomDraws, _ pool: ThreadPool) -> [Float] {
            var seeds = draws.stream("camera.noise")
            let rows = (0..<size).map { _ in seeds.next() }
            var result = plane
            let noise = self.noise
            result.withUnsafeMutableBufferPointer { result in
                nonisolated(unsafe) let result = result
                pool.forEach(size) { row in
                    var random = PhiloxStream(seed: rows[row])
                    for column in 0..<size {
                        // Most of the noise is common to the channels, as after a camera's own colour processing.
                        let shared = 0.75 * random.normal()
                        for channel in 0..<3 {
                            let index = (channel &* size &+ row) &* size &+ column
                            let value = Double(result[index])
                            let deviate = shared + 0.66 * random.normal()
                            let level = noise * (max(value, 2) / 128).squareRoot()
                            result[index] = Float(min(max(value + level * deviate, 0), 255).rounded())
                        }
                    }
                }
            }
            return result
        }
    }
}
