/// Bytes as text (RFC 4648, section 4), for pictures inside a page.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let left = min(3, bytes.count - start)
            var word = 0
            for k in 0..<3 { word = word << 8 | (k < left ? Int(bytes[start + k]) : 0) }
            for k in 0..<4 { out.append(k <= left ? digits[word >> (18 - 6 * k) & 63] : 0x3D) }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
