import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// From a network's logits to probabilities and to the class of each pixel.
struct ClassDecision: Sendable {
    let classes: ClassTable
    let pool: ThreadPool

    /// Pixels that a thread takes at once: few enough for its cache.
    private static let chunk = 1 << 14

    /// Softmax over the channels.
    func probabilities(of logits: Image) throws -> ProbabilityMap {
        let count = logits.size.count, classes = logits.channels
        let values = AlignedBuffer<Float>(repeating: 0, count: classes * count)
        nonisolated(unsafe) let out = values.stableAddress
        logits.pixels.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let values = base
            forEachChunk(of: count) { pixels in
                for pixel in pixels {
                    var highest = values[pixel]
                    for number in 1..<max(1, classes) { highest = max(highest, values[number &* count &+ pixel]) }
                    var sum: Float = 0
                    for number in 0..<classes {
                        let value = expf(values[number &* count &+ pixel] - highest)
                        out[number &* count &+ pixel] = value
                        sum += value
                    }
                    for number in 0..<classes { out[number &* count &+ pixel] /= sum }
                }
            }
        }
        return try ProbabilityMap(
            geometry: logits.geometry, classes: self.classes.classes.map(\.name), values: values)
    }

    /// The label of the highest of some values, class × pixel; of equal ones the first class.
    /// - Parameter confidence: receives the highest value of each pixel.
    func labels(
        _ values: AlignedBuffer<Float>, _ geometry: Geometry, confidence: UnsafeMutablePointer<Float>?
    ) throws -> LabelMap {
        let count = geometry.size.count, numbers = classes.classes.map(\.value)
        let labels = AlignedBuffer<Int32>(repeating: 0, count: count)
        nonisolated(unsafe) let out = labels.stableAddress, sure = confidence
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let values = base
            numbers.withUnsafeBufferPointer { numbers in
                nonisolated(unsafe) let numbers = numbers
                forEachChunk(of: count) { pixels in
                    for pixel in pixels {
                        var best = 0, highest = values[pixel]
                        for number in 1..<max(1, numbers.count) {
                            let value = values[number &* count &+ pixel]
                            if value > highest { (best, highest) = (number, value) }
                        }
                        out[pixel] = numbers[best]
                        if let sure { sure[pixel] = highest }
                    }
                }
            }
        }
        var names: [Int32: LabelClass] = [:]
        for entry in classes.classes {
            let color = entry.color.flatMap { $0.count == 3 ? SIMD3($0[0], $0[1], $0[2]) : nil }
            names[entry.value] = LabelClass(name: entry.name, color: color)
        }
        return try LabelMap(geometry: geometry, labels: labels, table: names)
    }

    private func forEachChunk(of count: Int, _ body: @Sendable (Range<Int>) -> Void) {
        pool.forEach((count + Self.chunk - 1) / Self.chunk) { index in
            body(index * Self.chunk..<min(count, (index + 1) * Self.chunk))
        }
    }
}
