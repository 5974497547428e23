import LucencyFoundation
import LucencyImaging

/// The exact Euclidean distance from every pixel to the nearest target pixel, with a spacing per axis.
///
/// Squared distances in double precision by separable lower envelopes of parabolas: P. F. Felzenszwalb and
/// D. P. Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012), section 2.
public struct DistanceTransform: Sendable {
    /// `.px` counts one per pixel along every axis; any other unit takes the stated spacing.
    public var unit: LengthUnit

    public init(unit: LengthUnit = .px) {
        self.unit = unit
    }

    /// The distance from each pixel of a label to the nearest pixel of label 0; 0 on label 0. Pixels outside the image
    /// do not count.
    /// - Throws: `Diagnostic` when there is no pixel of label 0, or the unit is metric and the spacing only assumed.
    public func callAsFunction(_ labels: LabelMap, pool: ThreadPool = .serial) throws -> Image {
        var spacing: SIMD3<Double> = [1, 1, 1]
        if let scale = unit.millimetres {
            try labels.geometry.requireStatedSpacing(for: "a distance in \(unit.rawValue)")
            spacing = labels.geometry.spacing / scale
        }
        let whole = Region(x: 0, y: 0, z: 0, size: labels.size)
        let squared = Self.squared(to: Mask(labels, in: whole) { $0 == 0 }, spacing: spacing, pool: pool)
        guard squared[0].isFinite else {
            throw Diagnostic(
                .undefinedResult, "the distance to the background is undefined: every pixel has a label",
                remedy: "crop less tightly, or check that 0 is the background")
        }
        let pixels = AlignedBuffer<Float>(count: squared.count) { out in
            squared.withUnsafeBufferPointer { values in
                for index in 0..<values.count { out[index] = Float(values[index].squareRoot()) }
            }
        }
        return try Image(geometry: labels.geometry, pixels: pixels)
    }

    /// Squared distance from every pixel to the nearest set pixel of a mask; infinite everywhere if none is set.
    package static func squared(
        to targets: Mask, spacing: SIMD3<Double>, pool: ThreadPool = .serial
    ) -> AlignedBuffer<Double> {
        let size = targets.size
        return AlignedBuffer(count: size.count) { out in
            targets.bits.withUnsafeBufferPointer { bits in
                alongRows(bits, out, size: size, spacing: spacing.x, pool: pool)
            }
            if size.y > 1 {
                alongColumns(
                    out, length: size.y, step: size.x, planes: size.z, planeStep: size.x * size.y,
                    spacing: spacing.y, pool: pool)
            }
            if size.z > 1 {
                alongColumns(
                    out, length: size.z, step: size.x * size.y, planes: 1, planeStep: 0, spacing: spacing.z, pool: pool)
            }
        }
    }

    /// Within a row, the nearest set pixel is found by one scan from either side.
    private static func alongRows(
        _ bits: UnsafeBufferPointer<UInt8>, _ out: UnsafeMutableBufferPointer<Double>, size: GridSize, spacing: Double,
        pool: ThreadPool
    ) {
        nonisolated(unsafe) let bits = bits, out = out
        let width = size.x
        pool.forEachChunk(of: size.y * size.z, size: (1 << 16) / width) { rows in
            for row in rows {
                let first = row &* width
                // Counting steps keeps the product exact where adding the spacing up would not be.
                var steps = Double.infinity
                var index = first &+ width &- 1
                while index >= first {
                    steps = bits[index] != 0 ? 0 : steps + 1
                    out[index] = steps
                    index &-= 1
                }
                steps = .infinity
                for index in first..<first &+ width {
                    steps = bits[index] != 0 ? 0 : steps + 1
                    let nearest = min(steps, out[index]) * spacing
                    out[index] = nearest * nearest
                }
            }
        }
    }

    /// Columns are gathered sixteen neighbours at a time, so that every cache line is read once.
    private static func alongColumns(
        _ values: UnsafeMutableBufferPointer<Double>, length: Int, step: Int, planes: Int, planeStep: Int,
        spacing: Double, pool: ThreadPool
    ) {
        nonisolated(unsafe) let values = values
        let blocks = (step + 15) / 16
        pool.forEachChunk(of: planes * blocks, size: (1 << 12) / length) { range in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 16 * length) { lines in
                var envelope = LowerEnvelope(length: length)
                for block in range {
                    let first = block / blocks &* planeStep &+ block % blocks &* 16
                    let width = min(16, step &- block % blocks &* 16)
                    for position in 0..<length {
                        let start = first &+ position &* step
                        for column in 0..<width { lines[column &* length &+ position] = values[start &+ column] }
                    }
                    for column in 0..<width {
                        let line = UnsafeMutableBufferPointer(rebasing: lines[column * length..<(column + 1) * length])
                        envelope.apply(to: line, weight: spacing * spacing)
                    }
                    for position in 0..<length {
                        let start = first &+ position &* step
                        for column in 0..<width { values[start &+ column] = lines[column &* length &+ position] }
                    }
                }
            }
        }
    }
}

/// Scratch space for the lower envelope of the parabolas `f(v) + w (q − v)²` of one line.
private struct LowerEnvelope {
    private var vertices: [Int]
    private var heights: [Double]
    private var scaled: [Double]
    private var starts: [Double]

    init(length: Int) {
        vertices = Array(repeating: 0, count: length)
        heights = Array(repeating: 0, count: length)
        scaled = Array(repeating: 0, count: length)
        starts = Array(repeating: 0, count: length)
    }

    /// Replaces `line[q]` by min over v of `line[v] + weight (q − v)²`; infinite values take no part.
    mutating func apply(to line: UnsafeMutableBufferPointer<Double>, weight: Double) {
        let length = line.count
        vertices.withUnsafeMutableBufferPointer { vertices in
            heights.withUnsafeMutableBufferPointer { heights in
                scaled.withUnsafeMutableBufferPointer { scaled in
                    starts.withUnsafeMutableBufferPointer { starts in
                        var last = -1
                        for position in 0..<length where line[position] < .infinity {
                            let height = line[position]
                            let level = height / weight + Double(position) * Double(position)
                            var start = -Double.infinity
                            while last >= 0 {
                                start = (level - scaled[last]) / Double(2 &* (position &- vertices[last]))
                                if start > starts[last] { break }
                                last &-= 1
                            }
                            if last < 0 { start = -.infinity }
                            last &+= 1
                            vertices[last] = position
                            heights[last] = height
                            scaled[last] = level
                            starts[last] = start
                        }
                        guard last >= 0 else { return }
                        var current = 0
                        for position in 0..<length {
                            while current < last, starts[current &+ 1] < Double(position) { current &+= 1 }
                            let gap = Double(position &- vertices[current])
                            line[position] = heights[current] + weight * gap * gap
                        }
                    }
                }
            }
        }
    }
}
