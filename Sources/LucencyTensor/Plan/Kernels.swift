import LucencyFoundation

/// Which numeric kernels a plan uses. Results depend on it in the last bits, so it is chosen by name, never by timing.
public struct Kernels: Hashable, Sendable {
    /// The convolution algorithm for 3×3 kernels of stride 1.
    public enum Algorithm: String, CaseIterable, Sendable {
        /// The fastest by a table of shapes.
        case automatic
        case direct
        /// Winograd F(2×2, 3×3).
        case winograd2
        /// Winograd F(4×4, 3×3).
        case winograd4
    }

    public var family: KernelFamily
    public var algorithm: Algorithm

    public init(family: KernelFamily, algorithm: Algorithm = .automatic) {
        self.family = family
        self.algorithm = algorithm
    }
}
