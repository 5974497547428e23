import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a temperature of each pixel is fitted to: a window of some cases, around a pixel that is drawn by the case's name.
/// Samples of parts of a data set merge to the same bytes in any order.
public struct LocalTemperatureSample: Sendable {
    /// How cases are sampled, and how the filters are fitted.
    public struct Settings: Hashable, Sendable {
        /// Which pixels count: all, the reference's foreground, or that and the prediction's.
        public var region = CalibrationRegion.all
        /// The label of each plane; empty: as the references name the classes, or 0, 1, 2, ….
        public var labels: [Int32] = []
        /// The label of background.
        public var background: Int32 = 0
        public var ignoredLabel: Int32?
        /// Pixels along each side of a window, at least 5; smaller slices are kept whole.
        public var window = 128
        /// Cases kept, at most; which ones is drawn by their names.
        public var cases = 200
        public var seed: UInt64 = 0
        public var start = LocalTemperatureScaling.Start.two
        /// Passes over all windows; published: 50.
        public var epochs = 50
        /// Of Adam (0.9, 0.999, 1e-8); published: 1e-4.
        public var rate = 1e-4

        public init() {}
    }

    /// The window of a case.
    struct Case: Sendable {
        var name: String
        /// By it cases are chosen where there are too many.
        var rank: UInt64
        var width, height: Int
        /// Planes of the window; the image has mean 0 and deviation 1 over the whole image.
        var logits, image: [Float]
        /// Places among the classes; 255 where a pixel does not count.
        var truth: [UInt8]
        /// Pixels of the region in the whole case.
        var regionPixels: Int
    }

    public let settings: Settings
    public private(set) var classes: [String] = []
    private(set) var channels = 1
    /// By ascending name.
    private(set) var cases: [Case] = []
    /// Of all cases, kept or not.
    private var names: Set<String> = []

    public init(_ settings: Settings) {
        self.settings = settings
    }

    /// Cases that were added, kept or not.
    public var caseCount: Int { names.count }

    /// Adds a case.
    /// - Throws: `Diagnostic` when the name is there already, classes or channels differ from the others', a label has no
    ///   class, the maps lie on different grids, a slice is too small, or the settings are not possible.
    public mutating func add(
        _ name: String, probabilities map: ProbabilityMap, image: Image, reference: LabelMap, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        let region = try RegionPixels(
            map, reference, region: settings.region, labels: settings.labels, background: settings.background,
            ignoring: settings.ignoredLabel, pool: pool)
        try image.geometry.requireMatch(map.geometry, "the probabilities and the image")
        let smallest = LocalTemperatureScaling.smallestSide
        guard settings.window >= smallest, settings.cases >= 1, map.size.x >= smallest, map.size.y >= smallest else {
            throw Diagnostic(
                .badArgument,
                "windows of \(settings.window) pixels of \(settings.cases) case(s), in slices of \(map.size.x) × "
                    + "\(map.size.y), are not possible",
                remedy: "at least \(smallest) pixels along each side are needed")
        }
        var one = LocalTemperatureSample(settings)
        (one.classes, one.channels, one.names) = (map.classes, image.colorModel.channelCount, [name])
        let count = map.size.count, pixels = (0..<count).reduce(0) { $0 + (region.contains($1) ? 1 : 0) }
        if pixels > 0 {
            var random = PhiloxStream(seed: settings.seed, stream: "local-temperature/" + name)
            let rank = random.next()
            var wanted = min(pixels - 1, Int(random.uniform() * Double(pixels)))
            let center = (0..<count).first { index in
                guard region.contains(index) else { return false }
                wanted -= 1
                return wanted < 0
            }
            one.cases = [
                window(name, around: center ?? 0, map, image, rank: rank, pixels) {
                    region.contains($0) ? region.truth[$0] : PixelTruth.ignored
                }
            ]
        }
        try merge(one)
    }

    private func window(
        _ name: String, around center: Int, _ map: ProbabilityMap, _ image: Image, rank: UInt64, _ pixels: Int,
        truth: (Int) -> UInt8
    ) -> Case {
        let size = map.size, count = size.count
        func range(_ place: Int, _ length: Int) -> Range<Int> {
            let width = min(settings.window, length), first = max(0, min(length - width, place - width / 2))
            return first..<first + width
        }
        let columns = range(center % size.x, size.x), rows = range(center / size.x % size.y, size.y)
        let slice = center / (size.x * size.y) * size.x * size.y
        let places = rows.flatMap { row in columns.map { slice + row * size.x + $0 } }
        let scales = Self.scales(of: image)
        return Case(
            name: name, rank: rank, width: columns.count, height: rows.count,
            logits: map.classes.indices.flatMap { plane in
                places.map { logf(max(map.values[plane * count + $0], Recalibration.smallest)) }
            },
            image: scales.enumerated().flatMap { channel, scale in
                places.map { (image.pixels[channel * count + $0] - scale.mean) * scale.factor }
            },
            truth: places.map(truth), regionPixels: pixels)
    }

    /// What brings each channel of an image to mean 0 and deviation 1, whatever its units; an even one becomes 0.
    static func scales(of image: Image) -> [(mean: Float, factor: Float)] {
        let count = image.size.count
        return image.pixels.withUnsafeBufferPointer { pixels in
            (0..<image.colorModel.channelCount).map { channel in
                var sum = 0.0, squares = 0.0
                for index in channel * count..<(channel + 1) * count { sum += Double(pixels[index]) }
                let mean = sum / Double(count)
                for index in channel * count..<(channel + 1) * count {
                    squares += (Double(pixels[index]) - mean) * (Double(pixels[index]) - mean)
                }
                let deviation = (squares / Double(count)).squareRoot()
                return (Float(mean), deviation > 1e-12 * max(1, abs(mean)) ? Float(1 / deviation) : 0)
            }
        }
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: LocalTemperatureSample) throws(Diagnostic) {
        guard settings == other.settings else {
            throw Diagnostic(.badArgument, "samples of different settings do not add up")
        }
        guard other.caseCount > 0 else { return }
        guard caseCount > 0 else {
            self = other
            return
        }
        guard classes == other.classes, channels == other.channels else {
            throw Diagnostic(
                .channelMismatch,
                "cases have the classes \(classes.joined(separator: ", ")) and \(other.classes.joined(separator: ", ")), "
                    + "and images of \(channels) and \(other.channels) channels")
        }
        if let twice = names.intersection(other.names).min() {
            throw Diagnostic(.duplicateName, "there are two cases named \"\(twice)\"")
        }
        var all = (cases + other.cases).sorted { $0.name < $1.name }
        if all.count > settings.cases {
            let kept = Set(all.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.prefix(settings.cases).map(\.name))
            all.removeAll { !kept.contains($0.name) }
        }
        cases = all
        names.formUnion(other.names)
    }
}
