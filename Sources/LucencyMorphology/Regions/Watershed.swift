import LucencyFoundation
import LucencyImaging

/// Divides touching objects: a landscape is flooded from markers, and where floods meet, objects part.
///
/// Flooding by a queue that is ordered by height, then by time, over neighbours that share a face: L. Vincent and P. Soille,
/// IEEE PAMI 13(6) (1991), in the marker-controlled form of F. Meyer (1994) and scikit-image. Without a landscape it is the
/// distance to the background, upside down. Without markers, they are the peaks of that distance that stand out.
/// Where there is no background, nothing touches: the whole is one object.
public struct Watershed: Sendable {
    /// How far a peak of the distance must stand above the pass to a higher one to be an object of its own, in pixels
    /// (its dynamics: M. Grimaud 1992).
    public var prominence: Double
    /// Standard deviation of a Gaussian that smooths the distance before peaks are found, in pixels.
    public var smoothing: Double
    /// Distances in pixels, or in a metric unit where the spacing is stated; `prominence` and `smoothing` stay in pixels
    /// of the x axis.
    public var metric: Bool

    public init(prominence: Double = 1, smoothing: Double = 1, metric: Bool = false) {
        self.prominence = prominence
        self.smoothing = smoothing
        self.metric = metric
    }

    /// - Parameters:
    ///   - mask: what is divided: every label above 0. What is ignored (below 0) stays so.
    ///   - markers: labels above 0 from which to flood; nil: peaks of the distance.
    ///   - landscape: flooded from low to high; nil: the distance to the background, upside down.
    /// - Returns: labels of the markers, or 1…n; 0 where no marker reaches.
    /// - Throws: `Diagnostic` when grids differ, a setting is out of range.
    public func callAsFunction(
        _ mask: LabelMap, markers: LabelMap? = nil, landscape: Image? = nil, pool: ThreadPool = .serial
    ) throws -> LabelMap {
        guard prominence >= 0, prominence.isFinite, smoothing >= 0, smoothing <= 1024 else {
            throw Diagnostic(
                .badArgument, "a prominence of \(prominence) with a smoothing of \(smoothing) px is not possible",
                remedy: "give 0 or more")
        }
        if let markers { try mask.geometry.requireMatch(markers.geometry, "labels and markers") }
        if let landscape {
            try mask.geometry.requireMatch(landscape.geometry, "labels and landscape")
            guard landscape.channels == 1 else {
                throw Diagnostic(
                    .channelMismatch, "a landscape needs one channel, and the image has \(landscape.channels)",
                    remedy: "put a `gray` stage before it")
            }
        }
        let isInside = AlignedBuffer<UInt8>(count: mask.labels.count) { out in
            for i in 0..<out.count { out[i] = mask.labels[i] > 0 ? 1 : 0 }
        }
        guard isInside.withUnsafeBufferPointer({ $0.contains(1) }) else { return mask }
        var distance: AlignedBuffer<Float>?
        if markers == nil || landscape == nil { distance = try distances(mask, pool) }
        let seeds: AlignedBuffer<Int32>
        if let markers {
            seeds = markers.labels
        } else {
            seeds = peaks(of: distance ?? AlignedBuffer([]), within: isInside, mask.size, pool)
        }
        let heights: AlignedBuffer<Float>
        if let landscape {
            heights = landscape.pixels
        } else {
            heights = AlignedBuffer(count: mask.labels.count) { out in
                distance?.withUnsafeBufferPointer { distance in for i in 0..<out.count { out[i] = -distance[i] } }
            }
        }
        var labels = Self.flood(heights, from: seeds, within: isInside, size: mask.size)
        labels.withUnsafeMutableBufferPointer { labels in
            for i in 0..<labels.count where mask.labels[i] < 0 { labels[i] = mask.labels[i] }
        }
        return try LabelMap(
            geometry: mask.geometry, labels: labels, table: markers?.table ?? [:], origin: mask.origin)
    }

    private func distances(_ mask: LabelMap, _ pool: ThreadPool) throws -> AlignedBuffer<Float> {
        // Without a background nothing has an edge that a distance could be taken to: a flat landscape, one object.
        guard mask.labels.withUnsafeBufferPointer({ $0.contains { $0 <= 0 } }) else {
            return AlignedBuffer(repeating: 0, count: mask.labels.count)
        }
        // What is ignored belongs to the background.
        let objects = AlignedBuffer<Int32>(count: mask.labels.count) { out in
            for i in 0..<out.count { out[i] = max(0, mask.labels[i]) }
        }
        let distance = try DistanceTransform(unit: metric ? .mm : .px)(
            LabelMap(geometry: mask.geometry, labels: objects), pool: pool)
        guard metric else { return distance.pixels }
        let side = Float(mask.geometry.spacing.x)
        return AlignedBuffer(count: distance.pixels.count) { out in
            for i in 0..<out.count { out[i] = distance.pixels[i] / side }
        }
    }

