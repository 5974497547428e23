import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Takes single waves out of an image, such as the lines of mains hum, of a grid or of a screen.
///
/// Around each wave a Gaussian notch `1 − exp(−d²/(2 width²))` is cut, d in cycles over the image (Gonzalez & Woods, Digital
/// Image Processing, 4th ed., section 4.10). The waves are given, or found: frequencies that stand out from the median of
/// their ring. Waves are looked for in the image taken as periodic, where one with whole cycles is one frequency. The mean
/// stays where the border is periodic, and nearly so elsewhere. Each channel by itself; alpha is untouched.
public struct Notch: Sendable {
    public enum Waves: Hashable, Sendable {
        /// Cycles over the image along x, y (and z): how far from the middle they show in `SpectrumPicture`.
        case given([[Double]])
        /// Local peaks at least `threshold` times the median of their ring, beyond `protected` cycles over the longest side,
        /// at most `most` of them.
        case found(threshold: Double = 8, protected: Double = 4, most: Int = 32)
    }

    public var waves: Waves
    /// Standard deviation of a notch, in cycles over the image.
    public var width: Double
    /// What the notches see beyond the image. Periodic takes waves with whole cycles out up to the edges; of others it leaves
    /// more at the edges than a mirror image or the mean does.
    public var border: Border

    public init(_ waves: Waves = .found(), width: Double = 1, border: Border = .periodic) {
        self.waves = waves
        self.width = width
        self.border = border
    }

