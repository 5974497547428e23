import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Weak labels as boxes: the bounding box of each connected object is filled with its class, all else is background.
/// Where boxes overlap, the smaller one is seen.
public struct Boxes: LabelCorruptionStep, Hashable {
    /// How far a box stands off its object.
    public var margin: Length
    /// Which pixels of an object hang together.
    public var connectivity: Connectivity

    public init(margin: Length = .pixels(0), connectivity: Connectivity = .full) {
        self.margin = margin
        self.connectivity = connectivity
    }

    public func check() throws { try requireLength(margin, "a margin") }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size
        var margins = [0, 0, 0]
        for axis in 0..<size.dimensions {
            let pixels = try margin.pixels(along: axis, of: labels.geometry)
            margins[axis] = Int(min(pixels, Double(size[axis])).rounded())
        }
        let objects = try Components(connectivity: connectivity)(labels.withoutIgnored())
        // Every pixel of an object has its class, so the box's first row names it.
        let boxes = objects.boundingBoxes()
            .map { object in
                (
                    label: labels.first(where: object.label, of: objects, in: object.box),
                    box: object.box.grown(by: (margins[0], margins[1], margins[2]), within: size)
                )
            }
            .enumerated()
            .sorted { ($1.element.box.size.count, $0.offset) < ($0.element.box.size.count, $1.offset) }
            .map(\.element)
        let result = AlignedBuffer<Int32>(count: labels.labels.count) { out in
            out.initialize(repeating: 0)
            for (label, box) in boxes {
                for z in box.z..<box.z + box.size.z {
                    for y in box.y..<box.y + box.size.y {
                        let start = (z &* size.y &+ y) &* size.x &+ box.x
                        out[start..<start + box.size.x].update(repeating: label)
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }
}

extension LabelMap {
    /// The same map with background in place of ignored pixels.
    func withoutIgnored() throws -> LabelMap {
        try replaced(
            by: AlignedBuffer(count: labels.count) { out in
                labels.withUnsafeBufferPointer { labels in
                    for i in 0..<labels.count { out[i] = labels[i] == Self.ignoreLabel ? 0 : labels[i] }
                }
            })
    }

    /// The label of an object's first pixel; 0 if it has none in the box.
    fileprivate func first(where object: Int32, of objects: LabelMap, in box: Region) -> Int32 {
        let start = (box.z * size.y + box.y) * size.x
        for x in box.x..<box.x + box.size.x {
            for z in 0..<box.size.z {
                let index = start + z * size.x * size.y + x
                if objects.labels[index] == object { return labels[index] }
            }
        }
        return 0
    }
}
