import LucencyFoundation

/// Normally distributed numbers in single precision, many at a time: the method of Box and Muller (1958) with short
/// series, which are exact to about 1e-7 and, unlike a library's functions, the same on every machine.
///
/// Block `i` of a key and channel is a pure function of these. The greatest number is 5.9.
struct NormalNumbers {
    let key: SIMD2<UInt32>

    init(seed: UInt64) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    /// Eight numbers.
    @inline(__always)
    func block(_ index: Int, channel: Int) -> (SIMD4<Float>, SIMD4<Float>) {
        let low = UInt32(truncatingIfNeeded: index), high = UInt32(truncatingIfNeeded: index >> 32)
        let third = UInt32(truncatingIfNeeded: channel)
        let first = Philox.block(counter: SIMD4(low, high, third, 0), key: key)
        let second = Philox.block(counter: SIMD4(low, high, third, 1), key: key)
        let radius = (Self.logarithm(of: first) * -2).squareRoot()
        // An angle within 45 degrees of the axis, and from two other bits by which quarter turn.
        let angle = (Self.fraction(second) - 0.5) * (Float.pi / 2), square = angle * angle
        let sine = angle * Self.series(square, 1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880)
        let cosine = Self.series(square, 1, -1 / 2, 1 / 24, -1 / 720, 1 / 40_320)
        let isSwapped = (second & 1) .== 1, isNegative = (second & 2) .== 2
        let length = radius.replacing(with: -radius, where: isNegative)
        return (
            cosine.replacing(with: sine, where: isSwapped) * length,
            sine.replacing(with: cosine, where: isSwapped) * length
        )
    }

    /// Evenly distributed between 0 and 1, both excluded.
    @inline(__always)
    private static func fraction(_ bits: SIMD4<UInt32>) -> SIMD4<Float> {
        (SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: bits &>> 8)) + 0.5) * 0x1p-24
    }

    /// The natural logarithm of such a fraction: 2^e·m with m between √½ and √2, and ln m = 2·artanh((m − 1)/(m + 1)).
    @inline(__always)
    private static func logarithm(of bits: SIMD4<UInt32>) -> SIMD4<Float> {
        let pattern = unsafeBitCast(fraction(bits), to: SIMD4<Int32>.self)
        let exponent = (pattern &- 0x3F35_04F3) &>> 23
        let mantissa = unsafeBitCast(pattern &- (exponent &<< 23), to: SIMD4<Float>.self)
        let s = (mantissa - 1) / (mantissa + 1), square = s * s
        return SIMD4<Float>(exponent) * 0.693_147_18 + s * Self.series(square, 2, 2 / 3, 2 / 5, 2 / 7, 2 / 9)
    }

    /// a + x·(b + x·(c + x·(d + x·e)))
    @inline(__always)
    private static func series(
        _ x: SIMD4<Float>, _ a: Float, _ b: Float, _ c: Float, _ d: Float, _ e: Float
    ) -> SIMD4<Float> {
        var sum = x * e + d
        sum = sum * x + c
        sum = sum * x + b
        return sum * x + a
    }
}
