import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// p = softmax(z / T) with a T for each pixel, which a small network reads from the logits and the image around it (Ding et
/// al., "Local temperature scaling for probability calibration", ICCV 2021; structure and constants as in their code). The
/// answer of a pixel never changes.
///
/// Nine maps come from 5×5 convolutions with gaps of one pixel, over the image continued by reflection: temperatures t1…t4 and
/// mixes m1, m2, m3 from the logits, ti from the image, mi from the logits. With blend(a, b, m) = a σ(m) + b (1 − σ(m)),
/// u = blend(blend(t1 + 1, t2 + 1, m1), blend(t3 + 1, t4 + 1, m2), m3) and v = blend(u, ti + 1, mi), T = max(0, v + 1) + 10⁻⁸.
/// Volumes are worked on slice by slice.
public struct LocalTemperatureScaling: Hashable, Codable, Sendable {
    /// What T is before anything is fitted, where all weights are 0.
    public enum Start: String, CaseIterable, Hashable, Codable, Sendable {
        /// T = 2: public code adds 1 twice.
        case two
        /// T = 1: max(0, v) + 10⁻⁸.
        case one
    }

    /// One output of a convolution: 25 weights for each input plane, row by row, and a constant.
    public struct Filter: Hashable, Codable, Sendable {
        public var weights: [Float]
        public var bias: Float

        public init(weights: [Float], bias: Float) {
            (self.weights, self.bias) = (weights, bias)
        }
    }

    /// Names of the filters, in their order.
    public static let names = [
        "temperature1", "temperature2", "temperature3", "temperature4", "mix1", "mix2", "mix3", "imageTemperature",
        "imageMix",
    ]
    /// The filter that looks at the image.
    static let ofImage = 7
    /// How far a filter reaches, and pixels of a row that its weights lie apart.
    static let reach = 4, gap = 2, side = 5
    /// The least width and height that can be continued by reflection.
    public static let smallestSide = reach + 1

    public var start: Start
    /// In the order of `names`.
    public var filters: [Filter]

    public init(start: Start, filters: [Filter]) {
        (self.start, self.filters) = (start, filters)
    }

    /// All weights 0.
    public init(classCount: Int, channels: Int, start: Start) {
        self.start = start
        filters = Self.names.indices.map { index in
            let planes = index == Self.ofImage ? channels : classCount
            return Filter(weights: Array(repeating: 0, count: planes * Self.side * Self.side), bias: 0)
        }
    }

    /// Channels of the image.
    public var channels: Int {
        filters.indices.contains(Self.ofImage) ? filters[Self.ofImage].weights.count / (Self.side * Self.side) : 0
    }

    /// Whether numbers are finite and as many as the classes need.
    func isPossible(classCount: Int) -> Bool {
        filters.count == Self.names.count && channels >= 1
            && filters.enumerated().allSatisfy { index, filter in
                let planes = index == Self.ofImage ? channels : classCount
                return filter.bias.isFinite && filter.weights.count == planes * Self.side * Self.side
                    && filter.weights.allSatisfy(\.isFinite)
            }
    }

