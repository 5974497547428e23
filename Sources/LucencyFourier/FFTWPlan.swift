#if FFTW
    import CFFTW
    import LucencyFoundation

    /// A plan of FFTW's.
    ///
    /// Plans are estimated, never measured: measured ones change the last bits between runs. FFTW's planner is not
    /// thread-safe, so making and destroying plans holds one lock; executing needs none.
    final class FFTWPlan: LinePlan, @unchecked Sendable {
        // Sendable by hand: FFTW plans are only read once made.
        private let length: Int
        private let kind: LineKind
        /// Rows are transformed as complex numbers: for lengths with large prime factors FFTW's real transforms take three
        /// times as long as its complex ones.
        private let isWidened: Bool
        private let plan: fftwf_plan

        init?(_ length: Int, _ kind: LineKind) {
            guard let count = Int32(exactly: length), count >= 1 else { return nil }
            // Estimating does not touch the array; it only looks at its alignment.
            var scratch = AlignedBuffer<Float>(repeating: 0, count: 2 * length + 2)
            let isReal = kind == .realToComplex || kind == .complexToReal
            let isWidened = isReal && Self.largestPrime(of: length) > 13
            let made: fftwf_plan? = scratch.withUnsafeMutableBufferPointer { scratch in
                guard let reals = scratch.baseAddress else { return nil }
                let complex = UnsafeMutableRawPointer(reals).assumingMemoryBound(to: fftwf_complex.self)
                return Self.planner.withLock { _ in
                    switch isWidened ? (kind == .realToComplex ? .forward : .backward) : kind {
                    case .realToComplex: fftwf_plan_dft_r2c_1d(count, reals, complex, FFTW_ESTIMATE_FLAG)
                    case .complexToReal: fftwf_plan_dft_c2r_1d(count, complex, reals, FFTW_ESTIMATE_FLAG)
                    case .forward: fftwf_plan_dft_1d(count, complex, complex, FFTW_FORWARD, FFTW_ESTIMATE_FLAG)
                    case .backward: fftwf_plan_dft_1d(count, complex, complex, FFTW_BACKWARD, FFTW_ESTIMATE_FLAG)
                    }
                }
            }
            guard let made else { return nil }
            self.length = length
            self.kind = kind
            self.isWidened = isWidened
            plan = made
        }

        deinit { Self.planner.withLock { _ in fftwf_destroy_plan(plan) } }

        // FFTW's planner is one per process, so its lock is too.
        private static let planner = Lock(())

        var scratchCount: Int {
            switch kind {
            case .realToComplex, .complexToReal: isWidened ? 2 * columnStride : 0
            case .forward, .backward: 2 * PlanCache.columnsAtOnce * columnStride
            }
        }

        /// Complex numbers from one gathered column to the next: each starts on a cache line of its own, and one line later
        /// than a power of two would have it, where all columns would fall into the same few places of the cache.
        private var columnStride: Int { (length + 15) / 8 * 8 }

        func execute(
            rows count: Int, at rows: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutablePointer<Float>
        ) {
            guard isWidened else {
                for row in 0..<count { execute(rows + row * stride) }
                return
            }
            let numbers = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: SIMD2<Float>.self)
            for row in 0..<count {
                if kind == .realToComplex {
                    toComplex(rows + row * stride, numbers)
                } else {
                    toReals(rows + row * stride, numbers)
                }
            }
        }

        private func toComplex(_ row: UnsafeMutablePointer<Float>, _ numbers: UnsafeMutablePointer<SIMD2<Float>>) {
            for n in 0..<length { numbers[n] = [row[n], 0] }
            executeComplex(numbers)
            let half = UnsafeMutableRawPointer(row).assumingMemoryBound(to: SIMD2<Float>.self)
            half.update(from: numbers, count: length / 2 + 1)
        }

        private func toReals(_ row: UnsafeMutablePointer<Float>, _ numbers: UnsafeMutablePointer<SIMD2<Float>>) {
            let half = UnsafeMutableRawPointer(row).assumingMemoryBound(to: SIMD2<Float>.self)
            numbers.update(from: half, count: length / 2 + 1)
            for k in length / 2 + 1..<max(length, length / 2 + 1) {
                numbers[k] = [half[length - k].x, -half[length - k].y]
            }
            // The mean is real, whatever stands there; so is the highest frequency of an even length.
            numbers[0].y = 0
            if length % 2 == 0 { numbers[length / 2].y = 0 }
            executeComplex(numbers)
            for n in 0..<length { row[n] = numbers[n].x }
        }

        private func executeComplex(_ numbers: UnsafeMutablePointer<SIMD2<Float>>) {
            let complex = UnsafeMutableRawPointer(numbers).assumingMemoryBound(to: fftwf_complex.self)
            fftwf_execute_dft(plan, complex, complex)
        }

        private static func largestPrime(of length: Int) -> Int {
            var rest = length, largest = 1, factor = 2
            while factor * factor <= rest {
                while rest % factor == 0 {
                    rest /= factor
                    largest = factor
                }
                factor += 1
            }
            return max(largest, rest)
        }

        func execute(
            columns: Int, at origin: UnsafeMutablePointer<SIMD2<Float>>, step: Int, scratch: UnsafeMutablePointer<Float>
        ) {
            let columnStride = columnStride
            let gathered = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: SIMD2<Float>.self)
            for n in 0..<length {
                let line = origin + n * step
                for c in 0..<columns { gathered[c &* columnStride &+ n] = line[c] }
            }
            for c in 0..<columns { execute(scratch + 2 * c * columnStride) }
            for n in 0..<length {
                let line = origin + n * step
                for c in 0..<columns { line[c] = gathered[c &* columnStride &+ n] }
            }
        }

        private func execute(_ values: UnsafeMutablePointer<Float>) {
            let complex = UnsafeMutableRawPointer(values).assumingMemoryBound(to: fftwf_complex.self)
            switch kind {
            case .realToComplex: fftwf_execute_dft_r2c(plan, values, complex)
            case .complexToReal: fftwf_execute_dft_c2r(plan, complex, values)
            case .forward, .backward: fftwf_execute_dft(plan, complex, complex)
            }
        }
    }

    /// `FFTW_ESTIMATE`, a macro that the importer does not bring over.
    private let FFTW_ESTIMATE_FLAG: UInt32 = 1 << 6
#endif
