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
        var spectrum = Spectrum(size: size)
        values.withUnsafeBufferPointer { values in
            spectrum.fillRows { y, z, row in
                guard let source = values.baseAddress else { return }
                row.update(from: source + (z * size.y + y) * size.x, count: size.x)
            }
        }
        try transform(&spectrum, pool: pool)
        return spectrum
    }

    /// The values of a spectrum, divided by their number. The half of the spectrum that is not stored is taken to be the
    /// conjugate of the other.
    /// - Throws: `Diagnostic` when the spectrum belongs to a grid of another size.
    public func inverse(_ spectrum: consuming Spectrum, pool: ThreadPool = .serial) throws -> AlignedBuffer<Float> {
        guard spectrum.size == size else {
            throw Diagnostic(.sizeMismatch, "a spectrum of \(spectrum.size) is not one of \(size)")
        }
        try transformBack(&spectrum, pool: pool)
        return AlignedBuffer(count: size.count) { target in
            spectrum.values.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                for row in 0..<size.y * size.z {
                    (target + row * size.x).update(from: source + row * spectrum.rowStride, count: size.x)
                }
            }
        }
    }

    /// From real rows to the spectrum, in place.
    func transform(_ spectrum: inout Spectrum, pool: ThreadPool) throws(Diagnostic) {
        try alongX(&spectrum, .realToComplex, scale: 1, pool: pool)
        if size.y > 1 { try along(1, &spectrum, .forward, pool: pool) }
        if size.z > 1 { try along(2, &spectrum, .forward, pool: pool) }
    }

    /// From the spectrum to real rows, in place, normalised.
    func transformBack(_ spectrum: inout Spectrum, pool: ThreadPool) throws(Diagnostic) {
        if size.z > 1 { try along(2, &spectrum, .backward, pool: pool) }
        if size.y > 1 { try along(1, &spectrum, .backward, pool: pool) }
        try alongX(&spectrum, .complexToReal, scale: Float(1 / Double(size.count)), pool: pool)
    }

    private func alongX(
        _ spectrum: inout Spectrum, _ kind: LineKind, scale: Float, pool: ThreadPool
    ) throws(Diagnostic) {
        let plan = try PlanCache.plan(size.x, kind, backEnd)
        let stride = spectrum.rowStride, rows = size.y * size.z
        let rowsPerTask = max(1, 8192 / size.x)
        spectrum.values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let start = base
            pool.forEach((rows + rowsPerTask - 1) / rowsPerTask) { task in
                let some = task * rowsPerTask..<min(rows, (task + 1) * rowsPerTask)
                plan.withScratch { scratch in
                    plan.execute(
                        rows: some.count, at: start + some.lowerBound * stride, stride: stride, scratch: scratch)
                }
                guard scale != 1 else { return }
                for row in some {
                    let line = start + row * stride
                    for x in 0..<size.x { line[x] *= scale }
                }
            }
        }
    }

    /// Along y (1) or z (2): columns are gathered, transformed and put back, a few neighbours at a time so that whole cache
    /// lines are read.
    private func along(
        _ axis: Int, _ spectrum: inout Spectrum, _ kind: LineKind, pool: ThreadPool
    ) throws(Diagnostic) {
        let plan = try PlanCache.plan(size[axis], kind, backEnd)
        let pitch = spectrum.rowStride / 2, width = spectrum.width
        let step = axis == 1 ? pitch : pitch * size.y
        let across = PlanCache.columnsAtOnce
        let blocks = (width + across - 1) / across
        let lines = axis == 1 ? size.z : size.y
        let lineStep = axis == 1 ? pitch * size.y : pitch
        spectrum.values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            nonisolated(unsafe) let start = UnsafeMutableRawPointer(base).assumingMemoryBound(to: SIMD2<Float>.self)
            pool.forEach(blocks * lines) { task in
                let first = task % blocks * across
                plan.withScratch { scratch in
                    plan.execute(
                        columns: min(across, width - first), at: start + task / blocks * lineStep + first, step: step,
                        scratch: scratch)
                }
            }
        }
    }
}
