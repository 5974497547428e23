/// What computes Fourier transforms. Results of the two differ in the last bits, so that the choice counts like that of the
/// kernel family: equal inputs give equal bytes within one back end.
public enum FourierBackEnd: String, CaseIterable, Sendable {
    /// The system library (GPL), part of builds with the package trait `FFTW`.
    case fftw
    /// Our own, always there.
    case builtIn = "built-in"

    /// The one that is used: FFTW in builds that have it.
    public static var standard: FourierBackEnd { available[0] }

    /// Those of this build, the standard one first.
    public static var available: [FourierBackEnd] {
        #if FFTW
            [.fftw, .builtIn]
        #else
            [.builtIn]
        #endif
    }
}
