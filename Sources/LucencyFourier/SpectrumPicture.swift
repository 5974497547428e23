import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A picture of the strengths of an image's frequencies: `log(1 + |X|)` with frequency 0 in the middle, of the image less its
/// mean. A wave of `k` cycles over the image shows `k` pixels from the middle, to both sides.
public struct SpectrumPicture: Sendable {
    /// Fades the image out towards its edges (von Hann), so that they do not draw a cross through the picture.
    public var fadesEdges: Bool

    public init(fadesEdges: Bool = true) {
        self.fadesEdges = fadesEdges
    }

    /// - Throws: `Diagnostic` for several channels.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard image.channels == 1 else {
            throw Diagnostic(
                .channelMismatch, "a picture of frequencies needs one channel, and the image has \(image.channels)",
                remedy: "put a `gray` stage before it")
        }
        let size = image.size, mean = image.withChannel(0) { Moments.mean(of: $0, pool: pool) }
        let windows = (0..<3).map { axis -> [Double] in
            let n = size[axis]
            guard fadesEdges, n > 1 else { return Array(repeating: 1, count: n) }
            return (0..<n).map { 0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / Double(n)) }
        }
        let faded = AlignedBuffer<Float>(count: size.count) { out in
            var index = 0
            for z in 0..<size.z {
                for y in 0..<size.y {
                    let line = windows[1][y] * windows[2][z]
                    for x in 0..<size.x {
                        out[index] = Float((Double(image.pixels[index]) - mean) * line * windows[0][x])
                        index += 1
                    }
                }
            }
        }
        let spectrum = try FourierTransform(size: size).forward(faded, pool: pool)
        let picture = AlignedBuffer<Float>(count: size.count) { out in
            for z in 0..<size.z {
                for y in 0..<size.y {
                    for x in 0..<size.x {
                        let value = spectrum.anywhere(x, y, z)
                        let power = Double(value.x) * Double(value.x) + Double(value.y) * Double(value.y)
                        // Frequency 0 goes to the middle, n/2.
                        let place =
                            ((z + size.z / 2) % size.z * size.y + (y + size.y / 2) % size.y) * size.x
                            + (x + size.x / 2) % size.x
                        out[place] = Float(log(1 + power.squareRoot()))
                    }
                }
            }
        }
        // Frequencies lie nowhere in the world.
        return try Image(transformed: picture, geometry: Geometry(size: size))
    }
}
