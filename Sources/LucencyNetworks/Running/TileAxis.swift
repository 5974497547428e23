#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How tiles of one size cover an axis: where they begin, and with which weight each pixel of a tile counts.
struct TileAxis: Sendable {
    /// Pixels of the axis, margins included; at least `tile`.
    let size: Int
    /// Pixels in front of the image, where it is smaller than a tile.
    let margin: Int
    let tile: Int
    /// Ascending; the first is 0, the last ends with the axis.
    let starts: [Int]
    /// For each tile, the share of its pixels (`factor` times as many as `tile`) in the result. Over all tiles that cover a pixel they sum to 1 up to rounding,
    /// and to exactly 1 where a single one does.
    let weights: [[Float]]

    /// - Parameters:
    ///   - image: pixels of the image; `tile` of the tile.
    ///   - overlap: the fraction of a tile that the next one covers again at least, in 0..<1.
    ///   - factor: pixels of the result for each of the image.
    init(image: Int, tile: Int, overlap: Double, blending: SlidingWindow.Blending, factor: Int = 1) {
        size = max(image, tile)
        margin = (size - image) / 2
        self.tile = tile
        let room = size - tile, step = max(1, Double(tile) * (1 - overlap))
        let gaps = Int((Double(room) / step).rounded(.up))
        // Evenly spread, as nnU-Net does, instead of a last tile that overlaps more.
        starts = (0...gaps).map { gaps == 0 ? 0 : Int((Double($0 * room) / Double(gaps)).rounded()) }
        let fine = factor * tile, profile = blending.profile(fine, overlap: overlap * Double(fine))
        var totals = [Double](repeating: 0, count: factor * size)
        for start in starts { for index in 0..<fine { totals[factor * start + index] += profile[index] } }
        weights = starts.map { start in (0..<fine).map { Float(profile[$0] / totals[factor * start + $0]) } }
    }
}

extension SlidingWindow.Blending {
    /// Weights across a tile before they are normalised; all positive.
    /// - Parameter overlap: pixels that the next tile covers again.
    func profile(_ tile: Int, overlap: Double) -> [Double] {
        switch self {
        case .uniform: return Array(repeating: 1, count: tile)
        case .ramp:
            return (0..<tile).map { index in
                let distance = Double(min(index, tile - 1 - index)) + 0.5
                return min(1, max(1e-3, (distance - overlap / 4) / max(1, overlap / 2)))
            }
        case .gaussian:
            let center = Double(tile - 1) / 2, deviation = Double(tile) / 8
            return (0..<tile).map { index in
                let distance = (Double(index) - center) / deviation
                return max(1e-3, exp(-0.5 * distance * distance))
            }
        }
    }
}
