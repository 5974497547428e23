import LucencyFoundation
import LucencyImaging

/// Measures every object (label other than 0) of a label map in one pass over its pixels.
///
/// A label map of classes has an object per class; run `Components` first for an object per connected part.
/// Definitions follow `skimage.measure.regionprops`.
public struct Measure: Sendable {
    public init() {}

    /// One entry per label that occurs, ascending.
    /// - Parameter image: a single-channel image on the same grid, whose intensities are measured too.
    /// - Throws: `Diagnostic` when the image has several channels or lies on another grid.
    public func callAsFunction(_ labels: LabelMap, in image: Image? = nil) throws -> [MeasuredObject] {
        if let image {
            guard image.channels == 1 else {
                throw Diagnostic(
                    .channelMismatch, "intensities are measured in one channel, and the image has \(image.channels)",
                    remedy: "put a `gray` stage before it")
            }
            try labels.geometry.requireMatch(image.geometry, "the labels and the image")
        }
        let slots = SlotTable(labels)
        var sums = [ObjectSums](repeating: ObjectSums(), count: slots.labels.count)
        labels.labels.withUnsafeBufferPointer { labelValues in
            func scan(_ pixels: UnsafeBufferPointer<Float>?) {
                let size = labels.size
                for row in 0..<size.y * size.z {
                    let y = row % size.y, z = row / size.y, first = row &* size.x
                    var x = 0
                    while x < size.x {
                        let label = labelValues[first &+ x], start = x
                        while x < size.x, labelValues[first &+ x] == label { x &+= 1 }
                        guard label != 0 else { continue }
                        let slot = slots[label]
                        sums[slot].add(from: start, to: x, y: y, z: z)
                        if let pixels {
                            sums[slot].add(UnsafeBufferPointer(rebasing: pixels[first + start..<first + x]))
                        }
                    }
                }
            }
            if let image { image.withChannel(0) { scan($0) } } else { scan(nil) }
        }
        let perimeters = labels.size.isPlanar ? Perimeter.lengths(of: labels, slots: slots) : []
        return slots.labels.indices.map { slot in
            sums[slot].object(
                label: slots.labels[slot], name: labels.table[slots.labels[slot]]?.name, in: labels.geometry,
                perimeter: labels.size.isPlanar ? perimeters[slot] : nil)
        }
    }
}

/// A dense number for every label that occurs (but 0), by ascending label.
struct SlotTable {
    let labels: [Int32]
    private let offset: Int
    private let dense: [Int32]
    private let sparse: [Int32: Int]

    init(_ map: LabelMap) {
        labels = map.presentLabels().filter { $0 != 0 }
        let low = Int(labels.first ?? 0), high = Int(labels.last ?? 0)
        offset = low
        if high - low < max(1 << 16, 4 * labels.count) {
            var dense = [Int32](repeating: -1, count: high - low + 1)
            for (slot, label) in labels.enumerated() { dense[Int(label) - low] = Int32(slot) }
            self.dense = dense
            sparse = [:]
        } else {
            dense = []
            sparse = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        }
    }

    /// The slot of a label that occurs.
    subscript(label: Int32) -> Int { dense.isEmpty ? sparse[label] ?? 0 : Int(dense[Int(label) - offset]) }
}
