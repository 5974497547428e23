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
