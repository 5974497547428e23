import LucencyFoundation
import LucencyImaging

/// Projections after the ramp filter, at every bin that a plane can ask for. A projection is 0 beyond the detector, but
/// what the filter makes of it is not.
struct FilteredProjections: Sendable {
    private let beam: ParallelBeam
    /// The bin that stored projections begin with.
    private let first: Int
    private let width: Int
    private let values: AlignedBuffer<Float>

    /// - Parameter reach: how far from the rotation axis values are wanted, in mm.
    /// - Throws: `Diagnostic` when detector or reach are more than 16384 bins.
    init(_ sinogram: Sinogram, window: RampWindow, reach: Double, pool: ThreadPool) throws(Diagnostic) {
        let beam = sinogram.beam, bins = reach / beam.binWidth
        guard max(bins + abs(beam.axis), Double(beam.bins)) <= Double(1 << 14) else {
            throw Diagnostic(
                .tooLarge, "an image that reaches over \(bins) bins of a detector of \(beam.bins) is beyond \(1 << 14)",
                remedy: "choose a smaller image, or fewer and wider bins")
        }
        self.beam = beam
        // One more on either side, so that rounding leads nowhere outside.
        first = Int((beam.axis - bins).rounded(.down)) - 1
        let last = Int((beam.axis + bins).rounded(.up)) + 1
        width = last - first + 1
        try BufferLimit.require(GridSize(width, beam.angles.count), for: "filtered projections")
        // So long that what the filter carries across the period's end does not reach a wanted bin. Powers of two, at
        // least 64, as scikit-image has, whose windows are sampled at the same frequencies then.
        let furthest = max(last - 1, beam.bins - 2 - first, beam.bins)
        var length = 64
        while length <= 2 * furthest { length *= 2 }
        let filter = try RampFilter(window, length: length)
        let first = first, width = width, period = length - 1
        values = AlignedBuffer(count: width * beam.angles.count) { target in
            nonisolated(unsafe) let target = target
            sinogram.values.withUnsafeBufferPointer { source in
                nonisolated(unsafe) let source = source
                pool.forEach(beam.angles.count) { view in
                    withUnsafeTemporaryAllocation(byteCount: filter.scratchCount * 4, alignment: 64) { scratch in
                        let line = scratch.bindMemory(to: Float.self)
                        guard let start = line.baseAddress else { return }
                        line.initialize(repeating: 0)
                        for bin in 0..<beam.bins { line[bin] = source[view &* beam.bins &+ bin] }
                        filter.apply(start)
                        for i in 0..<width { target[view &* width &+ i] = line[(first &+ i) & period] }
                    }
                }
            }
        }
    }

    /// Adds the values of one projection along a line.
    /// - Parameters:
    ///   - start: distance of the first point from the rotation axis in the projection's direction, in mm.
    ///   - step: how much further each next point is.
    func add(_ view: Int, from start: Double, step: Double, to sums: UnsafeMutableBufferPointer<Double>) {
        let origin = start / beam.binWidth + beam.axis - Double(first), pace = step / beam.binWidth
        let last = width - 2
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            let line = base + view * width
            for i in 0..<sums.count {
                let place = origin + Double(i) * pace
                let bin = min(max(Int(place), 0), last)
                let low = Double(line[bin]), high = Double(line[bin &+ 1])
                sums[i] += low + (place - Double(bin)) * (high - low)
            }
        }
    }
}
