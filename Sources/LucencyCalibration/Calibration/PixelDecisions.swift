import LucencyFoundation
import LucencyImaging

/// What a probability map decides in each pixel: the first class of the largest probability, and that probability.
package struct PixelDecisions: Sendable {
    /// Planes of the map's classes; at most 255.
    package let classes: AlignedBuffer<UInt8>
    package let confidence: AlignedBuffer<Float>

    package init(_ map: ProbabilityMap, pool: ThreadPool) {
        let count = map.size.count, planes = map.classes.count
        var classes = AlignedBuffer<UInt8>(count: count) { $0.initialize(repeating: 0) }
        let block = 1 << 13
        confidence = AlignedBuffer(count: count) { confidence in
            classes.withUnsafeMutableBufferPointer { classes in
                map.values.withUnsafeBufferPointer { values in
                    nonisolated(unsafe) let (values, classes, confidence) = (values, classes, confidence)
                    pool.forEach((count + block - 1) / block) { (part: Int) in
                        let range = part * block..<min(count, (part + 1) * block)
                        for index in range { confidence[index] = values[index] }
                        for plane in 1..<max(1, planes) {
                            let first = plane &* count
                            for index in range {
                                let value = values[first &+ index]
                                let isMore = value > confidence[index]
                                confidence[index] = isMore ? value : confidence[index]
                                classes[index] = isMore ? UInt8(truncatingIfNeeded: plane) : classes[index]
                            }
                        }
                    }
                }
            }
        }
        self.classes = classes
    }
}

/// The reference as planes of a probability map; 255 where it is ignored.
package struct PixelTruth: Sendable {
    package static let ignored: UInt8 = 255
    package let classes: AlignedBuffer<UInt8>

    /// The labels of classes: as given; else as the reference's table names them; else 0, 1, 2, ….
    static func labels(_ given: [Int32], of classes: [String], in reference: LabelMap) -> [Int32] {
        guard given.isEmpty else { return given }
        var named: [String: Int32] = [:]
        for (label, entry) in reference.table.sorted(by: { $0.key < $1.key }) where named[entry.name] == nil {
            named[entry.name] = label
        }
        let labels = classes.compactMap { named[$0] }
        return Set(labels).count == classes.count ? labels : classes.indices.map { Int32($0) }
    }

    /// - Parameter labels: the label of each plane.
    /// - Throws: `Diagnostic` naming the pixel whose label belongs to no plane.
    package init(_ reference: LabelMap, labels: [Int32], ignoring: Int32?) throws(Diagnostic) {
        var planes: [Int32: UInt8] = [:]
        for (plane, label) in labels.enumerated() { planes[label] = UInt8(truncatingIfNeeded: plane) }
        if let ignoring { planes[ignoring] = Self.ignored }
        var unknown: Int?
        classes = AlignedBuffer(count: reference.labels.count) { out in
            reference.labels.withUnsafeBufferPointer { labels in
                var last: Int32?, plane: UInt8 = 0
                for (index, label) in labels.enumerated() {
                    if label != last {
                        last = label
                        if planes[label] == nil, unknown == nil { unknown = index }
                        plane = planes[label] ?? Self.ignored
                    }
                    out[index] = plane
                }
            }
        }
        guard let unknown else { return }
        let size = reference.size
        throw Diagnostic(
            .badLabel,
            "pixel (\(unknown % size.x), \(unknown / size.x % size.y), \(unknown / (size.x * size.y))): the reference has "
                + "label \(reference.labels[unknown]), for which there is no probability",
            remedy:
                "labels stand for the classes \(labels.map(String.init).joined(separator: ", ")); say which pixels to "
                + "ignore, or give the label of each class")
    }
}
