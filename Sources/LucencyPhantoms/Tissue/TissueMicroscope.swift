import LucencyFoundation
import LucencyImaging

/// Optics and sensor: blur, vignette, shot noise, whole grey levels; and the same at lower resolution.
struct TissueMicroscope: Sendable {
    /// The optical blur's standard deviation in pixels.
    let blur: Double
    let vignette: Double

    /// The numerical aperture of the usual plan achromats of 4×, 10×, 20× and 40×, and between them.
    static func aperture(at magnification: Int) -> Double {
        let known = [(40.0, 0.10), (100, 0.25), (200, 0.40), (400, 0.65)], m = Double(magnification)
        guard let next = known.firstIndex(where: { $0.0 >= m }) else { return known[3].1 }
        guard next > 0 else { return known[0].1 }
        let (a, b) = (known[next - 1], known[next])
        return a.1 + (m - a.0) / (b.0 - a.0) * (b.1 - a.1)
    }

    /// The diffraction blur of green light in µm: the Gaussian nearest to the Airy disc has σ = 0.21 λ/NA (Zhang,
    /// Zerubia, Olivo-Marin, "Gaussian approximations of fluorescence microscope point-spread function models", 2007).
    static func diffraction(at magnification: Int) -> Double { 0.21 * 0.55 / aperture(at: magnification) }

    /// Light that reaches the sensor: blurred and vignetted.
    func exposed(_ planes: [[Float]], width: Int, height: Int, pool: ThreadPool) -> [[Float]] {
        planes.map { plane in
            var plane = Self.blurred(plane, width: width, height: height, sigma: blur, pool: pool)
            guard vignette > 0 else { return plane }
            let cx = Float(width - 1) / 2, cy = Float(height - 1) / 2, far = cx * cx + cy * cy
            for row in 0..<height {
                for column in 0..<width {
                    let dx = Float(column) - cx, dy = Float(row) - cy
                    plane[row &* width &+ column] *= 1 - Float(vignette) * (dx * dx + dy * dy) / far
                }
            }
            return plane
        }
    }

    /// What the sensor stores: shot noise with a standard deviation at full intensity, in whole levels of 0...255.
    static func sensed(_ planes: [[Float]], width: Int, noise: Double, draws: PhantomDraws, name: String) -> [Float] {
        var result = planes.flatMap { $0 }
        let height = (planes.first?.count ?? 0) / width
        if noise > 0 {
            for row in 0..<height {
                var random = draws.stream("\(name).\(row)")
                for channel in planes.indices {
                    let start = (channel * height + row) * width
                    for i in start..<start + width {
                        let deviation = noise * (max(0, Double(result[i])) / 255).squareRoot()
                        result[i] += Float(deviation * random.normal())
                    }
                }
            }
        }
        for i in result.indices { result[i] = min(max(result[i], 0), 255).rounded() }
        return result
    }

    /// A sensor with pixels `factor` times as wide: a blur of `sigma` of its pixels, then the mean over each pixel.
    static func coarse(
        _ planes: [[Float]], width: Int, height: Int, factor: Int, sigma: Double, pool: ThreadPool
    ) -> [[Float]] {
        planes.map { plane in
            let soft = blurred(plane, width: width, height: height, sigma: sigma * Double(factor), pool: pool)
            let columns = width / factor, rows = height / factor
            return (0..<columns * rows).map { cell in
                let x = cell % columns * factor, y = cell / columns * factor
                var sum = 0.0
                for row in y..<y + factor { for column in x..<x + factor { sum += Double(soft[row * width + column]) } }
                return Float(sum / Double(factor * factor))
            }
        }
    }

    /// The grid of a coarser sensor: its first pixel's centre is that of the pixels it covers.
    static func geometry(_ fine: Geometry, factor: Int) throws -> Geometry {
        let half = (Double(factor) - 1) / 2, f = Double(factor)
        let map = fine.indexToWorld
        return try Geometry(
            size: GridSize(fine.size.x / factor, fine.size.y / factor),
            indexToWorld: Affine3(
                x: map.x * f, y: map.y * f, z: map.z, offset: map.offset + (map.x + map.y) * half),
            spacingSource: fine.spacingSource)
    }

    /// A Gaussian blur with mirrored borders, which keeps a plane's mean.
    static func blurred(_ plane: [Float], width: Int, height: Int, sigma: Double, pool: ThreadPool) -> [Float] {
        guard sigma > 0.05 else { return plane }
        let blur = PlaneBlur(sigma: sigma, reach: max(1, Int((3.5 * sigma).rounded(.up))), border: .reflect)
        return blur(plane, width: width, height: height, pool: pool)
    }
}
