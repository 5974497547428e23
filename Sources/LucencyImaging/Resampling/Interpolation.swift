#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How values between pixel centres are found.
public enum Interpolation: String, CaseIterable, Codable, Hashable, Sendable {
    /// The pixel in whose area the point lies; on an edge between two, the one with the higher index.
    case nearest
    /// The triangle kernel, reaching 1 pixel.
    case linear
    /// Keys' cubic convolution with a = −0.5, reaching 2 pixels (Keys 1981, IEEE TASSP 29(6), eq. 15).
    case cubic
    /// The sinc windowed by a stretched sinc, a = 3, reaching 3 pixels (Duchon 1979, J. Appl. Meteorol. 18(8)).
    case lanczos

    /// Reach of the kernel to either side, in pixels.
    var support: Double {
        switch self {
        case .nearest: 0.5
        case .linear: 1
        case .cubic: 2
        case .lanczos: 3
        }
    }

    /// The kernel at a distance in pixels.
    func kernel(_ distance: Double) -> Double {
        let t = abs(distance)
        switch self {
        case .nearest: return t <= 0.5 ? 1 : 0
        case .linear: return t < 1 ? 1 - t : 0
        case .cubic:
            let a = -0.5
            if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
            return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
        case .lanczos:
            func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
            return t < 3 ? sinc(t) * sinc(t / 3) : 0
        }
    }
}

/// How labels between pixel centres are found. Labels are never averaged.
public enum LabelInterpolation: String, CaseIterable, Codable, Hashable, Sendable {
    /// The label of the pixel in whose area the point lies.
    case nearest
    /// The label with the greatest linear (anti-aliased) weight around the point; ties go to the lower label. The same
    /// as resampling one indicator image per label and taking the greatest, without making these images.
    case vote
}
