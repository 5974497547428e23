import LucencyFoundation
import LucencyImaging

/// What a filter sees beyond the image.
public enum Border: String, CaseIterable, Hashable, Sendable {
    /// The image mirrored at its edges, edge pixels repeated: `c b a | a b c | c b a` (SciPy's `reflect`).
    case reflect
    /// One value.
    case constant
    /// The image again: exact for periodic patterns, but opposite sides run into each other.
    case periodic
}

/// A grid on which a filter of a given reach does not wrap around into the image.
struct PaddedGrid: Hashable, Sendable {
    let image: GridSize
    let padded: GridSize
    let border: Border

    /// - Parameter reach: how far the filter's impulse response extends, in pixels along x, y, z.
    ///
    /// No axis is longer than twice the image. A reflected one closes on itself exactly there; a constant border is at most
    /// as wide as the image, so that filters that reach further see the far side of it.
    init(_ image: GridSize, reach: SIMD3<Double>, border: Border) throws(Diagnostic) {
        func length(_ axis: Int) -> Int {
            let n = image[axis]
            // Along an axis of one pixel there is nothing to filter.
            guard n > 1, border != .periodic else { return n }
            let pad = Int(min(reach[axis].rounded(.up), Double(n)))
            // A constant border serves both ends, since the far one is the near one's neighbour; a mirror image needs two.
            return min(2 * n, FourierTransform.goodSize(atLeast: n + (border == .reflect ? 2 : 1) * pad))
        }
        self.image = image
        self.border = border
        padded = GridSize(length(0), length(1), length(2))
        try BufferLimit.require(padded, for: "filtering with its border")
    }

    /// The image pixel shown at each padded pixel of an axis, or −1 for the constant. The image starts at 0; its border
    /// lies behind it, the last pixels being those in front of it.
    func sources(along axis: Int) -> [Int] {
        let n = image[axis], count = padded[axis]
        switch border {
        case .periodic: return Array(0..<n)
        case .constant: return (0..<count).map { $0 < n ? $0 : -1 }
        case .reflect:
            // The part behind the image is shared between its far end and, wrapped, its near end.
            let behind = (count - n + 1) / 2
            return (0..<count).map { index in
                let position = index < n + behind ? index : index - count
                let turned = ((position % (2 * n)) + 2 * n) % (2 * n)
                return turned < n ? turned : 2 * n - 1 - turned
            }
        }
    }

    /// Filters one channel: `target = filter(source − offset) + base`, with `value` beyond a constant border; the filter
    /// changes the spectrum of the padded channel.
    func filter(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>,
        subtracting offset: Double,
        adding base: Double, outside value: Double, pool: ThreadPool,
        through change: (inout Spectrum) throws -> Void
    ) throws {
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        let columns = sources(along: 0), rows = sources(along: 1), slices = sources(along: 2)
        let constant = Float(value - offset), transform = try FourierTransform(size: padded)
        nonisolated(unsafe) let source = from
        nonisolated(unsafe) let target = to
        var spectrum = try transform.forward(pool: pool) { y, z, row in
            guard rows[y] >= 0, slices[z] >= 0 else {
                row.update(repeating: constant, count: padded.x)
                return
            }
            let line = source + (slices[z] * image.y + rows[y]) * image.x
            // The image itself stands first, then its border.
            for x in 0..<image.x { row[x] = Float(Double(line[x]) - offset) }
            columns.withUnsafeBufferPointer { columns in
                for x in image.x..<columns.count {
                    row[x] = columns[x] < 0 ? constant : Float(Double(line[columns[x]]) - offset)
                }
            }
        }
        try change(&spectrum)
        try transform.inverse(&spectrum, pool: pool) { y, z, row in
            guard y < image.y, z < image.z else { return }
            let line = target + (z * image.y + y) * image.x
            for x in 0..<image.x { line[x] = Float(Double(row[x]) + base) }
        }
    }
}
