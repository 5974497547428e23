import LucencyFoundation
import LucencyImaging

/// The discrete Fourier transform of real 2-D and 3-D grids of any size, in single precision.
///
/// The forward transform is unnormalised, `X(k) = Σ x(n) exp(−2πi k·n/N)`; the inverse divides by the number of pixels.
/// One-dimensional transforms run along x (real to complex), then along gathered columns of y and of z; rows and columns
/// are shared out to the pool, with the same result for any number of threads.
public struct FourierTransform: Hashable, Sendable {
    public let size: GridSize
    private let backEnd: FourierBackEnd

    /// - Throws: `Diagnostic` when a side is below 1 or the grid is too large.
    public init(size: GridSize) throws(Diagnostic) { try self.init(size: size, backEnd: .standard) }

    /// With a chosen back end, which the build must have when it is asked to transform.
    package init(size: GridSize, backEnd: FourierBackEnd) throws(Diagnostic) {
        try BufferLimit.require(size, planes: 2, for: "a Fourier transform")
        self.size = size
        self.backEnd = backEnd
    }

    /// The smallest number at or above `length` whose only prime factors are 2, 3, 5 and 7: lengths that transform fast.
    public static func goodSize(atLeast length: Int) -> Int {
        guard length > 1, length < Int.max / 2 else { return max(1, length) }
        var best = Int.max
        var sevens = 1
        while sevens < best {
            var fives = sevens
            while fives < best {
                var threes = fives
                while threes < best {
                    var twos = threes
                    while twos < length { twos *= 2 }
                    best = min(best, twos)
                    if threes >= length { break }
                    threes *= 3
                }
                if fives >= length { break }
                fives *= 5
            }
            if sevens >= length { break }
            sevens *= 7
        }
        return best
    }

    /// The spectrum of `z × y × x` values.
    /// - Throws: `Diagnostic` when the values do not fill the grid.
    public func forward(_ values: AlignedBuffer<Float>, pool: ThreadPool = .serial) throws -> Spectrum {
        guard values.count == size.count else {
            throw Diagnostic(.sizeMismatch, "\(values.count) values do not fill a grid of \(size)")
        }
        return try values.withUnsafeBufferPointer { values in
            nonisolated(unsafe) let source = values
            return try forward(pool: pool) { y, z, row in
                guard let source = source.baseAddress else { return }
                row.update(from: source + (z * size.y + y) * size.x, count: size.x)
            }
        }
    }

    /// The values of a spectrum, divided by their number. The half of the spectrum that is not stored is taken to be the
    /// conjugate of the other.
    /// - Throws: `Diagnostic` when the spectrum belongs to a grid of another size.
    public func inverse(_ spectrum: consuming Spectrum, pool: ThreadPool = .serial) throws -> AlignedBuffer<Float> {
        guard spectrum.size == size else {
            throw Diagnostic(.sizeMismatch, "a spectrum of \(spectrum.size) is not one of \(size)")
        }
        return try AlignedBuffer(count: size.count) { target in
            nonisolated(unsafe) let target = target
            try inverse(&spectrum, pool: pool) { y, z, row in
                guard let target = target.baseAddress else { return }
                (target + (z * size.y + y) * size.x).update(from: row, count: size.x)
            }
        }
    }

    /// What is done with a row of reals.
    typealias RowWork = @Sendable (_ y: Int, _ z: Int, _ row: UnsafeMutablePointer<Float>) -> Void

    /// The spectrum of rows that `fill` writes, each just before it is transformed.
    func forward(pool: ThreadPool, filling fill: RowWork) throws(Diagnostic) -> Spectrum {
        let plan = try PlanCache.plan(size.x, .realToComplex, backEnd)
        var spectrum = Spectrum(size: size) { values, rowStride, planeStride in
            let gap = planeStride - rowStride * size.y
            forEachRows(of: values, rowStride, planeStride, plan, pool) { y, z, row in
                fill(y, z, row)
                (row + size.x).update(repeating: 0, count: rowStride - size.x + (y == size.y - 1 ? gap : 0))
            } after: { _, _, _ in
            }
        }
        if size.y > 1 { try along(1, &spectrum, .forward, pool: pool) }
        if size.z > 1 { try along(2, &spectrum, .forward, pool: pool) }
        return spectrum
    }

