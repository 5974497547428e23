import Foundation
import LucencyKernels

/// Floats in memory, with a guard behind them that shows writing beyond the end.
final class Floats {
    let count: Int
    let pointer: UnsafeMutablePointer<Float>
    private static let mark: Float = 12345

    init(_ count: Int, _ value: Float = 0) {
        self.count = count
        pointer = .allocate(capacity: count + 16)
        pointer.initialize(repeating: value, count: count)
        (pointer + count).initialize(repeating: Self.mark, count: 16)
    }

    convenience init(_ count: Int64, _ value: Float = 0) { self.init(Int(count), value) }

    convenience init(_ values: [Float]) {
        self.init(values.count)
        for (index, value) in values.enumerated() { pointer[index] = value }
    }

    deinit { pointer.deallocate() }

    subscript(index: Int) -> Float {
        get { pointer[index] }
        set { pointer[index] = newValue }
    }

    var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
    var bits: [UInt32] { values.map(\.bitPattern) }
    var guardHolds: Bool { (count..<count + 16).allSatisfy { pointer[$0] == Self.mark } }
    func copy() -> Floats { Floats(values) }
}

/// Reproducible random numbers (splitmix64; Box-Muller for the normal ones).
struct Noise {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return (Double((z ^ (z >> 31)) >> 11) + 0.5) / 9_007_199_254_740_992
    }

    mutating func normal() -> Float {
        Float((-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()))
    }

    mutating func floats(_ count: Int, scale: Float = 1) -> Floats {
        let result = Floats(count)
        for index in 0..<count { result[index] = scale * normal() }
        return result
    }

    /// A blocked tensor: real channels random, other lanes zero, what lies between images NaN.
    mutating func blocked(images: Int, channels: Int, pixels: Int, stride: Int) -> Floats {
        let result = Floats(images * stride, .nan)
        let blocks = (channels + 15) / 16
        for image in 0..<images {
            for block in 0..<blocks {
                for index in 0..<pixels * 16 {
                    let real = block * 16 + index % 16 < channels
                    result[image * stride + block * pixels * 16 + index] = real ? normal() : 0
                }
            }
        }
        return result
    }
}

/// The families that run on this machine.
let families: [lk_family] = [LK_PORTABLE, LK_AVX2, LK_AVX512, LK_NEON].filter { lk_family_available($0) == 1 }

extension lk_family: @retroactive CustomStringConvertible {
    public var description: String { String(cString: lk_family_name(self)) }
}
