import LucencyFoundation

/// The forward transform of any length as a convolution with a chirp (Bluestein 1970), of a longer length that is fast:
/// for lengths with large prime factors.
struct Bluestein: Sendable {
    let length: Int
    private let inner: MixedRadix
    /// `exp(−πi n²/length)`.
    private let chirp: [SIMD2<Float>]
    /// The spectrum of the conjugate chirp, wrapped around, divided by the inner length.
    private let response: [SIMD2<Float>]

    /// Numbers of each of the two arrays that `execute` works in.
    var workLength: Int { inner.length }

    /// - Returns: nil when the length is too large to be doubled.
    init?(_ length: Int) {
        guard length >= 1, length <= Int(Int32.max) / 4,
            let inner = MixedRadix(FourierTransform.goodSize(atLeast: 2 * length - 1))
        else { return nil }
        self.length = length
        self.inner = inner
        // n² modulo twice the length keeps angles exact.
        let chirp = (0..<length).map { MixedRadix.root($0 * $0 % (2 * length), of: 2 * length) }
        self.chirp = chirp
        var wrapped = AlignedBuffer<Lanes>(repeating: .zero, count: 2 * inner.length)
        response = wrapped.withUnsafeMutableBufferPointer { wrapped in
            guard let values = wrapped.baseAddress else { return [] }
            for n in 0..<length {
                let number = chirp[n], lanes = Lanes(re: .init(repeating: number.x), im: .init(repeating: -number.y))
                values[n] = lanes
                if n > 0 { values[inner.length - n] = lanes }
            }
            let result = inner.execute(values, values + inner.length)
            return (0..<inner.length).map { SIMD2(result[$0].re[0], result[$0].im[0]) / Float(inner.length) }
        }
    }

    /// Transforms; both arrays have room for `workLength` numbers, the first begins with the values.
    /// - Returns: which of them holds the result.
    func execute(
        _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>
    ) -> UnsafeMutablePointer<Lanes> {
        for n in 0..<length { values[n] = values[n] * chirp[n] }
        (values + length).update(repeating: .zero, count: inner.length - length)
        let spectrum = inner.execute(values, other)
        for k in 0..<inner.length { spectrum[k] = (spectrum[k] * response[k]).swapped }
        let result = inner.execute(spectrum, spectrum == values ? other : values)
        for n in 0..<length { result[n] = result[n].swapped * chirp[n] }
        return result
    }
}
