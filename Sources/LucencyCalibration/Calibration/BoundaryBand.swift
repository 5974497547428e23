import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// The pixels near a change of label: those with a face neighbour (4 in 2-D, 6 in 3-D) of another label, and those within
/// a distance of them. Ignored pixels make no boundary.
public struct BoundaryBand: Hashable, Sendable {
    /// In pixels a whole number r: r = 1 is the pixels at the change, each further pixel grows them by their whole
    /// neighbourhood (8 in 2-D, 26 in 3-D). A metric length takes in every pixel whose centre lies within it of the centre
    /// of a pixel at the change, by the exact Euclidean distance.
    public var width: Length

    public init(width: Length = .pixels(2)) {
        self.width = width
    }

    /// One byte for each pixel, 1 within the band.
    /// - Throws: `Diagnostic` when the width is no whole number of pixels from 1 on, below 0, or metric on assumed spacing.
    public func callAsFunction(
        _ labels: LabelMap, ignoring: Int32? = nil, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> AlignedBuffer<UInt8> {
        let element: StructuringElement.Resolved
        if width.unit == .px {
            guard width.value >= 1, width.value <= 4096, width.value == width.value.rounded() else {
                throw Diagnostic(
                    .badArgument, "a boundary of \(width) is not possible",
                    remedy: "give a whole number of pixels from 1 on, or a length such as 2 mm")
            }
            element = try StructuringElement(.box, radius: .pixels(width.value - 1)).resolved(in: labels.geometry)
        } else {
            element = try StructuringElement(.ball, radius: width).resolved(in: labels.geometry)
        }
        return labels.labels.withUnsafeBufferPointer { values in
            Self.changes(values, size: labels.size, ignoring: ignoring ?? .min)
        }.dilated(by: element, pool: pool).bits
    }

    /// The pixels at a change of value.
    package static func changes<Value: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Value>, size: GridSize, ignoring: Value?
    ) -> Mask {
        let plane = size.x * size.y
        let bits = AlignedBuffer<UInt8>(count: size.count) { out in
            out.initialize(repeating: 0)
            /// Marks both pixels of each pair `step` apart.
            func mark(_ start: Int, _ count: Int, _ step: Int) {
                for index in start..<start &+ count {
                    let here = values[index], there = values[index &+ step]
                    let differs = here != there && here != ignoring && there != ignoring
                    out[index] |= differs ? 1 : 0
                    out[index &+ step] |= differs ? 1 : 0
                }
            }
            for z in 0..<size.z {
                for y in 0..<size.y {
                    let row = z &* plane &+ y &* size.x
                    mark(row, size.x &- 1, 1)
                    if y < size.y - 1 { mark(row, size.x, size.x) }
                    if z < size.z - 1 { mark(row, size.x, plane) }
                }
            }
        }
        return Mask(size: size, bits: bits)
    }
}