    /// T of each pixel of a slice.
    /// - Parameters:
    ///   - logits: class by class, row by row.
    ///   - image: channel by channel, in the units that the filters were fitted to.
    /// - Throws: `Diagnostic` when the numbers do not fill the slice, or it is narrower than five pixels.
    public func temperatures(
        logits: [Float], image: [Float], width: Int, height: Int, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> [Float] {
        guard width >= Self.smallestSide, height >= Self.smallestSide else {
            throw Diagnostic(
                .badArgument, "a slice of \(width) × \(height) is too small for a temperature of each pixel",
                remedy: "at least \(Self.smallestSide) pixels along each side are needed")
        }
        guard !logits.isEmpty, logits.count % (width * height) == 0, image.count == channels * width * height,
            isPossible(classCount: logits.count / (width * height))
        else {
            throw Diagnostic(
                .channelMismatch, "the temperature of each pixel was fitted to other numbers of classes or channels",
                remedy: "give an image of \(channels) channel(s), and the classes it was fitted to")
        }
        let input = LocalTemperatureInput(logits: logits, image: image, width: width, height: height)
        return LocalTemperaturePass(self, input, pool).temperatures
    }

    /// The gradient of a sum of weighted temperatures for the filters, on a slice that `temperatures` takes.
    package func gradient(
        _ weights: [Float], logits: [Float], image: [Float], width: Int, height: Int
    ) -> [Filter] {
        let input = LocalTemperatureInput(logits: logits, image: image, width: width, height: height)
        return LocalTemperaturePass(self, input, .serial).gradient(weights)
    }

    /// T of each pixel of a map, slice by slice. The image is brought to mean 0 and deviation 1, as it was for the fit.
    func temperatures(_ map: ProbabilityMap, _ image: Image, _ pool: ThreadPool) throws(Diagnostic) -> [Float] {
        try image.geometry.requireMatch(map.geometry, "the probabilities and the image")
        let size = map.size, slice = size.x * size.y, count = size.count
        let scales = LocalTemperatureSample.scales(of: image)
        var all: [Float] = []
        all.reserveCapacity(count)
        for z in 0..<size.z {
            let places = z * slice..<(z + 1) * slice
            var logits: [Float] = [], pixels: [Float] = []
            map.values.withUnsafeBufferPointer { values in
                for plane in map.classes.indices {
                    for index in places {
                        logits.append(logf(max(values[plane * count + index], Recalibration.smallest)))
                    }
                }
            }
            image.pixels.withUnsafeBufferPointer { values in
                for (channel, scale) in scales.enumerated() {
                    for index in places { pixels.append((values[channel * count + index] - scale.mean) * scale.factor) }
                }
            }
            all += try temperatures(logits: logits, image: pixels, width: size.x, height: size.y, pool: pool)
        }
        return all
    }
}

/// Planes continued by reflection, ready for the filters.
struct LocalTemperatureInput: Sendable {
    let width, height: Int
    let logits, image: [Float]

    init(logits: [Float], image: [Float], width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        self.logits = Self.continued(logits, width, height)
        self.image = Self.continued(image, width, height)
    }

    /// Width of the continued planes.
    var stride: Int { width + 2 * LocalTemperatureScaling.reach }
    var plane: Int { stride * (height + 2 * LocalTemperatureScaling.reach) }

    private static func continued(_ planes: [Float], _ width: Int, _ height: Int) -> [Float] {
        let reach = LocalTemperatureScaling.reach
        func mirrored(_ place: Int, _ count: Int) -> Int {
            place < 0 ? -place : place >= count ? 2 * (count - 1) - place : place
        }
        let columns = (-reach..<width + reach).map { mirrored($0, width) }
        var out: [Float] = []
        out.reserveCapacity(planes.count / (width * height) * columns.count * (height + 2 * reach))
        for plane in 0..<planes.count / (width * height) {
            for y in -reach..<height + reach {
                let row = (plane * height + mirrored(y, height)) * width
                for column in columns { out.append(planes[row + column]) }
            }
        }
        return out
    }
}

/// The nine maps of a slice, the temperatures that they blend to, and the way back.
struct LocalTemperaturePass: Sendable {
    private let scaling: LocalTemperatureScaling
    private let input: LocalTemperatureInput
    private let pool: ThreadPool
    private let maps: [[Float]]
    let temperatures: [Float]

    init(_ scaling: LocalTemperatureScaling, _ input: LocalTemperatureInput, _ pool: ThreadPool) {
        (self.scaling, self.input, self.pool) = (scaling, input, pool)
        let filters = scaling.filters
        let made = Monitor(Array(repeating: [Float](), count: filters.count))
        pool.forEach(filters.count) { (index: Int) in
            let map = Self.response(
                filters[index], index == LocalTemperatureScaling.ofImage ? input.image : input.logits, input)
            made.update { $0[index] = map }
        }
        maps = made.wait(until: { _ in true }) { $0 }
        let offset: Float = scaling.start == .two ? 1 : 0, maps = self.maps
        temperatures = (0..<input.width * input.height).map { max(0, Blend(maps, $0).v + offset) + 1e-8 }
    }

    private static func response(
        _ filter: LocalTemperatureScaling.Filter, _ planes: [Float], _ input: LocalTemperatureInput
    ) -> [Float] {
        let side = LocalTemperatureScaling.side, gap = LocalTemperatureScaling.gap
        let width = input.width, stride = input.stride, plane = input.plane
        var out = [Float](repeating: filter.bias, count: width * input.height)
        out.withUnsafeMutableBufferPointer { out in
            planes.withUnsafeBufferPointer { planes in
                for y in 0..<input.height {
                    for (place, weight) in filter.weights.enumerated() where weight != 0 {
                        let row = place / (side * side) * plane + (y + gap * (place / side % side)) * stride
                        let first = row + gap * (place % side), target = y * width
                        for x in 0..<width { out[target &+ x] += weight * planes[first &+ x] }
                    }
                }
            }
        }
        return out
    }

