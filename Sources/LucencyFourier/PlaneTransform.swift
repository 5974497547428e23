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
    private let rowForward: Plan
    private let rowBackward: Plan
    private let columnForward: Plan
    private let columnBackward: Plan

    /// - Throws: `Diagnostic` when FFTW cannot do such lengths.
    package init(height: Int, width: Int) throws(Diagnostic) {
        self.height = height
        self.width = width
        rowStride = Spectrum.rowStride(for: width)
        rowForward = try Plan.shared(width, .realToComplex)
        rowBackward = try Plan.shared(width, .complexToReal)
        columnForward = try Plan.shared(height, .forward)
        columnBackward = try Plan.shared(height, .backward)
    }

    /// Floats of a plane, a multiple of 16.
    package var count: Int { height * rowStride }
    /// Floats of working memory, a multiple of 16.
    package var scratchCount: Int { 2 * Plan.columnsAtOnce * Plan.columnStride(height) }

    /// From reals to the spectrum.
    /// - Parameter rows: those that are not zero; the others need not be filled.
    package func forward(_ plane: UnsafeMutablePointer<Float>, rows: Range<Int>, by workers: some PlaneWorkers) {
        nonisolated(unsafe) let plane = plane
        plane.update(repeating: 0, count: rows.lowerBound * rowStride)
        (plane + rows.upperBound * rowStride).update(repeating: 0, count: (height - rows.upperBound) * rowStride)
        alongRows(rows, workers) { row in rowForward.execute(plane + row * rowStride, as: .realToComplex) }
        alongColumns(plane, columnForward, .forward, workers)
    }

    /// From the spectrum to reals, divided by the number of pixels.
    /// - Parameter rows: those that are wanted; the others hold nothing of use then.
    package func inverse(_ plane: UnsafeMutablePointer<Float>, rows: Range<Int>, by workers: some PlaneWorkers) {
        nonisolated(unsafe) let plane = plane
        let scale = Float(1 / (Double(height) * Double(width)))
        alongColumns(plane, columnBackward, .backward, workers)
        alongRows(rows, workers) { row in
            let line = plane + row * rowStride
            rowBackward.execute(line, as: .complexToReal)
            for x in 0..<width { line[x] *= scale }
        }
    }

    private func alongRows(_ rows: Range<Int>, _ workers: some PlaneWorkers, _ work: @Sendable (_ row: Int) -> Void) {
        let rowsPerTask = max(1, 8192 / width)
        workers.forEach((rows.count + rowsPerTask - 1) / rowsPerTask) { task, _ in
            let first = rows.lowerBound + task * rowsPerTask
            for row in first..<min(rows.upperBound, first + rowsPerTask) { work(row) }
        }
    }

    private func alongColumns(
        _ plane: UnsafeMutablePointer<Float>, _ plan: Plan, _ kind: Plan.Kind, _ workers: some PlaneWorkers
    ) {
        guard height > 1 else { return }
        let columns = width / 2 + 1, across = Plan.columnsAtOnce
        nonisolated(unsafe) let start = UnsafeMutableRawPointer(plane).assumingMemoryBound(to: SIMD2<Float>.self)
        workers.forEach((columns + across - 1) / across) { task, scratch in
            plan.execute(
                columns: min(across, columns - task * across), from: start + task * across, step: rowStride / 2,
                length: height, as: kind,
                gathered: UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: SIMD2<Float>.self))
        }
    }
}
