import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A fitted map from probabilities to better ones, and what it was fitted to. A value of plain numbers, readable as JSON.
public struct Recalibration: Hashable, Sendable {
    public enum Method: Hashable, Sendable {
        case temperature(TemperatureScaling)
        case localTemperature(LocalTemperatureScaling)
        case vector(VectorScaling)
        case platt(PlattScaling)
        case histogramBinning(HistogramBinning)
        case isotonic(IsotonicCalibration)

        /// Whether the most probable class of a pixel never changes.
        public var keepsAnswers: Bool {
            switch self {
            case .temperature, .localTemperature: true
            case .vector, .platt, .histogramBinning, .isotonic: false
            }
        }

        public var name: String {
            switch self {
            case .temperature: "temperature"
            case .localTemperature: "local-temperature"
            case .vector: "vector"
            case .platt: "platt"
            case .histogramBinning: "histogram-binning"
            case .isotonic: "isotonic"
            }
        }
    }

    /// What it was fitted to, and what that did there.
    public struct Fit: Hashable, Codable, Sendable {
        public var cases: Int
        /// Pixels that parameters were fitted to, and pixels of the region in all cases together.
        public var pixels: Int
        public var regionPixels: Int
        public var region: CalibrationRegion
        /// Of the points that were kept: the log loss, and the share of pixels whose answer changed.
        public var logLossBefore, logLossAfter: Score
        public var answersChanged: Double
        /// In words: what to be careful about.
        public var notes: [String]
    }

    /// Names, in the order of the planes that it takes.
    public var classes: [String]
    public var method: Method
    public var fit: Fit?

    public init(classes: [String], method: Method, fit: Fit? = nil) throws(Diagnostic) {
        (self.classes, self.method, self.fit) = (classes, method, fit)
        try validate()
    }

    static var nothing: Diagnostic {
        Diagnostic(
            .undefinedResult, "there is no pixel to fit to",
            remedy: "give labelled images; with a region of foreground, some that have any")
    }

    /// - Throws: `Diagnostic` when numbers are missing, not finite or not possible.
    public func validate() throws(Diagnostic) {
        let count = classes.count
        func check(_ holds: Bool, _ what: String) throws(Diagnostic) {
            guard holds else { throw Diagnostic(.badValue, "the recalibration '\(method.name)': \(what)") }
        }
        try check((2...254).contains(count), "\(count) classes are not possible")
        switch method {
        case .temperature(let scaling):
            try check(
                scaling.temperature > 0 && scaling.temperature.isFinite, "a temperature of \(scaling.temperature)")
        case .localTemperature(let scaling):
            try check(
                scaling.isPossible(classCount: count), "its filters are not finite, or not made for \(count) classes")
        case .vector(let scaling):
            try check(
                scaling.scale.count == count && scaling.shift.count == count
                    && (scaling.scale + scaling.shift).allSatisfy(\.isFinite),
                "it needs a finite scale and shift for each of \(count) classes")
        case .platt(let scaling):
            try check(
                scaling.slope.isFinite && scaling.offset.isFinite && classes.indices.contains(scaling.background),
                "its numbers are not possible")
        case .histogramBinning(let binning):
            try check(
                binning.values.count == count
                    && binning.values.allSatisfy { row in
                        (1...10_000).contains(row.count) && row.allSatisfy { $0 >= 0 && $0 <= 1 }
                    }, "it needs shares in 0...1 for each of \(count) classes")
        case .isotonic(let isotonic):
            try check(
                isotonic.classes.count == count
                    && isotonic.classes.allSatisfy { $0.values.allSatisfy { $0 >= 0 && $0 <= 1 } },
                "it needs a function into 0...1 for each of \(count) classes")
        }
    }

    // MARK: Applying

    /// Probabilities below this count as this where logarithms are taken.
    static let smallest = Float.leastNormalMagnitude