    /// How the maps of a pixel are blended.
    private struct Blend {
        let t1, t2, t3, t4, ti: Float
        let s1, s2, s3, si: Float
        let a, b, u, v: Float

        @inline(__always)
        init(_ maps: [[Float]], _ index: Int) {
            (t1, t2, t3, t4, ti) = (
                maps[0][index] + 1, maps[1][index] + 1, maps[2][index] + 1, maps[3][index] + 1, maps[7][index] + 1
            )
            func sigmoid(_ value: Float) -> Float { 1 / (1 + expf(-value)) }
            (s1, s2, s3, si) = (
                sigmoid(maps[4][index]), sigmoid(maps[5][index]), sigmoid(maps[6][index]), sigmoid(maps[8][index])
            )
            a = t1 * s1 + t2 * (1 - s1)
            b = t3 * s2 + t4 * (1 - s2)
            u = a * s3 + b * (1 - s3)
            v = u * si + ti * (1 - si)
        }
    }

    /// The gradient for the filters, from that for the temperatures.
    func gradient(_ ofTemperatures: [Float]) -> [LocalTemperatureScaling.Filter] {
        var byMap = Array(repeating: [Float](repeating: 0, count: ofTemperatures.count), count: maps.count)
        for index in ofTemperatures.indices where temperatures[index] > 1e-8 {
            let g = ofTemperatures[index], blend = Blend(maps, index)
            let u = g * blend.si, a = u * blend.s3, b = u * (1 - blend.s3)
            byMap[0][index] = a * blend.s1
            byMap[1][index] = a * (1 - blend.s1)
            byMap[2][index] = b * blend.s2
            byMap[3][index] = b * (1 - blend.s2)
            byMap[4][index] = a * (blend.t1 - blend.t2) * blend.s1 * (1 - blend.s1)
            byMap[5][index] = b * (blend.t3 - blend.t4) * blend.s2 * (1 - blend.s2)
            byMap[6][index] = u * (blend.a - blend.b) * blend.s3 * (1 - blend.s3)
            byMap[7][index] = g * (1 - blend.si)
            byMap[8][index] = g * (blend.u - blend.ti) * blend.si * (1 - blend.si)
        }
        let rows = byMap, input = input
        let made = Monitor(Array(repeating: LocalTemperatureScaling.Filter(weights: [], bias: 0), count: maps.count))
        let counts = scaling.filters.map(\.weights.count)
        pool.forEach(maps.count) { (index: Int) in
            let planes = index == LocalTemperatureScaling.ofImage ? input.image : input.logits
            let filter = Self.weights(rows[index], planes, input, count: counts[index])
            made.update { $0[index] = filter }
        }
        return made.wait(until: { _ in true }) { $0 }
    }

    private static func weights(
        _ gradient: [Float], _ planes: [Float], _ input: LocalTemperatureInput, count: Int
    ) -> LocalTemperatureScaling.Filter {
        let side = LocalTemperatureScaling.side, gap = LocalTemperatureScaling.gap
        let width = input.width, stride = input.stride, plane = input.plane
        var filter = LocalTemperatureScaling.Filter(weights: Array(repeating: 0, count: count), bias: 0)
        filter.bias = Float(gradient.reduce(0.0) { $0 + Double($1) })
        guard gradient.contains(where: { $0 != 0 }) else { return filter }
        gradient.withUnsafeBufferPointer { gradient in
            planes.withUnsafeBufferPointer { planes in
                for place in 0..<count {
                    let start = place / (side * side) * plane + gap * (place / side % side) * stride
                    var sum = 0.0
                    for y in 0..<input.height {
                        let first = start + y * stride + gap * (place % side), row = y * width
                        var lanes = SIMD8<Float>.zero
                        for block in 0..<width / 8 {
                            var a = SIMD8<Float>.zero, b = a
                            for lane in 0..<8 {
                                a[lane] = gradient[row &+ 8 &* block &+ lane]
                                b[lane] = planes[first &+ 8 &* block &+ lane]
                            }
                            lanes += a * b
                        }
                        sum += Double(lanes.sum())
                        for x in width / 8 * 8..<width { sum += Double(gradient[row &+ x] * planes[first &+ x]) }
                    }
                    filter.weights[place] = Float(sum)
                }
            }
        }
        return filter
    }
}
