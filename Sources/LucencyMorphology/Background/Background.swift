import LucencyFoundation
import LucencyImaging

/// Finds the slowly changing background of an image and takes it away. Alpha is untouched.
public struct Background: Sendable {
    public enum Method: Hashable, Sendable {
        /// What a ball rolling along the underside of the intensities reaches: S. Sternberg, "Biomedical image
        /// processing", Computer 16(1) (1983). The ball has this radius in space and `height` along intensity (nil: as
        /// many units as the radius has pixels). Objects must be smaller than the ball.
        case rollingBall(radius: Length, height: Double?)
        /// A Gaussian mean of this standard deviation; reflected at the edges. Objects are part of it, so it must be much
        /// wider than they are.
        case gaussian(deviation: Length)
    }

    /// How the background is taken away.
    public enum Operation: String, CaseIterable, Hashable, Sendable {
        case subtract, divide
    }

    public var method: Method
    public var operation: Operation
    /// Whether objects are brighter than the background. If not, the ball rolls along the upper side.
    public var objects: Threshold.Foreground
    /// Adds (or multiplies by) the background's mean, so that intensities stay in their usual range.
    public var keepLevel: Bool

    public init(
        _ method: Method = .rollingBall(radius: .pixels(50), height: nil), operation: Operation = .subtract,
        objects: Threshold.Foreground = .bright, keepLevel: Bool = false
    ) {
        self.method = method
        self.operation = operation
        self.objects = objects
        self.keepLevel = keepLevel
    }

    /// - Throws: `Diagnostic` when a radius does not fit the grid, or a division by a background of 0 or less.
    public func callAsFunction(
        _ image: Image, pool: ThreadPool = .serial
    ) throws -> (image: Image, background: Image) {
        let background = try background(of: image, pool: pool)
        let count = image.size.count
        var pixels = image.pixels
        try pixels.withUnsafeMutableBufferPointer { pixels in
            try background.pixels.withUnsafeBufferPointer { ground in
                for channel in 0..<image.colors {
                    let range = channel * count..<(channel + 1) * count
                    let below = UnsafeBufferPointer(rebasing: ground[range])
                    let mean = keepLevel ? Moments.mean(of: below, pool: pool) : 0
                    switch operation {
                    case .subtract:
                        for i in 0..<count {
                            let index = range.lowerBound &+ i
                            pixels[index] = Float(Double(pixels[index]) - Double(below[i]) + mean)
                        }
                    case .divide:
                        let least = Moments.extremes(of: below).low
                        guard least > 0 else {
                            throw Diagnostic(
                                .undefinedResult, "the background reaches \(least), and nothing can be divided by that",
                                remedy: "subtract it, or bring the image's values above 0 first")
                        }
                        let factor = keepLevel ? mean : 1
                        for i in 0..<count {
                            let index = range.lowerBound &+ i
                            pixels[index] = Float(Double(pixels[index]) / Double(below[i]) * factor)
                        }
                    }
                }
            }
        }
        let corrected = try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin?.rescaled)
        return (corrected, background)
    }

    /// The background alone.
    /// - Throws: as calling the algorithm does.
    public func background(of image: Image, pool: ThreadPool = .serial) throws -> Image {
        let dimensions = image.size.dimensions
        switch method {
        case .gaussian(let deviation):
            var filters = [LineFilter?](repeating: nil, count: 3)
            for axis in 0..<dimensions {
                let sigma = try deviation.pixels(along: axis, of: image.geometry)
                guard sigma > 0, sigma <= Double(BufferLimit.side) / 64 else {
                    throw Diagnostic(
                        .badArgument, "a deviation of \(deviation) is not possible", remedy: "give more than 0")
                }
                filters[axis] = .gaussian(sigma: sigma)
            }
            return try image.mappingChannels { source, target in
                let smooth = AlignedBuffer(source).filtered(filters, size: image.size, pool: pool)
                smooth.withUnsafeBufferPointer { _ = target.initialize(from: $0) }
            }
        case .rollingBall(let radius, let height):
            let element = try StructuringElement(.ball, radius: radius).resolved(in: image.geometry)
            guard element.radius > 0 else {
                throw Diagnostic(.badArgument, "a radius of \(radius) is not possible", remedy: "give more than 0")
            }
            let pixels = try radius.pixels(along: 0, of: image.geometry)
            let height = height ?? pixels
            guard height >= 0, height.isFinite else {
                throw Diagnostic(.badArgument, "a height of \(height) is not possible", remedy: "give 0 or more")
            }
            let ball = RollingBall(element: element, height: height)
            let sign: Float = objects == .bright ? 1 : -1
            return try image.mappingChannels { source, target in
                ball.apply(source, into: target, sign: sign, size: image.size, pool: pool)
            }
        }
    }
}

/// The grey erosion of an image by a ball: at each pixel, the least of `value + drop` over the ball's pixels that lie in the
/// image, where `drop` is how far the ball's surface lies above its lowest point there.
struct RollingBall: Sendable {
    let element: StructuringElement.Resolved
    let height: Double

    func apply(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, sign: Float,
        size: GridSize, pool: ThreadPool
    ) {
        nonisolated(unsafe) let source = source, target = target
        let reach = element.reach, spacing = element.spacing, limit = element.radius * element.radius
        pool.forEach(size.y * size.z) { (row: Int) in
            let y = row % size.y, z = row / size.y, width = size.x
            let out = UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width])
            out.initialize(repeating: .infinity)
            for oz in max(-reach.z, -z)...min(reach.z, size.z - 1 - z) {
                for oy in max(-reach.y, -y)...min(reach.y, size.y - 1 - y) {
                    let first = ((z + oz) * size.y + y + oy) * width
                    let line = UnsafeBufferPointer(rebasing: source[first..<first + width])
                    let a = Double(oz) * spacing.z, b = Double(oy) * spacing.y
                    for ox in -reach.x...reach.x {
                        let c = Double(ox) * spacing.x, square = a * a + b * b + c * c
                        guard square <= limit * (1 + 1e-9) else { continue }
                        let drop = Float(height * (1 - max(0, 1 - square / limit).squareRoot()))
                        for x in max(0, -ox)..<max(max(0, -ox), min(width, width - ox)) {
                            let value = line[x &+ ox] * sign + drop
                            out[x] = value < out[x] ? value : out[x]
                        }
                    }
                }
            }
            if sign < 0 { for x in 0..<width { out[x] = -out[x] } }
        }
    }
}