    /// Turns a spectrum into rows of reals, divided by their number, each of which `drain` gets as soon as it is there.
    func inverse(_ spectrum: inout Spectrum, pool: ThreadPool, draining drain: RowWork) throws(Diagnostic) {
        if size.z > 1 { try along(2, &spectrum, .backward, pool: pool) }
        if size.y > 1 { try along(1, &spectrum, .backward, pool: pool) }
        let plan = try PlanCache.plan(size.x, .complexToReal, backEnd)
        let rowStride = spectrum.rowStride, planeStride = spectrum.planeStride, scale = Float(1 / Double(size.count))
        spectrum.values.withUnsafeMutableBufferPointer { values in
            forEachRows(of: values, rowStride, planeStride, plan, pool) { _, _, _ in
            } after: { y, z, row in
                for x in 0..<size.x { row[x] *= scale }
                drain(y, z, row)
            }
        }
    }

    /// Transforms all rows, a few of a plane at a time while they are in the cache.
    private func forEachRows(
        of values: UnsafeMutableBufferPointer<Float>, _ rowStride: Int, _ planeStride: Int, _ plan: any LinePlan,
        _ pool: ThreadPool, before: RowWork, after: RowWork
    ) {
        guard let base = values.baseAddress else { return }
        nonisolated(unsafe) let start = base
        let rowsPerTask = max(1, 8192 / size.x), tasks = (size.y + rowsPerTask - 1) / rowsPerTask
        pool.forEach(tasks * size.z) { task in
            let z = task / tasks, first = task % tasks * rowsPerTask, rows = first..<min(size.y, first + rowsPerTask)
            let plane = start + z * planeStride
            for y in rows { before(y, z, plane + y * rowStride) }
            plan.withScratch { scratch in
                plan.execute(rows: rows.count, at: plane + first * rowStride, stride: rowStride, scratch: scratch)
            }
            for y in rows { after(y, z, plane + y * rowStride) }
        }
    }

    /// Along y (1) or z (2): columns are gathered, transformed and put back, a few neighbours at a time so that whole cache
    /// lines are read.
    private func along(
        _ axis: Int, _ spectrum: inout Spectrum, _ kind: LineKind, pool: ThreadPool
    ) throws(Diagnostic) {
        let plan = try PlanCache.plan(size[axis], kind, backEnd)
        // Strides in complex numbers.
        let row = spectrum.rowStride / 2, plane = spectrum.planeStride / 2
        let (step, lineStep, lines) = axis == 1 ? (row, plane, size.z) : (plane, row, size.y)
        let width = spectrum.width, across = PlanCache.columnsAtOnce, blocks = (width + across - 1) / across
        // Taken once for each thread: taking it for every few columns costs as much as transforming them.
        let share = plan.scratchCount
        var scratch = AlignedBuffer<Float>(count: share * pool.threads) { _ in }
        spectrum.values.withUnsafeMutableBufferPointer { values in
            scratch.withUnsafeMutableBufferPointer { scratch in
                guard let base = values.baseAddress, let scratch = scratch.baseAddress else { return }
                nonisolated(unsafe) let start = UnsafeMutableRawPointer(base).assumingMemoryBound(to: SIMD2<Float>.self)
                nonisolated(unsafe) let own = scratch
                pool.forEachWorker(blocks * lines) { task, worker in
                    let column = task % blocks * across
                    plan.execute(
                        columns: min(across, width - column), at: start + task / blocks * lineStep + column, step: step,
                        scratch: own + worker * share)
                }
            }
        }
    }
}
