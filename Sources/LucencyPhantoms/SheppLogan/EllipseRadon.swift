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

        /// The mean line integral over a bin.
        func mean(around t: Double, width: Double) -> Double {
            let from = min(max(t - width / 2 - middle, -radius), radius)
            let to = min(max(t + width / 2 - middle, -radius), radius)
            guard to > from else { return 0 }
            // The antiderivative of √(r² − t²).
            func area(_ t: Double) -> Double {
                (t * max(0, radius * radius - t * t).squareRoot() + radius * radius * asin(t / radius)) / 2
            }
            return height * (area(to) - area(from)) / width
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
                        let shadow = ellipse.shadow(beam.angles[view])
                        for bin in 0..<beam.bins {
                            let t = beam.position(of: bin)
                            guard abs(t - shadow.middle) < shadow.radius + beam.binWidth else { continue }
                            sums[bin] += averaged ? shadow.mean(around: t, width: beam.binWidth) : shadow(t)
                        }
                    }
                    for bin in 0..<beam.bins { target[view &* beam.bins &+ bin] = Float(sums[bin]) }
                }
            }
        }
        return try Sinogram(beam, values: values)
    }
}