    /// The better probabilities. Where every class gets 0, the old ones stay.
    /// - Parameter image: what the probabilities were predicted from; only local temperatures look at it.
    /// - Throws: `Diagnostic` when the map has other classes, or classes that may overlap, or the image is needed and
    ///   missing or another.
    public func callAsFunction(
        _ map: ProbabilityMap, image: Image? = nil, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> ProbabilityMap {
        try CalibrationEvaluation.require(map)
        guard map.classes == classes else {
            throw Diagnostic(
                .channelMismatch,
                "the recalibration was fitted to the classes \(classes.joined(separator: ", ")), the map has "
                    + map.classes.joined(separator: ", "),
                remedy: "fit it to predictions of the same model")
        }
        let count = map.size.count, planes = classes.count, block = 1 << 12
        let rule = PixelRule(method, classes: planes), temperatures = try temperatures(map, image, pool)
        let values = AlignedBuffer<Float>(count: planes * count) { out in
            map.values.withUnsafeBufferPointer { values in
                nonisolated(unsafe) let (values, out) = (values, out)
                pool.forEach((count + block - 1) / block) { (part: Int) in
                    withUnsafeTemporaryAllocation(of: Double.self, capacity: planes) { pixel in
                        for index in part * block..<min(count, (part + 1) * block) {
                            for plane in 0..<planes { pixel[plane] = Double(values[plane &* count &+ index]) }
                            rule(pixel, temperature: temperatures.map { Double($0[index]) })
                            for plane in 0..<planes { out[plane &* count &+ index] = Float(pixel[plane]) }
                            if method.keepsAnswers {
                                Self.keepAnswer(values, out, index: index, count: count, planes: planes)
                            }
                        }
                    }
                }
            }
        }
        return try ProbabilityMap(geometry: map.geometry, classes: classes, values: values)
    }

    /// T of each pixel, nil where the method has none.
    private func temperatures(
        _ map: ProbabilityMap, _ image: Image?, _ pool: ThreadPool
    ) throws(Diagnostic) -> [Float]? {
        guard case .localTemperature(let scaling) = method else { return nil }
        guard let image else {
            throw Diagnostic(
                .badArgument, "temperatures that differ from pixel to pixel are read from the image, which is missing",
                remedy: "give calibrate.apply the image that the probabilities were predicted from, as `image`")
        }
        return try scaling.temperatures(map, image, pool)
    }

    /// Rounding can make the two largest probabilities equal; the first answer must stay the largest.
    private static func keepAnswer(
        _ old: UnsafeBufferPointer<Float>, _ new: UnsafeMutableBufferPointer<Float>, index: Int, count: Int, planes: Int
    ) {
        func answer(_ value: (Int) -> Float) -> Int {
            var best = 0
            for plane in 1..<planes where value(plane) > value(best) { best = plane }
            return best
        }
        let before = answer { old[$0 &* count &+ index] }, after = answer { new[$0 &* count &+ index] }
        if before != after { new[before &* count &+ index] = min(1, new[after &* count &+ index].nextUp) }
    }
}

/// What a method does to the probabilities of one pixel.
struct PixelRule: Sendable {
    private let method: Recalibration.Method
    private let classes: Int

    init(_ method: Recalibration.Method, classes: Int) {
        (self.method, self.classes) = (method, classes)
    }

    /// - Parameter temperature: of this pixel, where they differ.
    func callAsFunction(_ pixel: UnsafeMutableBufferPointer<Double>, temperature: Double? = nil) {
        switch method {
        case .localTemperature:
            let inverse = 1 / (temperature ?? 1)
            softmax(pixel) { _, logit in inverse * logit }
        case .temperature(let scaling):
            let inverse = 1 / scaling.temperature
            softmax(pixel) { _, logit in inverse * logit }
        case .vector(let scaling): softmax(pixel) { scaling.scale[$0] * $1 + scaling.shift[$0] }
        case .platt(let scaling): platt(pixel, scaling)
        case .histogramBinning(let binning):
            normalize(pixel) { plane, value in
                let row = binning.values[plane]
                // The same comparison with rounded edges as in counting.
                var bin = max(0, min(row.count - 1, Int((value * Double(row.count)).rounded(.up)) - 1))
                if bin > 0, Float(value) <= Float(Double(bin) / Double(row.count)) { bin -= 1 }
                if bin < row.count - 1, Float(value) > Float(Double(bin + 1) / Double(row.count)) { bin += 1 }
                return row[bin]
            }
        case .isotonic(let isotonic): normalize(pixel) { isotonic.classes[$0]($1) }
        }
    }

    private func logarithm(_ probability: Double) -> Double { log(max(probability, Double(Recalibration.smallest))) }

    private func softmax(_ pixel: UnsafeMutableBufferPointer<Double>, _ logit: (Int, Double) -> Double) {
        var top = -Double.infinity, total = 0.0
        for plane in 0..<classes {
            pixel[plane] = logit(plane, logarithm(pixel[plane]))
            top = max(top, pixel[plane])
        }
        for plane in 0..<classes {
            pixel[plane] = exp(pixel[plane] - top)
            total += pixel[plane]
        }
        for plane in 0..<classes { pixel[plane] /= total }
    }

    private func normalize(_ pixel: UnsafeMutableBufferPointer<Double>, _ value: (Int, Double) -> Double) {
        var total = 0.0
        for plane in 0..<classes { total += value(plane, pixel[plane]) }
        guard total > 0 else { return }
        for plane in 0..<classes { pixel[plane] = value(plane, pixel[plane]) / total }
    }

    private func platt(_ pixel: UnsafeMutableBufferPointer<Double>, _ scaling: PlattScaling) {
        var highest = 0.0, sum = 0.0
        for plane in 0..<classes where plane != scaling.background {
            highest = max(highest, pixel[plane])
            sum += pixel[plane]
        }
        let score = logarithm(highest) - logarithm(pixel[scaling.background])
        let foreground = 1 / (1 + exp(-(scaling.slope * score + scaling.offset)))
        for plane in 0..<classes where plane != scaling.background {
            pixel[plane] = sum > 0 ? pixel[plane] / sum * foreground : foreground / Double(classes - 1)
        }
        pixel[scaling.background] = 1 - foreground
    }
}
