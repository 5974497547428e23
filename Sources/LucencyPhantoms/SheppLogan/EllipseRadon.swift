import LucencyFoundation
import LucencyFourier

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension SheppLogan.Ellipse {
    /// Its projection in one direction: `height · √(radius² − (t − middle)²)`, where that is real (Kak and Slaney 1988,
    /// eqs. 3.5 to 3.8).
    struct Shadow {
        let middle: Double
        let radius: Double
        let height: Double

        /// The line integral at a distance t from the rotation axis.
        func callAsFunction(_ t: Double) -> Double {
            height * max(0, radius * radius - (t - middle) * (t - middle)).squareRoot()
        }

        /// The integral of the projection up to t, from the middle on.
        func mass(to t: Double) -> Double {
            let t = min(max(t - middle, -radius), radius)
            let root = max(0, radius * radius - t * t).squareRoot()
            return height * (t * root + radius * radius * asin(t / radius)) / 2
        }
    }

    /// The projection in the direction θ, in radians.
    func shadow(_ direction: Double) -> Shadow {
        let along = a * cos(direction - angle), across = b * sin(direction - angle)
        let squared = along * along + across * across
        return Shadow(
            middle: x * cos(direction) + y * sin(direction), radius: squared.squareRoot(),
            height: 2 * value * a * b / squared)
    }
}

extension [SheppLogan.Ellipse] {
    /// The Radon transform of the sum of ellipses, in closed form: value times mm.
    /// - Parameters:
    ///   - averaged: over each bin's width, as a detector does; the rays through the bins' middles otherwise.
    /// - Throws: `Diagnostic` when a line integral is not finite.
    public func radon(
        _ beam: ParallelBeam, averaged: Bool = true, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> Sinogram {
        let ellipses = self
        let values = AlignedBuffer<Float>(count: beam.bins * beam.angles.count) { target in
            nonisolated(unsafe) let target = target
            pool.forEach(beam.angles.count) { view in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: beam.bins) { sums in
                    sums.initialize(repeating: 0)
                    for ellipse in ellipses {
                        ellipse.shadow(beam.angles[view]).add(to: sums, beam, averaged: averaged)
                    }
                    for bin in 0..<beam.bins { target[view &* beam.bins &+ bin] = Float(sums[bin]) }
                }
            }
        }
        return try Sinogram(beam, values: values)
    }
}

extension SheppLogan.Ellipse.Shadow {
    /// Adds it to a projection's bins.
    fileprivate func add(to sums: UnsafeMutableBufferPointer<Double>, _ beam: ParallelBeam, averaged: Bool) {
        guard averaged else {
            for bin in 0..<beam.bins { sums[bin] += self(beam.position(of: bin)) }
            return
        }
        var below = mass(to: beam.position(of: 0) - beam.binWidth / 2)
        for bin in 0..<beam.bins {
            let edge = beam.position(of: bin) + beam.binWidth / 2
            // Beyond the shadow nothing is added, and no arc sine is worth taking.
            guard edge > middle - radius else { continue }
            let above = mass(to: edge)
            sums[bin] += (above - below) / beam.binWidth
            below = above
            if edge >= middle + radius { break }
        }
    }
}
