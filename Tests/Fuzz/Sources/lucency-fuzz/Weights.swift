import Lucency

/// What libFuzzer calls with each input: any bytes open, or are refused; then every tensor reads, or is refused.
func fuzzWeights(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var bytes = Array(UnsafeBufferPointer(start: data, count: count))
    // Mutations seldom find the sum of a header's length; taking it from the input's size lets them reach the JSON.
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{"), bytes[7] == 1 {
        let header = min(Int(bytes[0]) | Int(bytes[1]) << 8, bytes.count - 8)
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: header >> (8 * index)) }
    }
    if let weights = try? Weights(bytes: bytes) {
        for tensor in weights.tensors {
            _ = try? tensor.floats(allowingNonFinite: true)
            _ = try? tensor.bytes()
        }
    }
    return 0
}
