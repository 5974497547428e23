import LucencyFoundation

/// Draws nuclei into planes of stain and labels.
struct NucleusDrawing: Sendable {
    let width: Int
    let height: Int
    /// A pixel's side, µm.
    let pixel: Double
    let noise: TissueNoise

    /// Adds a nucleus to the planes, and gives it the pixels whose centre it covers and that no other nucleus has.
    /// Returns whether it got any.
    func draw(
        _ nucleus: Nucleus, label: Int32, hematoxylin: UnsafeMutablePointer<Float>,
        eosin: UnsafeMutablePointer<Float>, instances: UnsafeMutablePointer<Int32>
    ) -> Bool {
        let reach = nucleus.long * 1.35 + 1.5 + 2 * pixel
        let left = max(0, Int(((nucleus.x - reach) / pixel).rounded(.up)))
        let right = min(width - 1, Int(((nucleus.x + reach) / pixel).rounded(.down)))
        let top = max(0, Int(((nucleus.y - reach) / pixel).rounded(.up)))
        let bottom = min(height - 1, Int(((nucleus.y + reach) / pixel).rounded(.down)))
        guard left <= right, top <= bottom else { return false }
        let axis = unitVector(nucleus.angle)
        let cx = Float(axis.x / nucleus.long), sx = Float(axis.y / nucleus.long)
        let cy = Float(axis.x / nucleus.short), sy = Float(axis.y / nucleus.short)
        let short = Float(nucleus.short), long = Float(nucleus.long)
        let edge = max(nucleus.softness, Float(0.7 * pixel))
        let clumps = TissueNoise.visible(2.4, pixel: pixel), coarse = TissueNoise.visible(1.2, pixel: pixel)
        let fine = TissueNoise.visible(0.55, pixel: pixel)
        let shift = Float(label) * 3.7
        var owns = false
        for row in top...bottom {
            let dy = Float(Double(row) * pixel - nucleus.y)
            for column in left...right {
                let dx = Float(Double(column) * pixel - nucleus.x)
                let a = dx * cx + dy * sx, b = (dy * cy - dx * sy) * (1 + nucleus.taper * a * a)
                let square = a * a + b * b
                guard square < 3.2 else { continue }
                let outline = 1 + ripple(a, b, square, nucleus)
                let rho = square.squareRoot()
                // The distance to the outline, from the slope of rho in µm.
                let slope = rho > 1e-4 ? (cx * cx + sx * sx) * a * a + (cy * cy + sy * sy) * b * b : 1
                let depth = (outline - rho) * (rho > 1e-4 ? rho / slope.squareRoot() : short)
                let index = row &* width &+ column
                let covered = smoothStep(depth / edge + 0.5)
                if covered > 0 {
                    var h = chromatin(nucleus, depth, short: short, edge: edge)
                    let u = dx + shift, v = dy - shift
                    let (r, t) = (0.8 * u + 0.6 * v, 0.8 * v - 0.6 * u)
                    let texture =
                        0.6 * clumps * noise(r / 2.4, t / 2.4) + coarse * noise(u / 1.2, v / 1.2)
                        + 0.7 * fine * noise(r / 0.55, t / 0.55)
                    h *= 1 + (0.16 + 0.42 * nucleus.coarseness) * texture
                    for spot in nucleus.nucleoli {
                        let px = (a - spot.x) * long, py = (b - spot.y) * short
                        let d = (px * px + py * py).squareRoot()
                        h += 0.5 * smoothStep((spot.radius - d) / max(0.35, edge) + 0.5)
                    }
                    h *= 0.66 * nucleus.density
                    let free = instances[index] == 0
                    // Where nuclei overlap, their stains add in part.
                    let before = hematoxylin[index]
                    hematoxylin[index] = before + covered * ((free ? h : max(before, 0.6 * h + 0.5 * before)) - before)
                    if free { eosin[index] += covered * (0.17 - eosin[index]) }
                    if depth > 0, free {
                        instances[index] = label
                        owns = true
                    }
                }
            }
        }
        return owns
    }

    /// Waves of the outline at a point: cosines of multiples of its angle, from those of the angle itself.
    private func ripple(_ a: Float, _ b: Float, _ square: Float, _ nucleus: Nucleus) -> Float {
        guard square > 0.04 else { return 0 }
        let scale = 1 / square.squareRoot()
        let c = a * scale, s = b * scale
        var ck = c, sk = s, sum: Float = 0
        for k in 0..<4 {
            (ck, sk) = (ck * c - sk * s, sk * c + ck * s)
            sum += nucleus.waves[k] * (ck * nucleus.cosines[k] - sk * nucleus.sines[k])
        }
        return sum
    }

    /// The mean stain at a depth: a vesicular nucleus is pale inside a dark rim.
    private func chromatin(_ nucleus: Nucleus, _ depth: Float, short: Float, edge: Float) -> Float {
        let rim = max(0.45, 0.8 * edge)
        let inside = smoothStep((depth - 0.5 * rim) / (1.4 * rim))
        return 1 - 0.3 * nucleus.coarseness * inside
    }
}
