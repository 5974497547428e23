import LucencyFoundation

/// Who does the parts of a transform, and with which working memory.
package protocol PlaneWorkers {
    /// Calls the work for every index below `count`, in any order or at the same time, each time with as much working
    /// memory as the transform asks for, aligned to 64 bytes, that no other call uses meanwhile.
    func forEach(_ count: Int, _ work: @Sendable (_ index: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void)
}

/// The discrete Fourier transform of real planes that lie in the caller's memory, in place and without any memory of its
/// own: for those who transform many planes of one size, again and again.
///
/// A plane is `height` rows, `rowStride` floats apart: `width` reals, which become `width/2 + 1` complex numbers with
/// interleaved parts. It must be aligned to 64 bytes. Conventions are those of `FourierTransform`.
package struct PlaneTransform: Sendable {
    package let height: Int
    package let width: Int
    package let rowStride: Int
    private let rowForward: any LinePlan
    private let rowBackward: any LinePlan
    private let columnForward: any LinePlan
    private let columnBackward: any LinePlan

    /// - Throws: `Diagnostic` when the back end cannot do such lengths.
    package init(height: Int, width: Int, backEnd: FourierBackEnd = .standard) throws(Diagnostic) {
        self.height = height
        self.width = width
        rowStride = Spectrum.rowStride(for: width)
        rowForward = try PlanCache.plan(width, .realToComplex, backEnd)
        rowBackward = try PlanCache.plan(width, .complexToReal, backEnd)
        columnForward = try PlanCache.plan(height, .forward, backEnd)
        columnBackward = try PlanCache.plan(height, .backward, backEnd)
    }

    /// Floats of a plane, a multiple of 16.
    package var count: Int { height * rowStride }
    /// Floats of working memory, a multiple of 16.
    package var scratchCount: Int {
        [rowForward, rowBackward, columnForward, columnBackward].reduce(0) { max($0, $1.scratchCount) }
    }

    /// From reals to the spectrum.
    /// - Parameter rows: those that are not zero; the others need not be filled.
    package func forward(_ plane: UnsafeMutablePointer<Float>, rows: Range<Int>, by workers: some PlaneWorkers) {
        plane.update(repeating: 0, count: rows.lowerBound * rowStride)
        (plane + rows.upperBound * rowStride).update(repeating: 0, count: (height - rows.upperBound) * rowStride)
        alongRows(plane, rows, rowForward, scale: 1, workers)
        alongColumns(plane, columnForward, workers)
    }

    /// From the spectrum to reals, divided by the number of pixels.
    /// - Parameter rows: those that are wanted; the others hold nothing of use then.
    package func inverse(_ plane: UnsafeMutablePointer<Float>, rows: Range<Int>, by workers: some PlaneWorkers) {
        alongColumns(plane, columnBackward, workers)
        alongRows(plane, rows, rowBackward, scale: Float(1 / (Double(height) * Double(width))), workers)
    }

    private func alongRows(
        _ plane: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ plan: any LinePlan, scale: Float,
        _ workers: some PlaneWorkers
    ) {
        nonisolated(unsafe) let plane = plane
        let rowsPerTask = max(1, 8192 / width)
        workers.forEach((rows.count + rowsPerTask - 1) / rowsPerTask) { task, scratch in
            let first = rows.lowerBound + task * rowsPerTask, some = first..<min(rows.upperBound, first + rowsPerTask)
            plan.execute(rows: some.count, at: plane + first * rowStride, stride: rowStride, scratch: scratch)
            guard scale != 1 else { return }
            for row in some {
                let line = plane + row * rowStride
                for x in 0..<width { line[x] *= scale }
            }
        }
    }

    private func alongColumns(
        _ plane: UnsafeMutablePointer<Float>, _ plan: any LinePlan, _ workers: some PlaneWorkers
    ) {
        guard height > 1 else { return }
        let columns = width / 2 + 1, across = PlanCache.columnsAtOnce
        nonisolated(unsafe) let start = UnsafeMutableRawPointer(plane).assumingMemoryBound(to: SIMD2<Float>.self)
        workers.forEach((columns + across - 1) / across) { task, scratch in
            plan.execute(
                columns: min(across, columns - task * across), at: start + task * across, step: rowStride / 2,
                scratch: scratch)
        }
    }
}
