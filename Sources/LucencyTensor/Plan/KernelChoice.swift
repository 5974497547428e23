import LucencyFoundation
import LucencyKernels

extension KernelFamily {
    /// The families that this build contains and this processor can run, slowest first.
    public static var available: [KernelFamily] { allCases.filter { lk_family_available($0.code) != 0 } }

    /// The family to use here unless another is asked for: by the processor's features, never by timing.
    public static var best: KernelFamily {
        let code = lk_family_best()
        return allCases.first { $0.code == code } ?? .portable
    }
}