    /// One pixel for each peak that stands out, numbered in memory order.
    func peaks(
        of distance: AlignedBuffer<Float>, within isInside: AlignedBuffer<UInt8>, _ size: GridSize, _ pool: ThreadPool
    ) -> AlignedBuffer<Int32> {
        var values = distance
        if smoothing > 0 {
            let filter = LineFilter.gaussian(sigma: smoothing)
            values = distance.filtered(
                [filter, size.y > 1 ? filter : nil, size.isPlanar ? nil : filter], size: size, pool: pool)
        }
        let found = Peaks.prominent(values, within: isInside, size: size, above: prominence)
        var seeds = AlignedBuffer<Int32>(repeating: 0, count: size.count)
        seeds.withUnsafeMutableBufferPointer { seeds in
            for (number, index) in found.sorted().enumerated() { seeds[index] = Int32(number + 1) }
        }
        return seeds
    }

    /// Floods from the seeds over everything inside.
    static func flood(
        _ heights: AlignedBuffer<Float>, from seeds: AlignedBuffer<Int32>, within isInside: AlignedBuffer<UInt8>,
        size: GridSize
    ) -> AlignedBuffer<Int32> {
        let neighbours = Neighbourhood(size, .face)
        var labels = AlignedBuffer<Int32>(count: size.count) { out in
            for i in 0..<out.count { out[i] = isInside[i] != 0 ? max(0, seeds[i]) : 0 }
        }
        var queue = FloodQueue()
        var age = 0
        labels.withUnsafeMutableBufferPointer { labels in
            isInside.withUnsafeBufferPointer { isInside in
                heights.withUnsafeBufferPointer { heights in
                    for i in 0..<labels.count where labels[i] != 0 {
                        queue.push(.init(height: heights[i], age: 0, index: i))
                    }
                    while let place = queue.pop() {
                        neighbours.forEach(of: place.index) { other in
                            guard isInside[other] != 0, labels[other] == 0 else { return }
                            labels[other] = labels[place.index]
                            age &+= 1
                            queue.push(.init(height: max(place.height, heights[other]), age: age, index: other))
                        }
                    }
                }
            }
        }
        return labels
    }
}

/// A heap whose first element is the lowest, of equals the oldest, of equals the first in memory.
struct FloodQueue {
    struct Place {
        var height: Float
        var age: Int
        var index: Int

        @inline(__always)
        func precedes(_ other: Place) -> Bool {
            if height != other.height { return height < other.height }
            return age != other.age ? age < other.age : index < other.index
        }
    }

    private var heap: [Place] = []

    mutating func push(_ place: Place) {
        heap.append(place)
        heap.withUnsafeMutableBufferPointer { heap in
            var child = heap.count - 1
            while child > 0 {
                let parent = (child &- 1) / 2
                guard place.precedes(heap[parent]) else { break }
                heap[child] = heap[parent]
                child = parent
            }
            heap[child] = place
        }
    }

    mutating func pop() -> Place? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap.withUnsafeMutableBufferPointer { heap in
            var parent = 0
            while true {
                var child = 2 &* parent &+ 1
                guard child < heap.count else { break }
                if child &+ 1 < heap.count, heap[child &+ 1].precedes(heap[child]) { child &+= 1 }
                guard heap[child].precedes(last) else { break }
                heap[parent] = heap[child]
                parent = child
            }
            heap[parent] = last
        }
        return first
    }
}

/// The neighbours of a grid's pixels, by index, in memory order.
struct Neighbourhood: Sendable {
    private let size: GridSize
    private let steps: [(x: Int, y: Int, z: Int, offset: Int)]

    init(_ size: GridSize, _ connectivity: Connectivity) {
        self.size = size
        var steps: [(x: Int, y: Int, z: Int, offset: Int)] = []
        for z in -1...1 {
            for y in -1...1 {
                for x in -1...1 {
                    let axes = abs(x) + abs(y) + abs(z)
                    guard axes > 0, connectivity == .full || axes == 1 else { continue }
                    steps.append((x, y, z, (z * size.y + y) * size.x + x))
                }
            }
        }
        self.steps = steps
    }

    @inline(__always)
    func forEach(of index: Int, _ body: (Int) -> Void) {
        let x = index % size.x, y = index / size.x % size.y, z = index / (size.x * size.y)
        for step in steps {
            let a = x &+ step.x, b = y &+ step.y, c = z &+ step.z
            guard a >= 0, a < size.x, b >= 0, b < size.y, c >= 0, c < size.z else { continue }
            body(index &+ step.offset)
        }
    }
}
