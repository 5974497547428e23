/// How a number of a stored tensor is written; little-endian throughout.
public enum ElementType: String, CaseIterable, Hashable, Sendable {
    case float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool

    /// Bytes of one number.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// The name in a safetensors header.
    var safetensorsName: String {
        switch self {
        case .float64: "F64"
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int64: "I64"
        case .int32: "I32"
        case .int16: "I16"
        case .int8: "I8"
        case .uint8: "U8"
        case .bool: "BOOL"
        }
    }

    init?(safetensorsName name: String) {
        guard let match = Self.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
        self = match
    }

    /// Converts whole numbers of this type to float32: exact for 8 and 16 bits, else rounded to nearest, ties to even.
    /// - Parameter bytes: aligned for the type; holds as many numbers as `floats`.
    func convert(_ bytes: UnsafeRawBufferPointer, to floats: UnsafeMutableBufferPointer<Float>) {
        func each<Stored: BitwiseCopyable>(_: Stored.Type, _ convert: (Stored) -> Float) {
            let stored = bytes.assumingMemoryBound(to: Stored.self)
            for index in 0..<min(stored.count, floats.count) { floats[index] = convert(stored[index]) }
        }
        switch self {
        case .float64: each(Double.self) { Float($0) }
        case .float32: each(Float.self) { $0 }
        case .float16: each(UInt16.self) { Self.float(half: $0) }
        case .bfloat16: each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .int64: each(Int64.self) { Float($0) }
        case .int32: each(Int32.self) { Float($0) }
        case .int16: each(Int16.self) { Float($0) }
        case .int8: each(Int8.self) { Float($0) }
        case .uint8: each(UInt8.self) { Float($0) }
        case .bool: each(UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// A half (IEEE 754 binary16) as float32, which holds every one of them; `Float16` does not exist on every platform.
    package static func float(half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16, magnitude = UInt32(half & 0x7FFF)
        switch magnitude {
        case 0x7C00...: return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x3FF) << 13)
        case 0x400...: return Float(bitPattern: sign | (magnitude << 13) + 112 << 23)
        default:
            let value = Float(magnitude) * 0x1p-24
            return sign == 0 ? value : -value
        }
    }

    /// The half that is nearest to a number in 0...65504, ties to even.
    package static func half(_ value: Float) -> UInt16 {
        // Below 2⁻¹⁴ halves stand 2⁻²⁴ apart, as floats do just above ½.
        guard value >= 0x1p-14 else {
            return UInt16(truncatingIfNeeded: (value + 0.5).bitPattern &- Float(0.5).bitPattern)
        }
        let bits = value.bitPattern &- 112 << 23
        return UInt16(truncatingIfNeeded: (bits &+ 0xFFF &+ (bits >> 13 & 1)) >> 13)
    }
}
