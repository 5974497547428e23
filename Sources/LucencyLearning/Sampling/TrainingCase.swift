import LucencyFoundation
import LucencyImaging

/// Where the foreground of a label map lies, class by class, so that patches can be aimed at it.
public struct ForegroundPositions: Sendable, Equatable {
    /// The labels above 0 that occur, ascending.
    public let classes: [Int32]
    /// For each class some of its pixels, as indices into the label map, ascending.
    public let positions: [[Int]]

    /// - Parameter limit: how many pixels of a class are kept. Of a larger class, one is picked at random from each of
    ///   `limit` equal parts in memory order; the same labels always give the same ones.
    public init(_ labels: AlignedBuffer<Int32>, limit: Int = 10_000) {
        let limit = max(1, limit)
        var counts: [Int32: Int] = [:]
        Self.forEachRun(labels) { label, range in counts[label, default: 0] += range.count }
        classes = counts.keys.sorted()
        var lists: [Int32: Picks] = [:]
        for (label, count) in counts { lists[label] = Picks(label: label, count: count, limit: limit) }
        Self.forEachRun(labels) { label, range in lists[label]?.pass(range) }
        positions = classes.map { lists[$0]?.found ?? [] }
    }

    private static func forEachRun(_ labels: AlignedBuffer<Int32>, _ body: (Int32, Range<Int>) -> Void) {
        labels.withUnsafeBufferPointer { labels in
            var start = 0
            while start < labels.count {
                let label = labels[start]
                var end = start &+ 1
                while end < labels.count && labels[end] == label { end &+= 1 }
                if label > 0 { body(label, start..<end) }
                start = end
            }
        }
    }

    /// The pixels of one class that are kept.
    private struct Picks {
        private let count: Int
        private let parts: Int
        private var random: PhiloxStream
        private var passed = 0
        private var next = 0
        private(set) var found: [Int] = []

        init(label: Int32, count: Int, limit: Int) {
            self.count = count
            parts = min(count, limit)
            random = PhiloxStream(seed: 0, stream: "foreground", index: Int(label))
            found.reserveCapacity(parts)
            advance()
        }

        /// Chooses the rank within the next part.
        private mutating func advance() {
            guard found.count < parts else {
                next = .max
                return
            }
            let lower = part(found.count), upper = part(found.count + 1)
            next = parts == count ? lower : random.int(in: lower...upper - 1)
        }

        /// `index * count / parts`, which may not fit.
        private func part(_ index: Int) -> Int { index * (count / parts) + index * (count % parts) / parts }

        mutating func pass(_ range: Range<Int>) {
            while next < passed + range.count {
                found.append(range.lowerBound + next - passed)
                advance()
            }
            passed += range.count
        }
    }
}

/// A whole labelled image from which patches are cut.
public struct TrainingCase: Sendable, Equatable {
    public let sample: Sample
    public let foreground: ForegroundPositions

    public init(_ sample: Sample, positionsPerClass: Int = 10_000) {
        self.sample = sample
        foreground = ForegroundPositions(sample.labels, limit: positionsPerClass)
    }

    /// An image with labels on the same grid, and further maps that follow it.
    /// - Throws: `Diagnostic` when they do not lie on the same grid.
    public init(
        name: String, image: Image, labels: LabelMap, maps: [SampleMap] = [], positionsPerClass: Int = 10_000
    ) throws(Diagnostic) {
        try image.geometry.requireMatch(labels.geometry, "image and labels of '\(name)'")
        let form = SampleForm(size: image.size, spacing: image.geometry.spacing, channels: image.channels)
        self.init(
            try Sample(name: name, form: form, image: image.pixels, labels: labels.labels, maps: maps),
            positionsPerClass: positionsPerClass)
    }

    public var name: String { sample.name }
}
