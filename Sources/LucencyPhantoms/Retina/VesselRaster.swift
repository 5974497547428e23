import LucencyFoundation

/// Vessels on the grid of a picture: how much of each pixel they cover, and how much light their blood takes.
struct VesselRaster: Sendable {
    /// Covered fraction of each pixel, 0...1.
    private(set) var artery: [Float]
    private(set) var vein: [Float]
    /// Optical density relative to the middle of a wide vessel, 0...1.
    private(set) var arteryDensity: [Float]
    private(set) var veinDensity: [Float]
    /// Light reflected by the wall along the middle of arteries, 0...1.
    private(set) var reflex: [Float]

    /// - Parameter spacing: mm per pixel; the middle of the picture is 0, 0.
    init(_ vessels: [RetinaVessel], size: Int, spacing: Double, pool: ThreadPool) {
        let zero = [Float](repeating: 0, count: size * size)
        (artery, vein, arteryDensity, veinDensity, reflex) = (zero, zero, zero, zero, zero)
        let middle = Double(size - 1) / 2
        for vessel in vessels {
            let pixels = vessel.points.map {
                (x: $0.x / spacing + middle, y: $0.y / spacing + middle, radius: $0.radius / spacing)
            }
            for (a, b) in zip(pixels, pixels.dropFirst()) {
                // Thin vessels hold less blood: less contrast.
                let weight = Float(0.3 + 0.7 * smoothStep((a.radius * spacing - 0.008) / 0.05))
                let reach = max(a.radius, b.radius) + 1
                let dx = b.x - a.x, dy = b.y - a.y, length = max(dx * dx + dy * dy, 1e-12)
                let left = max(0, Int(min(a.x, b.x) - reach)), right = min(size - 1, Int(max(a.x, b.x) + reach) + 1)
                let top = max(0, Int(min(a.y, b.y) - reach)), bottom = min(size - 1, Int(max(a.y, b.y) + reach) + 1)
                guard left <= right, top <= bottom else { continue }
                for row in top...bottom {
                    for column in left...right {
                        let px = Double(column) - a.x, py = Double(row) - a.y
                        let t = min(max((px * dx + py * dy) / length, 0), 1)
                        let d = hypotenuse(px - t * dx, py - t * dy), r = a.radius + t * (b.radius - a.radius)
                        // The overlap of the pixel's width with the vessel's.
                        let covered = min(r, d + 0.5) - max(-r, d - 0.5)
                        guard covered > 0 else { continue }
                        let index = row &* size &+ column, cover = Float(min(covered, 1))
                        // The light's path through a cylinder, nearly flat in the middle.
                        let inner = min(d / max(r, 0.5), 1)
                        let density = cover * weight * Float(0.55 + 0.45 * (1 - inner * inner).squareRoot())
                        if vessel.kind == .artery {
                            artery[index] = max(artery[index], cover)
                            arteryDensity[index] = max(arteryDensity[index], density)
                            let shine = bell(d / max(0.32 * r, 0.35)) * smoothStep((r - 0.9) / 1.2)
                            reflex[index] = max(reflex[index], Float(shine))
                        } else {
                            vein[index] = max(vein[index], cover)
                            veinDensity[index] = max(veinDensity[index], density)
                        }
                    }
                }
            }
        }
    }

    /// 0 background, 1 artery, 2 vein: where at least half of the pixel is covered.
    func kind(at index: Int) -> Int32 { artery[index] >= 0.5 ? 1 : vein[index] >= 0.5 ? 2 : 0 }
}