    /// - Throws: `Diagnostic` when the settings are out of range or a wave does not fit the grid.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard width > 0, width <= 1024 else {
            throw Diagnostic(.badArgument, "a width of \(width) cycles is not possible", remedy: "give more than 0")
        }
        let given = try checked(image.size)
        // Four standard deviations of a notch's impulse response, a Gaussian of n/(2π width) pixels.
        let size = image.size, pixels = SIMD3(Double(size.x), Double(size.y), Double(size.z))
        let grid = try PaddedGrid(size, reach: pixels * (2 / .pi / width), border: border)
        let padded = grid.padded, stretch = SIMD3(Double(padded.x), Double(padded.y), Double(padded.z)) / pixels
        let found = given == nil && padded != size ? try waves(in: image, pool: pool) : []
        var channel = 0
        return try image.filteringChannels(grid, pool: pool) { mean in
            (offset: mean, base: mean, outside: mean)
        } through: { spectrum in
            let waves = given ?? (padded == size ? peaks(spectrum) : found[channel])
            for wave in waves { cut(wave, from: &spectrum, stretch: stretch) }
            channel += 1
        }
    }

    /// The waves that would be taken out of each channel, in cycles over the image along x, y, z.
    /// - Throws: as calling the filter does.
    public func waves(in image: Image, pool: ThreadPool = .serial) throws -> [[SIMD3<Double>]] {
        let given = try checked(image.size)
        return try (0..<image.colors).map { channel in
            if let given { return given }
            let values = image.withChannel(channel) { values in
                let mean = Moments.mean(of: values, pool: pool)
                return AlignedBuffer(values.map { Float(Double($0) - mean) })
            }
            return peaks(try FourierTransform(size: image.size).forward(values, pool: pool))
        }
    }

    /// Given waves that fit a grid; nil where they are to be found.
    private func checked(_ size: GridSize) throws(Diagnostic) -> [SIMD3<Double>]? {
        switch waves {
        case .found(let threshold, let protected, let most):
            guard threshold > 1, threshold.isFinite, protected >= 0, protected.isFinite, most >= 1 else {
                throw Diagnostic(
                    .badArgument, "a threshold of \(threshold) beyond \(protected) cycles is not possible",
                    remedy:
                        "the threshold is above 1, the protected cycles at least 0, and at least one wave is allowed")
            }
            return nil
        case .given(let list):
            var waves: [SIMD3<Double>] = []
            for wave in list {
                guard wave.count == size.dimensions, wave.allSatisfy(\.isFinite) else {
                    throw Diagnostic(
                        .badArgument, "a wave of \(wave.count) numbers does not fit a grid of \(size)",
                        remedy: "give cycles over the image along each axis: `[12, 0]`")
                }
                var cycles = SIMD3<Double>.zero
                for axis in 0..<wave.count {
                    cycles[axis] = wave[axis]
                    guard abs(wave[axis]) <= Double(size[axis]) / 2 else {
                        throw Diagnostic(
                            .badArgument, "\(wave[axis]) cycles do not fit \(size[axis]) pixels",
                            remedy: "no wave is shorter than 2 px")
                    }
                }
                guard cycles != .zero else {
                    throw Diagnostic(.badArgument, "a wave of 0 cycles is the image's mean", remedy: "leave it out")
                }
                waves.append(cycles)
            }
            return waves
        }
    }

    /// Frequencies that stand out from their ring, the strongest first.
    private func peaks(_ spectrum: Spectrum) -> [SIMD3<Double>] {
        guard case .found(let threshold, let protected, let most) = waves else { return [] }
        let size = spectrum.size, rings = FrequencyRings(size)
        func amplitude(_ x: Int, _ y: Int, _ z: Int) -> Float {
            let value = spectrum.anywhere(
                (x + size.x) % size.x, (y + size.y) % size.y, (z + size.z) % size.z)
            return (value.x * value.x + value.y * value.y).squareRoot()
        }
        var members = [[Float]](repeating: [], count: rings.count)
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<spectrum.width {
                    members[Int(rings.distance(x, y, z).rounded())].append(amplitude(x, y, z))
                }
            }
        }
        let medians = members.map { ring -> Float in ring.isEmpty ? .infinity : ring.sorted()[ring.count / 2] }
        var found: [(wave: SIMD3<Double>, amplitude: Float, index: Int)] = []
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<spectrum.width {
                    let distance = rings.distance(x, y, z), own = amplitude(x, y, z)
                    guard distance > protected, own > 0,
                        Double(own) >= threshold * Double(medians[Int(distance.rounded())])
                    else { continue }
                    // A wave and its mirror image are one: of those that are stored twice, the first.
                    if x == 0 || 2 * x == size.x {
                        let mirrored = ((size.z - z) % size.z, (size.y - y) % size.y)
                        if mirrored < (z, y) { continue }
                    }
                    var isPeak = true
                    for dz in size.isPlanar ? 0...0 : -1...1 {
                        for dy in -1...1 {
                            for dx in -1...1 where isPeak && amplitude(x + dx, y + dy, z + dz) > own { isPeak = false }
                        }
                    }
                    guard isPeak else { continue }
                    func cycles(_ index: Int, _ n: Int) -> Double { Double(2 * index > n ? index - n : index) }
                    found.append(
                        ([cycles(x, size.x), cycles(y, size.y), cycles(z, size.z)], own, (z * size.y + y) * size.x + x))
                }
            }
        }
        found.sort { $0.amplitude != $1.amplitude ? $0.amplitude > $1.amplitude : $0.index < $1.index }
        return found.prefix(most).map(\.wave)
    }

    /// Cuts a notch around a wave and its mirror image.
    /// - Parameter stretch: frequencies of the spectrum for each cycle over the image.
    private func cut(_ wave: SIMD3<Double>, from spectrum: inout Spectrum, stretch: SIMD3<Double>) {
        let size = spectrum.size
        for sign in [1.0, -1] {
            let places = (0..<3).map { axis -> [(index: Int, square: Double)] in
                let n = size[axis], center = wave[axis] * sign * stretch[axis]
                guard n > 1 else { return [(0, 0)] }
                // Every index once, also where the notch is as wide as the grid.
                let reach = Int((4 * width * stretch[axis]).rounded(.up))
                let span = min(n, 2 * reach + 1), start = Int(center.rounded()) - span / 2
                return (start..<start + span).map { place in
                    let gap = (Double(place) - center) / stretch[axis]
                    return (((place % n) + n) % n, gap * gap)
                }
            }
            for z in places[2] {
                for y in places[1] {
                    for x in places[0] where x.index < spectrum.width {
                        let square = x.square + y.square + z.square
                        spectrum[x.index, y.index, z.index] *= Float(1 - exp(-square / (2 * width * width)))
                    }
                }
            }
        }
    }
}
