import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Superpixels: small regions of one colour, about equally large. R. Achanta et al., "SLIC superpixels compared to
/// state-of-the-art superpixel methods", IEEE PAMI 34(11) (2012).
///
/// Pixels are clustered by colour and place around centres that begin on a grid; each centre looks two grid steps far.
/// Colours are scaled so that the image spans 0...1; RGB is compared as CIELAB. As in scikit-image, the first round goes by
/// place alone, and afterwards parts that do not hang together are given to their neighbours.
public struct SLIC: Sendable {
    /// About how many regions; no more than there are pixels.
    public var regions: Int
    /// Weight of place against colour: 10 suits RGB, 0.1 gray images. The greater, the squarer.
    public var compactness: Double
    public var iterations: Int
    /// Parts smaller than this share of the mean region are given to a neighbour.
    public var smallest: Double

    public init(regions: Int = 100, compactness: Double = 10, iterations: Int = 10, smallest: Double = 0.5) {
        self.regions = regions
        self.compactness = compactness
        self.iterations = iterations
        self.smallest = smallest
    }

    /// Regions as labels 1…n in the order of their first pixels.
    /// - Throws: `Diagnostic` when a setting is out of range.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> LabelMap {
        guard regions >= 1, iterations >= 1, iterations <= 1000 else {
            throw Diagnostic(
                .badArgument, "\(regions) regions in \(iterations) iterations are not possible",
                remedy: "ask for at least 1 region and for 1 to 1000 iterations")
        }
        guard compactness > 0, compactness.isFinite, smallest >= 0, smallest <= 1 else {
            throw Diagnostic(
                .badArgument, "a compactness of \(compactness) with a smallest share of \(smallest) is not possible",
                remedy: "the compactness is positive, the share 0 to 1")
        }
        let size = image.size
        let features = features(of: image)
        let grid = CenterGrid(size, regions: min(regions, size.count))
        let nearest = cluster(features, grid, size, pool)
        let mean = Double(size.count) / Double(grid.centers.count)
        let labels = Self.connected(nearest, size, smallest: Int(smallest * mean), largest: Int(3 * mean))
        return try LabelMap(geometry: image.geometry, labels: labels)
    }

    /// Colours over the compactness, a plane each.
    private func features(of image: Image) -> [AlignedBuffer<Double>] {
        let count = image.size.count, colors = image.colors
        let extremes = image.pixels.withUnsafeBufferPointer {
            Moments.extremes(of: UnsafeBufferPointer(rebasing: $0[..<(colors * count)]))
        }
        let scale = extremes.high > extremes.low ? 1 / (extremes.high - extremes.low) : 1
        func plane(_ value: (Int) -> Double) -> AlignedBuffer<Double> {
            AlignedBuffer(count: count) { out in for i in 0..<count { out[i] = value(i) / compactness } }
        }
        return image.pixels.withUnsafeBufferPointer { pixels in
            func color(_ channel: Int, _ i: Int) -> Double {
                (Double(pixels[channel &* count &+ i]) - extremes.low) * scale
            }
            guard image.colorModel == .rgb || image.colorModel == .rgba else {
                return (0..<colors).map { channel in plane { color(channel, $0) } }
            }
            let lab = (0..<count).map { CIELAB.of(red: color(0, $0), green: color(1, $0), blue: color(2, $0)) }
            return (0..<3).map { channel in plane { lab[$0][channel] } }
        }
    }

    /// The nearest centre of every pixel.
    private func cluster(
        _ features: [AlignedBuffer<Double>], _ grid: CenterGrid, _ size: GridSize, _ pool: ThreadPool
    ) -> [Int32] {
        let width = 3 + features.count
        // Place and colour of each centre; no colour yet.
        var centers = grid.centers.flatMap { [$0.x, $0.y, $0.z] + [Double](repeating: 0, count: features.count) }
        let count = size.count
        let far = 1 / (grid.step * grid.step)
        var nearest = [Int32](repeating: 0, count: count)
        let bands = (size.y * size.z + 31) / 32
        // The steps of a grid of as many centres as there really are.
        let reach = CenterGrid(size, regions: grid.centers.count).steps
        for _ in 0..<iterations {
            // Each band of rows looks at the centres in reach, so that the result does not depend on threads.
            nearest.withUnsafeMutableBufferPointer { nearest in
                nonisolated(unsafe) let nearest = nearest
                let centers = centers
                pool.forEach(bands) { (band: Int) in
                    let rows = band * 32..<min(size.y * size.z, band * 32 + 32)
                    let base = rows.lowerBound * size.x
                    var distances = [Double](repeating: .infinity, count: rows.count * size.x)
                    for k in 0..<grid.centers.count {
                        let cx = centers[k * width], cy = centers[k * width + 1], cz = centers[k * width + 2]
                        let zs = Self.window(cz, reach[2], size.z), ys = Self.window(cy, reach[1], size.y)
                        let xs = Self.window(cx, reach[0], size.x)
                        for z in zs {
                            for y in ys {
                                let row = z &* size.y &+ y
                                guard rows.contains(row) else { continue }
                                let dz = cz - Double(z), dy = cy - Double(y), across = dz * dz + dy * dy
                                for x in xs {
                                    let dx = cx - Double(x), i = row &* size.x &+ x
                                    var distance = (across + dx * dx) * far
                                    for f in 0..<features.count {
                                        let gap = features[f][i] - centers[k &* width &+ 3 &+ f]
                                        distance += gap * gap
                                    }
                                    if distance < distances[i &- base] {
                                        distances[i &- base] = distance
                                        nearest[i] = Int32(k)
                                    }
                                }
                            }
                        }
                    }
                }
            }
            var sums = [Double](repeating: 0, count: centers.count)
            var counts = [Double](repeating: 0, count: grid.centers.count)
            for i in 0..<count {
                let k = Int(nearest[i])
                counts[k] += 1
                sums[k &* width] += Double(i % size.x)
                sums[k &* width &+ 1] += Double(i / size.x % size.y)
                sums[k &* width &+ 2] += Double(i / (size.x * size.y))
                for f in 0..<features.count { sums[k &* width &+ 3 &+ f] += features[f][i] }
            }
            for k in 0..<counts.count where counts[k] > 0 {
                for f in 0..<width { centers[k &* width &+ f] = sums[k &* width &+ f] / counts[k] }
            }
        }
        return nearest
    }

    /// Two steps to each side of a centre.
    private static func window(_ center: Double, _ step: Int, _ side: Int) -> Range<Int> {
        let low = Int(max(center - 2 * Double(step), 0)), high = Int(min(center + 2 * Double(step) + 1, Double(side)))
        return low..<max(low, high)
    }

    /// Numbers the connected parts, and gives small ones to the neighbour met last; parts above the largest size are cut.
    static func connected(_ clusters: [Int32], _ size: GridSize, smallest: Int, largest: Int) -> AlignedBuffer<Int32> {
        var labels = AlignedBuffer<Int32>(repeating: 0, count: clusters.count)
        let largest = max(1, largest)
        let steps: [(x: Int, y: Int, z: Int)] = [
            (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
        ]
        var next: Int32 = 1
        var part: [Int] = []
        labels.withUnsafeMutableBufferPointer { labels in
            for start in 0..<clusters.count where labels[start] == 0 {
                labels[start] = next
                part = [start]
                var visited = 0, neighbour: Int32 = 0
                while visited < part.count, part.count < largest {
                    let index = part[visited]
                    let x = index % size.x, y = index / size.x % size.y, z = index / (size.x * size.y)
                    for step in steps {
                        let a = x + step.x, b = y + step.y, c = z + step.z
                        guard a >= 0, a < size.x, b >= 0, b < size.y, c >= 0, c < size.z else { continue }
                        let other = (c * size.y + b) * size.x + a
                        if clusters[other] == clusters[start], labels[other] == 0 {
                            labels[other] = next
                            part.append(other)
                            if part.count >= largest { break }
                        } else if labels[other] != 0, labels[other] != next {
                            neighbour = labels[other]
                        }
                    }
                    visited += 1
                }
                if part.count >= smallest {
                    next += 1
                } else if neighbour != 0 {
                    for index in part { labels[index] = neighbour }
                }
                // A small first part has no neighbour yet: the next part takes its number too.
            }
        }
        return labels
    }
}

