/// How one sample is stored in a file: `uint16`, `int8`, `float32`, `bool`.
public struct SampleType: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable { case unsigned, signed, float }
    public let kind: Kind
    /// Significant bits, 1 to 64: 12 for twelve-bit samples, although they are unpacked to 16.
    public let bits: Int

    public init(_ kind: Kind, bits: Int) {
        self.kind = kind
        self.bits = bits
    }

    public static let uint8 = SampleType(.unsigned, bits: 8)
    public static let uint16 = SampleType(.unsigned, bits: 16)
    public static let float32 = SampleType(.float, bits: 32)

    /// Bytes per sample once unpacked: the next of 1, 2, 4, 8.
    public var unpackedBytes: Int { bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8 }

    /// NumPy's name of the unpacked type; one-bit samples are `bool`.
    public var description: String {
        switch kind {
        case .float: "float\(unpackedBytes * 8)"
        case .signed: "int\(unpackedBytes * 8)"
        case .unsigned: bits == 1 ? "bool" : "uint\(unpackedBytes * 8)"
        }
    }

    /// Smallest and largest value an integer type of this width can hold; nil for floats.
    public var integerRange: ClosedRange<Double>? {
        switch kind {
        case .float: nil
        case .unsigned: 0...Double(bits >= 64 ? UInt64.max : (1 << UInt64(bits)) - 1)
        case .signed:
            -Double(sign: .plus, exponent: bits - 1, significand: 1)...Double(
                sign: .plus, exponent: bits - 1, significand: 1) - 1
        }
    }
}
