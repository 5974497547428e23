import LucencyFoundation

/// Contrast-limited adaptive histogram equalisation (K. Zuiderveld, Graphics Gems IV, 1994, VIII.5), in 2-D and 3-D.
///
/// The image is cut into contextual regions; each gets the map that would equalise its histogram, with counts clipped so
/// that flat regions are not torn apart, and a pixel takes what the maps of the regions around it say, weighted by how near
/// they are. Values are counted on 2¹⁴ levels between the image's extremes, as scikit-image does, and the result keeps those
/// extremes. Colours keep their hue and saturation: their largest component is equalised, and the others follow. Channels
/// that are not colours go each by itself.
public struct CLAHE: Sendable {
    /// Side of the contextual regions; nil: an eighth of each side of the image.
    public var window: Length?
    /// Share of a region's pixels that one bin may hold, 0...1; the smaller, the less contrast. 0: no limit.
    public var clipLimit: Double
    public var bins: Int

    public init(window: Length? = nil, clipLimit: Double = 0.01, bins: Int = 256) {
        self.window = window
        self.clipLimit = clipLimit
        self.bins = bins
    }

    private static let levels = 1 << 14

    /// - Throws: `Diagnostic` when a setting is out of range or the window does not fit the grid.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard clipLimit >= 0, clipLimit <= 1 else {
            throw Diagnostic(.badArgument, "a clip limit of \(clipLimit) is outside 0...1")
        }
        guard (2...Self.levels).contains(bins) else {
            throw Diagnostic(.badArgument, "\(bins) bins are not possible", remedy: "give 2 to \(Self.levels)")
        }
        let regions = try regions(in: image.geometry)
        guard image.colorModel == .rgb || image.colorModel == .rgba else {
            return try image.mappingChannels { equalize($0, into: $1, regions, image.size, pool) }
        }
        let count = image.size.count
        var pixels = image.pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            var value = AlignedBuffer<Float>(repeating: 0, count: count)
            value.withUnsafeMutableBufferPointer { value in
                for i in 0..<count { value[i] = max(pixels[i], pixels[count &+ i], pixels[2 &* count &+ i]) }
            }
            let equal = AlignedBuffer<Float>(count: count) { out in
                value.withUnsafeBufferPointer { equalize($0, into: out, regions, image.size, pool) }
            }
            for i in 0..<count {
                for channel in 0..<3 {
                    let old = value[i]
                    pixels[channel &* count &+ i] =
                        old == 0
                        ? equal[i] : Float(Double(pixels[channel &* count &+ i]) / Double(old) * Double(equal[i]))
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin?.rescaled)
    }

    /// Sides of the contextual regions in pixels along x, y, z.
    private func regions(in geometry: Geometry) throws(Diagnostic) -> [Int] {
        var sides = [1, 1, 1]
        for axis in 0..<geometry.size.dimensions {
            guard let window else {
                sides[axis] = max(1, geometry.size[axis] / 8)
                continue
            }
            let pixels = try window.pixels(along: axis, of: geometry)
            guard pixels >= 0.5, pixels <= Double(BufferLimit.side) else {
                throw Diagnostic(.badArgument, "a window of \(window) is not possible")
            }
            sides[axis] = min(max(1, Int(pixels.rounded())), geometry.size[axis])
        }
        return sides
    }

    private func equalize(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, _ sides: [Int],
        _ size: GridSize, _ pool: ThreadPool
    ) {
        let (low, high) = Moments.extremes(of: source)
        guard high > low else {
            _ = target.initialize(from: source)
            return
        }
        let top = Double(Self.levels - 1), scale = top / (high - low)
        let binSize = 1 + Self.levels / bins
        // The bin of every pixel.
        let binned = AlignedBuffer<UInt16>(count: size.count) { out in
            for i in 0..<size.count {
                let level = Int(((Double(source[i]) - low) * scale).rounded(.toNearestOrEven))
                out[i] = UInt16(level / binSize)
            }
        }
        // Regions lie on a grid that starts half a region before the image.
        let axes = (0..<3).map { RegionAxis(count: size[$0], side: sides[$0]) }
        let maps = self.maps(binned, axes, size, pool)
        let rows = size.y * size.z
        var peaks = [SIMD2<Double>](repeating: SIMD2(.infinity, -.infinity), count: rows)
        nonisolated(unsafe) let target = target
        peaks.withUnsafeMutableBufferPointer { peaks in
            nonisolated(unsafe) let peaks = peaks
            binned.withUnsafeBufferPointer { binned in
                maps.withUnsafeBufferPointer { maps in
                    nonisolated(unsafe) let binned = binned, maps = maps
                    pool.forEach(rows) { (row: Int) in
                        let y = axes[1].place(row % size.y), z = axes[2].place(row / size.y)
                        var least = Double.infinity, most = -Double.infinity
                        for x in 0..<size.x {
                            let place = axes[0].place(x), index = row &* size.x &+ x, bin = Int(binned[index])
                            var sum = 0.0
                            for corner in 0..<8 {
                                let weight =
                                    (corner & 1 == 0 ? 1 - place.share : place.share)
                                    * (corner & 2 == 0 ? 1 - y.share : y.share)
                                    * (corner & 4 == 0 ? 1 - z.share : z.share)
                                guard weight > 0 else { continue }
                                let rx = corner & 1 == 0 ? place.first : place.second
                                let ry = corner & 2 == 0 ? y.first : y.second
                                let rz = corner & 4 == 0 ? z.first : z.second
                                let region = (rz &* axes[1].regions &+ ry) &* axes[0].regions &+ rx
                                sum += weight * Double(maps[region &* bins &+ bin])
                            }
                            let level = (sum + 1e-6).rounded(.down)
                            target[index] = Float(level)
                            least = min(least, level)
                            most = max(most, level)
                        }
                        peaks[row] = SIMD2(least, most)
                    }
                }
            }
        }
        let least = peaks.map(\.x).min() ?? 0, most = peaks.map(\.y).max() ?? 1
        let stretch = most > least ? (high - low) / (most - least) : 0
        for i in 0..<size.count { target[i] = Float(low + (Double(target[i]) - least) * stretch) }
    }

    /// The equalising map of every region: `bins` levels each.
    private func maps(
        _ binned: AlignedBuffer<UInt16>, _ axes: [RegionAxis], _ size: GridSize, _ pool: ThreadPool
    ) -> AlignedBuffer<Int32> {
        let regions = axes[0].regions * axes[1].regions * axes[2].regions
        let elements = axes[0].side * axes[1].side * axes[2].side
        let limit = clipLimit > 0 ? max(1, Int(clipLimit * Double(elements))) : elements
        let bins = bins
        return AlignedBuffer(count: regions * bins) { out in
            binned.withUnsafeBufferPointer { binned in
                nonisolated(unsafe) let out = out, binned = binned
                pool.forEach(regions) { (region: Int) in
                    var counts = [Int](repeating: 0, count: bins)
                    let xs = axes[0].pixels(region % axes[0].regions)
                    let ys = axes[1].pixels(region / axes[0].regions % axes[1].regions)
                    let zs = axes[2].pixels(region / (axes[0].regions * axes[1].regions))
                    for z in zs {
                        for y in ys {
                            let first = (z &* size.y &+ y) &* size.x
                            for x in xs { counts[Int(binned[first &+ x])] &+= 1 }
                        }
                    }
                    Self.clip(&counts, to: limit)
                    var sum = 0
                    let top = Self.levels - 1
                    for bin in 0..<bins {
                        sum += counts[bin]
                        out[region &* bins &+ bin] = Int32(
                            min(Double(top), Double(sum) * (Double(top) / Double(elements))))
                    }
                }
            }
        }
    }

    /// Cuts counts off at a limit and spreads what was cut off over the other bins.
    static func clip(_ counts: inout [Int], to limit: Int) {
        var excess = 0
        for bin in counts.indices where counts[bin] > limit {
            excess += counts[bin] - limit
            counts[bin] = limit
        }
        let share = excess / counts.count, upper = limit - share
        for bin in counts.indices {
            if counts[bin] < upper {
                counts[bin] += share
                excess -= share
            }
        }
        for bin in counts.indices where counts[bin] >= upper && counts[bin] < limit {
            excess -= limit - counts[bin]
            counts[bin] = limit
        }
        while excess > 0 {
            let before = excess
            for start in counts.indices {
                let step = max(1, counts.count(where: { $0 < limit }) / excess)
                for bin in stride(from: start, to: counts.count, by: step) where counts[bin] < limit {
                    counts[bin] += 1
                    excess -= 1
                }
                if excess <= 0 { break }
            }
            if excess == before { break }
        }
    }
}

/// Contextual regions along one axis: region `r` holds the pixels `r·side..<(r+1)·side`, mirrored beyond the image.
private struct RegionAxis: Sendable {
    let count: Int
    let side: Int
    let regions: Int

    init(count: Int, side: Int) {
        self.count = count
        self.side = side
        regions = (count + side - 1) / side
    }

    func pixels(_ region: Int) -> [Int] {
        Continuation.mirror.sources(from: region * side, length: side, of: count)
    }

    /// The two regions whose centres a pixel lies between, and the share of the second.
    func place(_ index: Int) -> (first: Int, second: Int, share: Double) {
        let padded = index + side / 2, block = padded / side
        return (
            min(max(block - 1, 0), regions - 1), min(block, regions - 1), Double(padded % side) / Double(side)
        )
    }
}