/// Centres on a grid, as evenly along every axis as the image allows.
private struct CenterGrid {
    let centers: [SIMD3<Double>]
    let steps: [Int]
    let step: Double

    init(_ size: GridSize, regions: Int) {
        // Sides in ascending order: an axis shorter than the step gets one centre, and the others share what is left.
        let order = [0, 1, 2].sorted { (size[$0], -$0) < (size[$1], -$1) }
        let sides = order.map { Double(size[$0]) }
        var steps = [1.0, 1, 1]
        let wanted = Double(regions)
        let volume = sides.reduce(1, *)
        if volume > wanted {
            steps = Array(repeating: cbrt(volume / wanted), count: 3)
            for axis in 0..<3 where zip(sides, steps).contains(where: { $0 < $1 }) {
                steps[axis] = sides[axis]
                let rest = sides[(axis + 1)...].reduce(1, *)
                for other in axis + 1..<max(axis + 1, 3) { steps[other] = pow(rest / wanted, 1 / Double(2 - axis)) }
            }
        }
        var whole = [1, 1, 1], starts = [0, 0, 0]
        for (place, axis) in order.enumerated() {
            starts[axis] = volume > wanted ? Int((steps[place] / 2).rounded(.down)) : 0
            whole[axis] = max(1, Int(steps[place].rounded(.toNearestOrEven)))
        }
        var centers: [SIMD3<Double>] = []
        for z in stride(from: starts[2], to: size.z, by: whole[2]) {
            for y in stride(from: starts[1], to: size.y, by: whole[1]) {
                for x in stride(from: starts[0], to: size.x, by: whole[0]) {
                    centers.append([Double(x), Double(y), Double(z)])
                }
            }
        }
        self.centers = centers
        self.steps = whole
        step = Double(whole.max() ?? 1)
    }
}

/// CIE 1976 L*a*b* of sRGB in 0...1, with the white point D65 (CIE 15:2004; IEC 61966-2-1).
enum CIELAB {
    static func of(red: Double, green: Double, blue: Double) -> SIMD3<Double> {
        func linear(_ value: Double) -> Double {
            value > 0.04045 ? pow((value + 0.055) / 1.055, 2.4) : value / 12.92
        }
        let r = linear(red), g = linear(green), b = linear(blue)
        func curve(_ value: Double) -> Double { value > 0.008856 ? cbrt(value) : 7.787 * value + 16.0 / 116 }
        let x = curve((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047)
        let y = curve(0.212671 * r + 0.715160 * g + 0.072169 * b)
        let z = curve((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883)
        return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
    }
}
