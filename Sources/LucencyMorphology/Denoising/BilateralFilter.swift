import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A mean of neighbours, weighted by Gaussians of their distance in space and in value; reflected at the image's edges.
struct BilateralFilter: Sendable {
    /// Standard deviation in pixels.
    let spatial: Double
    /// Standard deviation of the Euclidean distance of colours; nil: the image's own deviation.
    let range: Double?

    func apply(_ image: Image, pool: ThreadPool) throws -> Image {
        let size = image.size, count = size.count, colors = image.colors
        let deviation =
            range
            ?? image.pixels.withUnsafeBufferPointer {
                Moments(of: UnsafeBufferPointer(rebasing: $0[..<(colors * count)]), pool: pool).standardDeviation
            }
        guard deviation > 0 else { return image }
        let reach = max(2, Int((3 * spatial).rounded(.up)))
        let reaches = (0..<3).map { $0 < size.dimensions ? reach : 0 }
        let places = (0..<3).map {
            Continuation.reflect.sources(from: -reaches[$0], length: size[$0] + 2 * reaches[$0], of: size[$0])
        }
        // The weight in space is a product over the axes.
        let near = (-reach...reach).map { exp(-0.5 * Double($0 * $0) / (spatial * spatial)) }
        let steepness = -0.5 / (deviation * deviation)
        let pixels = image.pixels.withUnsafeBufferPointer { source in
            AlignedBuffer<Float>(count: source.count) { target in
                nonisolated(unsafe) let source = source, target = target
                if image.colorModel.hasAlpha {
                    for i in colors * count..<source.count { target[i] = source[i] }
                }
                pool.forEach(size.y * size.z) { (row: Int) in
                    let y = row % size.y, z = row / size.y
                    withUnsafeTemporaryAllocation(of: Double.self, capacity: colors) { sums in
                        for x in 0..<size.x {
                            let center = row &* size.x &+ x
                            var total = 0.0
                            for c in 0..<colors { sums[c] = 0 }
                            for dz in -reaches[2]...reaches[2] {
                                for dy in -reaches[1]...reaches[1] {
                                    let plane = places[2][z &+ dz &+ reaches[2]]
                                    let first = (plane &* size.y &+ places[1][y &+ dy &+ reaches[1]]) &* size.x
                                    let line = near[dy &+ reach] * near[dz &+ reach]
                                    for dx in -reaches[0]...reaches[0] {
                                        let other = first &+ places[0][x &+ dx &+ reaches[0]]
                                        var square = 0.0
                                        for c in 0..<colors {
                                            let gap =
                                                Double(source[c &* count &+ other])
                                                - Double(source[c &* count &+ center])
                                            square += gap * gap
                                        }
                                        let weight = line * near[dx &+ reach] * exp(steepness * square)
                                        total += weight
                                        for c in 0..<colors { sums[c] += weight * Double(source[c &* count &+ other]) }
                                    }
                                }
                            }
                            for c in 0..<colors { target[c &* count &+ center] = Float(sums[c] / total) }
                        }
                    }
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin?.rescaled)
    }
}
