/// e^x of eight numbers, within two units in the last place; 0 below -87.3, where float32 has no normal number left, and
/// never above e^88. The same bits on any machine. NaN stays NaN.
///
/// Range reduction by ln 2 in two parts and the polynomial of Cephes (Moshier), `expf`.
@inline(__always)
func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let tooSmall = x .< -87.3
    let x = x.replacing(with: 88, where: x .> 88).replacing(with: 0, where: tooSmall)
    // Adding 1.5 · 2²³ rounds to an integer, which then stands in the low bits.
    let magic: Float = 12_582_912
    let shifted = x * 1.442_695_04 + magic
    let n = shifted - magic
    let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4
    var p = r * 1.987_569_15e-4 + 1.398_199_950_7e-3
    p = p * r + 8.333_451_907_3e-3
    p = p * r + 4.166_579_589_4e-2
    p = p * r + 1.666_666_545_9e-1
    p = p * r + 5.000_000_120_1e-1
    let y = p * r * r + r + 1
    let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: magic.bitPattern)
    let power = unsafeBitCast((bits &+ 127) &<< 23, to: SIMD8<Float>.self)
    return (y * power).replacing(with: 0, where: tooSmall)
}

/// e^x as above.
@inline(__always)
func exponential(_ x: Float) -> Float { exponential(SIMD8(repeating: x))[0] }
