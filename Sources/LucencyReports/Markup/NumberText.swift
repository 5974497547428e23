#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Numbers as people read them on a page.
enum NumberText {
    /// What stands where nothing was defined or measured.
    static let missing = "–"

    /// A number with a fixed count of decimals, so that columns align; a true minus sign; `∞`.
    static func fixed(_ value: Double?, _ decimals: Int) -> String {
        guard let value, !value.isNaN else { return missing }
        if value.isInfinite { return value < 0 ? "−∞" : "∞" }
        let text = withVaList([Int32(max(0, min(12, decimals))), value]) { arguments in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 352) { buffer in
                vsnprintf(buffer.baseAddress, buffer.count, "%.*f", arguments)
                return buffer.baseAddress.map { String(cString: $0) } ?? ""
            }
        }
        guard text.hasPrefix("-") else { return text }
        // A difference that rounds to nothing has no sign.
        return text.contains(where: { ("1"..."9").contains($0) }) ? "−" + text.dropFirst() : String(text.dropFirst())
    }

    /// A number with its sign.
    static func signed(_ value: Double?, _ decimals: Int) -> String {
        let text = fixed(value, decimals)
        guard let value, value > 0, text.contains(where: { ("1"..."9").contains($0) || $0 == "∞" }) else { return text }
        return "+" + text
    }

    /// A share as a percentage.
    static func percent(_ value: Double?, _ decimals: Int = 0) -> String {
        guard let value, value.isFinite else { return missing }
        return fixed(value * 100, decimals) + "\u{202F}%"
    }

    /// A count with thin spaces between thousands.
    static func count(_ value: Int) -> String {
        let digits = Array(String(abs(value)))
        var out = value < 0 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += "\u{202F}" }
            out.append(digit)
        }
        return out
    }

    /// A probability of a test: no false precision, and never 0.
    static func pValue(_ value: Double?) -> String {
        guard let value, value.isFinite else { return missing }
        return value < 0.001 ? "< 0.001" : fixed(value, 3)
    }

    /// `1 case`, `3 cases`.
    static func plural(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(self.count(count)) \(count == 1 ? one : many ?? one + "s")"
    }
}
