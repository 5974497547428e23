import LucencyFoundation
import LucencyImaging

/// Conversion of runs of stored samples of one type to float32 and to labels, exact or refused.
package struct SampleConversion: Sendable {
    package let type: SampleType
    private let inverted: Bool

    package init(_ type: SampleType) {
        self.type = type
        inverted = false
    }

    /// Values become maximum − value.
    /// - Throws: `.unsupportedFeature` for signed and float samples, where min-is-white has no agreed meaning.
    package init(inverting type: SampleType) throws(Diagnostic) {
        guard type.kind == .unsigned else {
            throw Diagnostic(.unsupportedFeature, "min-is-white samples of type \(type) are not supported")
        }
        self.type = type
        inverted = true
    }

    /// Converts `count` samples, `step` apart, to contiguous floats.
    /// - Returns: the index of the first value that is not finite or that float32 cannot hold exactly, or nil.
    package func floats(
        from raw: UnsafeRawPointer, step: Int, count: Int, into out: UnsafeMutablePointer<Float>
    ) -> Int? {
        let top = UInt64.max >> UInt64(64 - max(1, min(64, type.bits)))
        switch (type.kind, type.unpackedBytes) {
        case (.unsigned, 1) where !inverted: map(raw, UInt8.self, step, count, out) { Float(Int32($0)) }
        case (.unsigned, 1):
            let top = Int32(truncatingIfNeeded: top)
            map(raw, UInt8.self, step, count, out) { Float(top &- Int32($0)) }
        case (.unsigned, 2) where !inverted: map(raw, UInt16.self, step, count, out) { Float(Int32($0)) }
        case (.unsigned, 2):
            let top = Int32(truncatingIfNeeded: top)
            map(raw, UInt16.self, step, count, out) { Float(top &- Int32($0)) }
        case (.unsigned, 4):
            let top = inverted ? Int64(truncatingIfNeeded: top) : 0, sign: Int64 = inverted ? -1 : 1
            return check(raw, UInt32.self, step, count, out) {
                let value = Double(top &+ sign &* Int64($0))
                let result = Float(value)
                return (result, Double(result) == value)
            }
        case (.unsigned, _):
            return check(raw, UInt64.self, step, count, out) {
                let value = inverted ? top &- $0 : $0
                return (Float(value), Self.isExact(value))
            }
        case (.signed, 1): map(raw, Int8.self, step, count, out) { Float($0) }
        case (.signed, 2): map(raw, Int16.self, step, count, out) { Float($0) }
        case (.signed, 4):
            return check(raw, Int32.self, step, count, out) {
                let result = Float($0)
                return (result, Double(result) == Double($0))
            }
        case (.signed, _):
            return check(raw, Int64.self, step, count, out) { (Float($0), Self.isExact($0.magnitude)) }
        case (.float, 2):
            return check(raw, UInt16.self, step, count, out) {
                let result = Self.half($0)
                return (result, result * 0 == 0)
            }
        case (.float, 4): return check(raw, Float.self, step, count, out) { ($0, $0 * 0 == 0) }
        case (.float, _):
            return check(raw, Double.self, step, count, out) {
                let result = Float($0)
                return (result, Double(result) == $0 && $0 * 0 == 0)
            }
        }
        return nil
    }

    /// Converts `count` samples, `step` apart, to labels.
    /// - Returns: the index of the first value that is not an integer of 32 bits, or nil.
    package func labels(
        from raw: UnsafeRawPointer, step: Int, count: Int, into out: UnsafeMutablePointer<Int32>
    ) -> Int? {
        switch (type.kind, type.unpackedBytes) {
        case (.unsigned, 1): map(raw, UInt8.self, step, count, out) { Int32($0) }
        case (.unsigned, 2): map(raw, UInt16.self, step, count, out) { Int32($0) }
        case (.unsigned, 4):
            return check(raw, UInt32.self, step, count, out) { (Int32(truncatingIfNeeded: $0), $0 <= 0x7fff_ffff) }
        case (.unsigned, _):
            return check(raw, UInt64.self, step, count, out) { (Int32(truncatingIfNeeded: $0), $0 <= 0x7fff_ffff) }
        case (.signed, 1): map(raw, Int8.self, step, count, out) { Int32($0) }
        case (.signed, 2): map(raw, Int16.self, step, count, out) { Int32($0) }
        case (.signed, 4): map(raw, Int32.self, step, count, out) { $0 }
        case (.signed, _):
            return check(raw, Int64.self, step, count, out) {
                let result = Int32(truncatingIfNeeded: $0)
                return (result, Int64(result) == $0)
            }
        case (.float, 2): return check(raw, UInt16.self, step, count, out) { Self.label(Double(Self.half($0))) }
        case (.float, 4): return check(raw, Float.self, step, count, out) { Self.label(Double($0)) }
        case (.float, _): return check(raw, Double.self, step, count, out) { Self.label($0) }
        }
        return nil
    }

    /// The first index at which two runs differ in their bytes.
    func firstDifference(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, step: Int, count: Int) -> Int? {
        func find<T: BitwiseCopyable & Equatable>(_: T.Type) -> Int? {
            let a = a.assumingMemoryBound(to: T.self), b = b.assumingMemoryBound(to: T.self)
            return (0..<count).first { a[$0 &* step] != b[$0 &* step] }
        }
        switch type.unpackedBytes {
        case 1: return find(UInt8.self)
        case 2: return find(UInt16.self)
        case 4: return find(UInt32.self)
        default: return find(UInt64.self)
        }
    }

    /// The first index at which an opacity is not full: the type's maximum for integers, 1 for floats.
    func firstTransparent(_ raw: UnsafeRawPointer, step: Int, count: Int) -> Int? {
        let full = type.integerRange?.upperBound ?? 1
        return (0..<count).first { value(of: raw, at: $0 &* step) != full }
    }

    /// One sample in double precision (64-bit integers are rounded).
    func value(of raw: UnsafeRawPointer, at index: Int) -> Double {
        func load<T: BitwiseCopyable>(_: T.Type) -> T { raw.assumingMemoryBound(to: T.self)[index] }
        switch (type.kind, type.unpackedBytes) {
        case (.unsigned, 1): return Double(load(UInt8.self))
        case (.unsigned, 2): return Double(load(UInt16.self))
        case (.unsigned, 4): return Double(load(UInt32.self))
        case (.unsigned, _): return Double(load(UInt64.self))
        case (.signed, 1): return Double(load(Int8.self))
        case (.signed, 2): return Double(load(Int16.self))
        case (.signed, 4): return Double(load(Int32.self))
        case (.signed, _): return Double(load(Int64.self))
        case (.float, 2): return Double(Self.half(load(UInt16.self)))
        case (.float, 4): return Double(load(Float.self))
        case (.float, _): return load(Double.self)
        }
    }

    /// One sample as a person would write it.
    func text(of raw: UnsafeRawPointer, at index: Int) -> String {
        if value(of: raw, at: index).isNaN { return "nan" }
        switch (type.kind, type.unpackedBytes) {
        case (.unsigned, 8): return "\(raw.assumingMemoryBound(to: UInt64.self)[index])"
        case (.signed, 8): return "\(raw.assumingMemoryBound(to: Int64.self)[index])"
        case (.float, 4): return "\(raw.assumingMemoryBound(to: Float.self)[index])"
        case (.float, _): return "\(value(of: raw, at: index))"
        default: return "\(Int64(value(of: raw, at: index)))"
        }
    }

    /// Why a sample that `floats` stopped at was refused.
    func offence(_ raw: UnsafeRawPointer, at index: Int, pixel: (x: Int, y: Int), channel: Int) -> Diagnostic {
        let place = "pixel (\(pixel.x), \(pixel.y))" + (channel > 0 ? " of channel \(channel)" : "")
        let value = value(of: raw, at: index)
        guard value.isFinite else {
            return Diagnostic(
                .notFinite, "\(place) is \(text(of: raw, at: index))",
                remedy: "replace NaN and infinite values before reading the image here")
        }
        return Diagnostic(
            .inexactValue, "\(place) is \(text(of: raw, at: index)) (\(type)), which float32 cannot hold exactly",
            remedy: "store the image with values that need at most 24 significant bits, such as uint16 or float32")
    }

    /// IEEE 754 half precision by its bits (`Float16` is missing on some platforms).
    static func half(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16, magnitude = UInt32(bits & 0x7fff)
        // Exponent 31 becomes infinity or NaN; all else is rebiased by 2^112, which also makes subnormals right.
        let special: UInt32 = magnitude >= 0x7c00 ? 0x7f80_0000 : 0
        let scaled = Float(bitPattern: magnitude << 13) * 0x1p112
        return Float(bitPattern: scaled.bitPattern | special | sign)
    }

    private static func isExact(_ value: UInt64) -> Bool {
        value < 1 << 24 || 64 - value.leadingZeroBitCount - value.trailingZeroBitCount <= 24
    }

    private static func label(_ value: Double) -> (Int32, Bool) {
        Int32(exactly: value).map { ($0, true) } ?? (0, false)
    }

    @inline(__always)
    private func map<T, R>(
        _ raw: UnsafeRawPointer, _: T.Type, _ step: Int, _ count: Int, _ out: UnsafeMutablePointer<R>,
        _ convert: (T) -> R
    ) {
        let source = raw.assumingMemoryBound(to: T.self)
        if step == 1 {
            for i in 0..<count { out[i] = convert(source[i]) }
        } else {
            for i in 0..<count { out[i] = convert(source[i &* step]) }
        }
    }

    @inline(__always)
    private func check<T, R>(
        _ raw: UnsafeRawPointer, _: T.Type, _ step: Int, _ count: Int, _ out: UnsafeMutablePointer<R>,
        _ convert: (T) -> (R, Bool)
    ) -> Int? {
        let source = raw.assumingMemoryBound(to: T.self)
        var good = true
        for i in 0..<count {
            let (value, exact) = convert(source[i &* step])
            out[i] = value
            good = good && exact
        }
        guard !good else { return nil }
        return (0..<count).first { !convert(source[$0 &* step]).1 }
    }
}
