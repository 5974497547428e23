import CFFTW

/// The system library behind the transforms, as it is loaded now.
public enum FourierLibrary {
    /// Version of FFTW in single precision.
    public static var version: String {
        // "fftw-3.3.10-sse2-avx"
        let text = String(cString: lfftw_version())
        return text.hasPrefix("fftw-") ? String(text.dropFirst(5)) : text
    }
}
