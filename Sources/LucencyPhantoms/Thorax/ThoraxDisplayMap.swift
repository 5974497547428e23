import LucencyFoundation

/// From log attenuation to gray values: takes part of the large-scale contrast away, raises
/// small structures, then applies the display curve whose
/// ends are quantiles of the patient's own noise-free attenuation, as automatic exposure data recognition does.
struct ThoraxDisplayMap: Sendable {
    private let curve: DisplayCurve
    private let large: [Float]
    private let compression: Float
    private let detail: Float
    private let detailScale: Double
    private let width: Int
    private let height: Int
    private let pool: ThreadPool

    init(
        _ attenuation: [Float], inside: [Bool], width: Int, height: Int, _ film: ThoraxFilm, bits: Int,
        _ pool: ThreadPool
    ) {
        compression = Float(film.compression)
        detail = Float(film.detail)
        detailScale = film.detailScale
        self.width = width
        self.height = height
        self.pool = pool
        let (floor, ceiling) = Self.quantiles(attenuation, inside, film.darkest, film.brightest)
        var large = attenuation.map { min(max($0, floor), ceiling) }
        if compression > 0 {
            gaussianBlur(&large, width: width, height: height, sigma: film.compressionScale, pool: pool)
        }
        let middle = (floor + ceiling) / 2
        for i in large.indices { large[i] -= middle }
        self.large = large
        let share = compression
        let flat = attenuation.indices.map { attenuation[$0] - share * large[$0] }
        let (low, high) = Self.quantiles(flat, inside, film.darkest, film.brightest)
        curve = DisplayCurve(
            center: Double(low + high) / 2, width: max(0.1, 0.98 * Double(high - low)), bits: bits)
    }

    func callAsFunction(_ attenuation: [Float]) -> [Float] {
        var mean = attenuation
        if detail > 0 { gaussianBlur(&mean, width: width, height: height, sigma: detailScale, pool: pool) }
        return attenuation.indices.map { i in
            curve(attenuation[i] - compression * large[i] + detail * (attenuation[i] - mean[i]))
        }
    }

    /// Values that a part of the pixels inside lies below or above.
    private static func quantiles(
        _ plane: [Float], _ inside: [Bool], _ below: Double, _ above: Double
    ) -> (Float, Float) {
        let bins = 2048, from: Float = -4, step: Float = 20 / Float(bins)
        var histogram = [Int](repeating: 0, count: bins), total = 0
        for i in plane.indices where inside[i] {
            histogram[min(max(Int((plane[i] - from) / step), 0), bins - 1)] += 1
            total += 1
        }
        guard total > 0 else { return (0, 1) }
        func value(_ part: Double) -> Float {
            var left = Int(Double(total) * part)
            for bin in 0..<bins {
                left -= histogram[bin]
                if left < 0 { return from + (Float(bin) + 0.5) * step }
            }
            return from + 20
        }
        let low = value(below)
        return (low, max(low + 0.1, value(1 - above)))
    }
}
