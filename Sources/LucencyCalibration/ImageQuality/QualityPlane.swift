import LucencyFoundation
import LucencyImaging

/// One channel of one slice in double precision: what image-quality metrics are computed on.
public struct QualityPlane: Hashable, Sendable {
    public let width: Int
    public let height: Int
    /// Rows from top to bottom.
    public internal(set) var values: [Double]

    /// - Throws: `Diagnostic` when a side is below 1 or there are more or fewer values than pixels.
    public init(width: Int, height: Int, values: [Double]) throws(Diagnostic) {
        guard width >= 1, height >= 1, width.multipliedReportingOverflow(by: height) == (values.count, false) else {
            throw Diagnostic(.sizeMismatch, "\(values.count) values do not fill a plane of \(width) × \(height)")
        }
        self.init(checked: width, height, values)
    }

    init(checked width: Int, _ height: Int, _ values: [Double]) {
        (self.width, self.height, self.values) = (width, height, values)
    }

    /// Without so many pixels along each edge. At least one pixel must remain.
    func cropped(by border: Int) -> QualityPlane {
        guard border > 0 else { return self }
        let columns = width - 2 * border, rows = height - 2 * border
        var inner: [Double] = []
        inner.reserveCapacity(columns * rows)
        for row in border..<border + rows {
            inner += values[row * width + border..<row * width + border + columns]
        }
        return QualityPlane(checked: columns, rows, inner)
    }

    /// Means of 2 × 2 pixels, two pixels apart; an odd last row or column is dropped.
    var halved: QualityPlane {
        let columns = width / 2, rows = height / 2
        var small = [Double](repeating: 0, count: columns * rows)
        values.withUnsafeBufferPointer { values in
            for row in 0..<rows {
                let above = 2 &* row &* width, below = above &+ width
                for column in 0..<columns {
                    let x = 2 &* column
                    small[row &* columns &+ column] =
                        (values[above &+ x] + values[above &+ x &+ 1] + values[below &+ x] + values[below &+ x &+ 1])
                        / 4
                }
            }
        }
        return QualityPlane(checked: columns, rows, small)
    }

    /// - Throws: `Diagnostic` when the other plane has another size.
    func requireSize(of other: QualityPlane) throws(Diagnostic) {
        guard width == other.width, height == other.height else {
            throw Diagnostic(
                .sizeMismatch,
                "planes of \(width) × \(height) and \(other.width) × \(other.height) pixels cannot be compared")
        }
    }
}

extension Image {
    /// One channel of one slice.
    func qualityPlane(channel: Int, slice: Int) -> QualityPlane {
        let plane = size.x * size.y
        return withChannel(channel) { values in
            QualityPlane(checked: size.x, size.y, values[slice * plane..<(slice + 1) * plane].map(Double.init))
        }
    }
}
