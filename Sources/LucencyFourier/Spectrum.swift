import LucencyFoundation
import LucencyImaging

/// The half of a real grid's spectrum that determines it: frequencies 0...size.x/2 along x, all along y and z.
///
/// Frequency index `k` along an axis of `n` pixels means `k` cycles per `n` pixels, or `k − n` where `k > n/2`.
public struct Spectrum: Equatable, Sendable {
    /// The size of the grid of reals.
    public let size: GridSize
    /// Complex numbers stored along x: `size.x/2 + 1`.
    public var width: Int { size.x / 2 + 1 }
    /// Floats from one row to the next: room for the complex row, rounded up so that every row is aligned to 64 bytes.
    let rowStride: Int
    /// Floats from one plane to the next.
    let planeStride: Int
    /// Rows of interleaved real and imaginary parts.
    var values: AlignedBuffer<Float>

    /// - Parameter fill: gets all rows and planes, with their strides, and fills them.
    init(
        size: GridSize,
        fill: (_ values: UnsafeMutableBufferPointer<Float>, _ rowStride: Int, _ planeStride: Int) -> Void
    ) {
        self.size = size
        let row = Self.rowStride(for: size.x), plane = Self.scattered(row * size.y)
        (rowStride, planeStride) = (row, plane)
        values = AlignedBuffer(count: plane * size.z) { fill($0, row, plane) }
    }

    static func rowStride(for width: Int) -> Int { scattered((2 * (width / 2 + 1) + 15) / 16 * 16) }

    /// A stride that does not put whole columns into the same few places of the cache, as multiples of large powers of two
    /// would.
    private static func scattered(_ stride: Int) -> Int { stride % 256 == 0 ? stride + 16 : stride }

    /// The number at a frequency index; x in `0..<width`, y and z within the grid.
    public subscript(x: Int, y: Int, z: Int = 0) -> SIMD2<Float> {
        get {
            precondition(x >= 0 && x < width && y >= 0 && y < size.y && z >= 0 && z < size.z, "outside the spectrum")
            let index = z * planeStride + y * rowStride + 2 * x
            return [values[index], values[index + 1]]
        }
        set {
            precondition(x >= 0 && x < width && y >= 0 && y < size.y && z >= 0 && z < size.z, "outside the spectrum")
            let index = z * planeStride + y * rowStride + 2 * x
            values[index] = newValue.x
            values[index + 1] = newValue.y
        }
    }

    /// Multiplies every complex number by a real response, a row of which `response` writes.
    mutating func multiply(
        by response: @Sendable (_ y: Int, _ z: Int, _ row: UnsafeMutablePointer<Float>) -> Void, pool: ThreadPool
    ) {
        let width = width, size = size, rowStride = rowStride, planeStride = planeStride
        values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let start = base
            let rows = size.y * size.z
            let rowsPerTask = max(1, 8192 / width)
            pool.forEach((rows + rowsPerTask - 1) / rowsPerTask) { task in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { factors in
                    guard let factors = factors.baseAddress else { return }
                    for row in task * rowsPerTask..<min(rows, (task + 1) * rowsPerTask) {
                        let y = row % size.y, z = row / size.y
                        response(y, z, factors)
                        let line = start + z * planeStride + y * rowStride
                        for x in 0..<width {
                            line[2 &* x] *= factors[x]
                            line[2 &* x &+ 1] *= factors[x]
                        }
                    }
                }
            }
        }
    }
}
