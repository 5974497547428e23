import LucencyFoundation

/// How the image of an `Organs` phantom is acquired.
public enum OrganScanner: Hashable, Sendable {
    case ct(CTScanner)
    case mr(MRScanner)
}

/// Computed tomography: Hounsfield units, stored with 1024 added; correlated normal noise.
public struct CTScanner: Hashable, Sendable {
    /// Standard deviation, HU.
    public var noise: Interval = Interval(11, 18)
    /// Where the reconstruction kernel ends, cycles per mm: the noise spectrum is f·exp(−2(f/cutoff)²).
    public var cutoff: Double = 0.16

    /// What is added to HU in stored values; what would be below 0 becomes 0.
    public static let offset = 1024.0
    /// HU of what is outside the body.
    public static let air = -1000.0

    public init() {}
}

/// Magnetic resonance: magnitudes with Rician noise and the shading of receive coils.
public struct MRScanner: Hashable, Sendable {
    /// Standard deviation of the real and imaginary part, in units of the signal.
    public var noise: Interval = Interval(14, 24)
    /// Strength of the coils' shading: 0 none, 1 as strong as that of coils on the skin.
    public var shading: Interval = Interval(0.4, 0.9)
    /// Receive coils around the body.
    public var coils: Interval = Interval(3, 5)

    public init() {}
}
