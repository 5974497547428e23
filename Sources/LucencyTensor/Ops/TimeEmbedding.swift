import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Tensor {
    /// Times of a diffusion as vectors: cosines, then sines, of t · fᵢ with fᵢ = 10000^(-i / (width/2)) (Vaswani et al.
    /// 2017, section 3.5; cosines first as in diffusion networks).
    ///
    /// Frequencies and angles are rounded to float32, as networks saw them whose weights may be loaded: at t = 999 that
    /// moves a cosine by up to 3e-5.
    /// - Returns: [times, width].
    /// - Throws: `Diagnostic` when there are no times, or the width is not even and positive.
    public static func timeEmbedding(_ times: [Double], width: Int) throws(Diagnostic) -> Tensor {
        guard width > 0, width % 2 == 0 else {
            throw Diagnostic(.badArgument, "time-embedding: the width \(width) is not even and positive")
        }
        let shape = try Shape([times.count, width]), half = width / 2
        return Tensor(trusted: shape) { target in
            for (row, time) in times.enumerated() {
                for index in 0..<half {
                    let exponent = -Float(log(10000.0)) * Float(index) / Float(half)
                    let angle = Double(Float(time) * Float(exp(Double(exponent))))
                    target[row * width + index] = Float(cos(angle))
                    target[row * width + half + index] = Float(sin(angle))
                }
            }
        }
    }
}
