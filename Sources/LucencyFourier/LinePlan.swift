import LucencyFoundation

/// One-dimensional transforms of one length and kind, in place, on lines in the caller's memory.
///
/// A line's result does not depend on which others are transformed with it.
package protocol LinePlan: AnyObject, Sendable {
    /// Floats of working memory that a call takes, a multiple of 16.
    var scratchCount: Int { get }

    /// Transforms rows of numbers that lie side by side.
    /// - Parameters:
    ///   - rows: the first row, aligned to 64 bytes.
    ///   - stride: floats from one row to the next, a multiple of 16.
    ///   - scratch: `scratchCount` floats, aligned to 64 bytes, that nobody else uses meanwhile.
    func execute(
        rows count: Int, at rows: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutablePointer<Float>)

    /// Transforms up to `PlanCache.columnsAtOnce` neighbouring columns of complex numbers.
    /// - Parameters:
    ///   - origin: the first column's first number; the next columns begin beside it.
    ///   - step: complex numbers from one row to the next.
    ///   - scratch: as above.
    func execute(
        columns: Int, at origin: UnsafeMutablePointer<SIMD2<Float>>, step: Int, scratch: UnsafeMutablePointer<Float>)
}

/// What a plan transforms.
package enum LineKind: Hashable, Sendable {
    /// `n` reals to `n/2 + 1` complex numbers, in the same memory, and back. Rows only.
    case realToComplex, complexToReal
    /// `n` complex numbers, along columns.
    case forward, backward
}

extension LinePlan {
    /// Calls `body` with working memory.
    package func withScratch(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: max(64, 4 * scratchCount), alignment: 64) { scratch in
            if let base = scratch.bindMemory(to: Float.self).baseAddress { body(base) }
        }
    }
}

/// The plans made so far: of one process, by back end, length and kind.
package enum PlanCache {
    /// Neighbouring columns that are gathered together, so that whole cache lines are read, two at a time as they come.
    package static let columnsAtOnce = 16

    private struct Key: Hashable {
        let length: Int
        let kind: LineKind
        let backEnd: FourierBackEnd
    }

    private static let made = Lock([Key: any LinePlan]())
    private static let capacity = 256

    /// The plan for a length, made once.
    /// - Throws: `Diagnostic` when the back end cannot make it, or is not part of this build.
    package static func plan(
        _ length: Int, _ kind: LineKind, _ backEnd: FourierBackEnd = .standard
    ) throws(Diagnostic) -> any LinePlan {
        let key = Key(length: length, kind: kind, backEnd: backEnd)
        if let known = made.withLock({ $0[key] }) { return known }
        guard let plan = make(length, kind, backEnd) else {
            throw Diagnostic(.tooLarge, "a Fourier transform of length \(length) is not possible (\(backEnd.rawValue))")
        }
        // Plans that fall out are destroyed outside the lock, when their last user lets go of them.
        let dropped = made.withLock { plans -> [Key: any LinePlan] in
            let dropped = plans.count >= capacity ? plans : [:]
            if !dropped.isEmpty { plans = [:] }
            plans[key] = plan
            return dropped
        }
        withExtendedLifetime(dropped) {}
        return plan
    }

    private static func make(_ length: Int, _ kind: LineKind, _ backEnd: FourierBackEnd) -> (any LinePlan)? {
        switch backEnd {
        case .builtIn: return BuiltInPlan(length, kind)
        case .fftw:
            #if FFTW
                return FFTWPlan(length, kind)
            #else
                return nil
            #endif
        }
    }
}
