import LucencyFoundation
import LucencyImaging

/// Three classes out of numbered objects: 0 background, 1 inside, 2 border, so that a network learns to keep objects apart
/// that touch (as Ronneberger et al. 2015 weight them, and Caicedo et al. 2019 label them).
///
/// The border are the pixels of an object from which something else lies within `width`; the image's edge is nothing else.
public struct ObjectBorders: Hashable, Sendable {
    public var width: Length
    /// What the inside is called.
    public var name: String

    public init(width: Length = .pixels(1), name: String = "inside") {
        self.width = width
        self.name = name
    }

    /// - Throws: `Diagnostic` when the width does not fit the grid (negative, metric on assumed spacing).
    public func callAsFunction(_ objects: LabelMap, pool: ThreadPool = .serial) throws -> LabelMap {
        let inside = try Morphology(.erode(StructuringElement(.ball, radius: width)))(objects, pool: pool)
        let classes = AlignedBuffer<Int32>(count: objects.labels.count) { out in
            objects.labels.withUnsafeBufferPointer { objects in
                inside.labels.withUnsafeBufferPointer { inside in
                    for pixel in out.indices {
                        // What is ignored (below 0) stays so.
                        out[pixel] = objects[pixel] <= 0 ? objects[pixel] : inside[pixel] == 0 ? 2 : 1
                    }
                }
            }
        }
        return try LabelMap(
            geometry: objects.geometry, labels: classes,
            table: [0: LabelClass(name: "background"), 1: LabelClass(name: name), 2: LabelClass(name: "border")],
            origin: objects.origin)
    }
}
