import LucencyFoundation

#if FFTW
    import CFFTW
#endif

/// What is behind the transforms.
public enum FourierLibrary {
    /// The back end in use, such as `fftw 3.3.10-sse2-avx` or `built-in`.
    public static var description: String {
        version.map { "\(FourierBackEnd.standard.rawValue) \($0)" } ?? FourierBackEnd.standard.rawValue
    }

    /// Version of FFTW in single precision, as it is loaded now; nil in a build without it.
    public static var version: String? {
        #if FFTW
            // "fftw-3.3.10-sse2-avx"
            let text = String(cString: lfftw_version())
            return text.hasPrefix("fftw-") ? String(text.dropFirst(5)) : text
        #else
            return nil
        #endif
    }
}
