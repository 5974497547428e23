/// A product of matrices that gives the same bits on any machine: every element is summed in runs of 256 along the inner
/// dimension, each in order, without fused multiply-adds.
enum PortableProduct {
    private static let run = 256
    /// Columns of a panel, and rows that share its loads.
    private static let lanes = 8, rowsAtOnce = 4

    static func multiply(
        _ a: Matrix, _ b: Matrix, into result: UnsafeMutablePointer<Float>, stride: Int, rows: Int, columns: Int,
        inner: Int, scale: Float, accumulates: Bool
    ) {
        // How far one step along the rows, the inner dimension and the columns leads in memory.
        let (aRow, aInner) = a.isTransposed ? (1, a.stride) : (a.stride, 1)
        let (bInner, bColumn) = b.isTransposed ? (1, b.stride) : (b.stride, 1)
        withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: run) { buffer in
            guard let panel = buffer.baseAddress else { return }
            for first in Swift.stride(from: 0, to: inner, by: run) {
                let depth = min(run, inner &- first)
                let adds = accumulates || first > 0
                for column in Swift.stride(from: 0, to: columns, by: lanes) {
                    let width = min(lanes, columns &- column)
                    pack(
                        b.base + (first &* bInner &+ column &* bColumn), bInner, bColumn, depth: depth, width: width,
                        panel)
                    var row = 0
                    while row < rows {
                        let height = min(rowsAtOnce, rows &- row)
                        let from = a.base + (row &* aRow &+ first &* aInner)
                        // Rows beyond the last are its copies, and not stored.
                        let steps = (min(1, height &- 1) &* aRow, min(2, height &- 1) &* aRow, (height &- 1) &* aRow)
                        var sums = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
                        for k in 0..<depth {
                            let at = from + k &* aInner, right = panel[k]
                            sums.0 += at[0] * right
                            sums.1 += at[steps.0] * right
                            sums.2 += at[steps.1] * right
                            sums.3 += at[steps.2] * right
                        }
                        let to = result + (row &* stride &+ column)
                        store(sums.0 * scale, to, width, adds)
                        if height > 1 { store(sums.1 * scale, to + stride, width, adds) }
                        if height > 2 { store(sums.2 * scale, to + 2 &* stride, width, adds) }
                        if height > 3 { store(sums.3 * scale, to + 3 &* stride, width, adds) }
                        row &+= rowsAtOnce
                    }
                }
            }
        }
    }

    /// Copies `width` columns of a matrix so that the lanes of a row lie together; lanes beyond hold 0.
    @inline(__always)
    private static func pack(
        _ source: UnsafePointer<Float>, _ innerStep: Int, _ columnStep: Int, depth: Int, width: Int,
        _ panel: UnsafeMutablePointer<SIMD8<Float>>
    ) {
        let target = UnsafeMutableRawPointer(panel).assumingMemoryBound(to: Float.self)
        if width < lanes { (panel).initialize(repeating: .zero, count: depth) }
        for k in 0..<depth {
            let from = source + k &* innerStep, to = target + k &* lanes
            for lane in 0..<width { to[lane] = from[lane &* columnStep] }
        }
    }

    @inline(__always)
    private static func store(
        _ sums: SIMD8<Float>, _ target: UnsafeMutablePointer<Float>, _ width: Int, _ adds: Bool
    ) {
        if width == lanes {
            let raw = UnsafeMutableRawPointer(target)
            let old = adds ? raw.loadUnaligned(as: SIMD8<Float>.self) : .zero
            raw.storeBytes(of: old + sums, as: SIMD8<Float>.self)
        } else {
            for lane in 0..<width { target[lane] = (adds ? target[lane] : 0) + sums[lane] }
        }
    }
}
