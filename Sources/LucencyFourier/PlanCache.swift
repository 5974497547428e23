import CFFTW
import LucencyFoundation

/// A one-dimensional FFTW plan, executed in place on arrays aligned to 64 bytes.
///
/// Plans are estimated, never measured: measured ones change the last bits between runs. FFTW's planner is not
/// thread-safe, so making and destroying plans holds one lock; executing needs none.
final class Plan: @unchecked Sendable {
    // Sendable by hand: FFTW plans are only read once made.
    enum Kind: Hashable, Sendable {
        /// `n` reals to `n/2 + 1` complex numbers, in the same memory, and back.
        case realToComplex, complexToReal
        /// `n` complex numbers.
        case forward, backward
    }

    struct Key: Hashable, Sendable {
        let length: Int
        let kind: Kind
    }

    private let plan: fftwf_plan

    private init?(_ key: Key) {
        guard let length = Int32(exactly: key.length), length >= 1 else { return nil }
        // Estimating does not touch the array; it only looks at its alignment.
        var scratch = AlignedBuffer<Float>(repeating: 0, count: 2 * key.length + 2)
        let made: fftwf_plan? = scratch.withUnsafeMutableBufferPointer { scratch in
            guard let reals = scratch.baseAddress else { return nil }
            let complex = UnsafeMutableRawPointer(reals).assumingMemoryBound(to: fftwf_complex.self)
            switch key.kind {
            case .realToComplex: return fftwf_plan_dft_r2c_1d(length, reals, complex, FFTW_ESTIMATE_FLAG)
            case .complexToReal: return fftwf_plan_dft_c2r_1d(length, complex, reals, FFTW_ESTIMATE_FLAG)
            case .forward: return fftwf_plan_dft_1d(length, complex, complex, FFTW_FORWARD, FFTW_ESTIMATE_FLAG)
            case .backward: return fftwf_plan_dft_1d(length, complex, complex, FFTW_BACKWARD, FFTW_ESTIMATE_FLAG)
            }
        }
        guard let made else { return nil }
        plan = made
    }

    deinit { Self.planner.withLock { _ in fftwf_destroy_plan(plan) } }

    /// Transforms in place. `values` must be aligned to 64 bytes, as all arrays here are.
    func execute(_ values: UnsafeMutablePointer<Float>, as kind: Kind) {
        let complex = UnsafeMutableRawPointer(values).assumingMemoryBound(to: fftwf_complex.self)
        switch kind {
        case .realToComplex: fftwf_execute_dft_r2c(plan, values, complex)
        case .complexToReal: fftwf_execute_dft_c2r(plan, complex, values)
        case .forward, .backward: fftwf_execute_dft(plan, complex, complex)
        }
    }

    // MARK: Columns

    /// Neighbouring columns that are gathered together, so that whole cache lines are read.
    static let columnsAtOnce = 8

    /// Complex numbers from one gathered column to the next: each starts on a cache line of its own.
    static func columnStride(_ length: Int) -> Int { (length + 7) / 8 * 8 }

    /// Transforms neighbouring columns of `length` complex numbers in place.
    /// - Parameters:
    ///   - origin: the first column's first number; the next columns begin beside it.
    ///   - step: complex numbers from one row to the next.
    ///   - gathered: working memory of `columns` column strides, aligned to 64 bytes.
    func execute(
        columns: Int, from origin: UnsafeMutablePointer<SIMD2<Float>>, step: Int, length: Int, as kind: Kind,
        gathered: UnsafeMutablePointer<SIMD2<Float>>
    ) {
        let columnStride = Self.columnStride(length)
        for n in 0..<length {
            let line = origin + n * step
            for c in 0..<columns { gathered[c &* columnStride &+ n] = line[c] }
        }
        for c in 0..<columns {
            let column = UnsafeMutableRawPointer(gathered + c * columnStride)
            execute(column.assumingMemoryBound(to: Float.self), as: kind)
        }
        for n in 0..<length {
            let line = origin + n * step
            for c in 0..<columns { line[c] = gathered[c &* columnStride &+ n] }
        }
    }

    // MARK: Making

    // The planner's lock and the plans made so far. FFTW's planner is one per process, so these are too.
    private static let planner = Lock(())
    private static let made = Lock([Key: Plan]())
    private static let capacity = 256

    /// The plan for a length, made once.
    /// - Throws: `Diagnostic` when FFTW cannot make it.
    static func shared(_ length: Int, _ kind: Kind) throws(Diagnostic) -> Plan {
        let key = Key(length: length, kind: kind)
        if let known = made.withLock({ $0[key] }) { return known }
        guard let plan = planner.withLock({ _ in Plan(key) }) else {
            throw Diagnostic(.tooLarge, "a Fourier transform of length \(length) is not possible")
        }
        // Plans that fall out are destroyed outside the lock, when their last user lets go of them.
        let dropped = made.withLock { plans -> [Key: Plan] in
            let dropped = plans.count >= capacity ? plans : [:]
            if !dropped.isEmpty { plans = [:] }
            plans[key] = plan
            return dropped
        }
        withExtendedLifetime(dropped) {}
        return plan
    }
}

/// `FFTW_ESTIMATE`, a macro that the importer does not bring over.
private let FFTW_ESTIMATE_FLAG: UInt32 = 1 << 6
