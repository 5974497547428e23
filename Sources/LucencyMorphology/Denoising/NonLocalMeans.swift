import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Non-local means with uniform patches. For each shift, the squared differences of the image and its shifted self are
/// summed over patches by sums that slide, so that the cost does not depend on the patch. The image is mirrored at its
/// edges, without repeating the edge pixels, and what lies there may be alike too.
struct NonLocalMeans: Sendable {
    let reach: Int
    let distance: Int
    let strength: Double
    let noise: Double

    /// Patches further apart than this, in units of the exponent, do not count.
    private static let cutoff = 5.0
    /// Rows worked on together; fixed, so that results do not depend on threads.
    private static let band = 32

    func apply(_ image: Image, pool: ThreadPool) throws -> Image {
        let size = image.size, count = size.count, colors = image.colors
        let pixels = image.pixels.withUnsafeBufferPointer { source in
            AlignedBuffer<Float>(count: source.count) { target in
                nonisolated(unsafe) let source = source, target = target
                for i in colors * count..<source.count { target[i] = source[i] }
                let bands = (size.y + Self.band - 1) / Self.band
                pool.forEach(bands * size.z) { (task: Int) in
                    let top = task % bands * Self.band
                    self.band(
                        top..<min(size.y, top + Self.band), z: task / bands, source, target, size, colors: colors)
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin?.rescaled)
    }

    private func band(
        _ rows: Range<Int>, z: Int, _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableBufferPointer<Float>,
        _ size: GridSize, colors: Int
    ) {
        let width = size.x, count = size.count, wide = width + 2 * reach, tall = rows.count + 2 * reach
        let deep = size.isPlanar ? 0 : reach, deepest = size.isPlanar ? 0 : distance
        let side = 2 * reach + 1
        let elements = Double(side * side * (2 * deep + 1) * colors)
        let scale = 1 / (elements * strength * strength), variance = 2 * noise * noise * elements
        let margin = reach + distance
        let xs = Continuation.mirror.sources(from: -margin, length: width + 2 * margin, of: width)
        let ys = Continuation.mirror.sources(
            from: rows.lowerBound - margin, length: rows.count + 2 * margin, of: size.y)
        let zs = Continuation.mirror.sources(
            from: z - deep - deepest, length: 1 + 2 * (deep + deepest), of: size.z)
        var sums = [Double](repeating: 0, count: rows.count * width * colors)
        var weights = [Double](repeating: 0, count: rows.count * width)
        var squares = [Double](repeating: 0, count: tall * wide)
        var columns = [Double](repeating: 0, count: wide)
        sums.withUnsafeMutableBufferPointer { sums in
            weights.withUnsafeMutableBufferPointer { weights in
                squares.withUnsafeMutableBufferPointer { squares in
                    columns.withUnsafeMutableBufferPointer { columns in
                        for tz in -deepest...deepest {
                            for ty in -distance...distance {
                                for tx in -distance...distance {
                                    squares.update(repeating: 0)
                                    for dz in -deep...deep {
                                        let here = zs[dz + deep + deepest], there = zs[dz + tz + deep + deepest]
                                        for y in 0..<tall {
                                            let a = (here &* size.y &+ ys[y &+ distance]) &* width
                                            let b = (there &* size.y &+ ys[y &+ distance &+ ty]) &* width
                                            let line = y &* wide
                                            for c in 0..<colors {
                                                let first = a &+ c &* count, second = b &+ c &* count
                                                for x in 0..<wide {
                                                    let gap =
                                                        source[first &+ xs[x &+ distance]]
                                                        - source[second &+ xs[x &+ distance &+ tx]]
                                                    squares[line &+ x] += Double(gap * gap)
                                                }
                                            }
                                        }
                                    }
                                    for x in 0..<wide {
                                        var sum = 0.0
                                        for y in 0..<side { sum += squares[y &* wide &+ x] }
                                        columns[x] = sum
                                    }
                                    for y in 0..<rows.count {
                                        if y > 0 {
                                            let leaving = (y &- 1) &* wide, entering = (y &+ side &- 1) &* wide
                                            for x in 0..<wide {
                                                columns[x] += squares[entering &+ x] - squares[leaving &+ x]
                                            }
                                        }
                                        var sum = 0.0
                                        for x in 0..<side &- 1 { sum += columns[x] }
                                        let other =
                                            (zs[tz + deep + deepest] &* size.y &+ ys[y &+ margin &+ ty]) &* width
                                        for x in 0..<width {
                                            sum += columns[x &+ side &- 1]
                                            let exponent = max(0, sum - variance) * scale
                                            sum -= columns[x]
                                            guard exponent <= Self.cutoff else { continue }
                                            let weight = exp(-exponent), place = y &* width &+ x
                                            weights[place] += weight
                                            let like = other &+ xs[x &+ margin &+ tx]
                                            for c in 0..<colors {
                                                sums[place &* colors &+ c] +=
                                                    weight * Double(source[c &* count &+ like])
                                            }
                                        }
                                    }
                                }
                            }
                        }
                        for place in 0..<rows.count * width {
                            let out = (z &* size.y &+ rows.lowerBound) &* width &+ place
                            for c in 0..<colors {
                                target[c &* count &+ out] = Float(sums[place &* colors &+ c] / weights[place])
                            }
                        }
                    }
                }
            }
        }
    }
}
