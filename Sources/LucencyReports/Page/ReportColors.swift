/// The colours of pages and drawings by name, for whoever checks their contrast: light, dark and print of each.
package enum ReportColors {
    package static var themes: [[String: SIMD3<UInt8>]] {
        [PageStyle.sheet, ChartStyle.sheet].flatMap { sheet in
            "\(sheet)".split(separator: "--paper:").dropFirst().map { colors(in: $0.prefix { $0 != "}" }) }
        }
    }

    /// - Parameter declarations: ` #ffffff; --ink: #1c1e21; …`, the first of the paper.
    private static func colors(in declarations: Substring) -> [String: SIMD3<UInt8>] {
        var colors: [String: SIMD3<UInt8>] = [:]
        for (index, declaration) in declarations.split(separator: ";").enumerated() {
            let pieces = declaration.split(separator: ":").map { $0.filter { !$0.isWhitespace } }
            let name = index == 0 ? "paper" : pieces.first?.filter { $0 != "-" } ?? ""
            guard let hex = pieces.last, hex.hasPrefix("#"), let value = Int(hex.dropFirst(), radix: 16) else {
                continue
            }
            colors[name] = [UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
        }
        return colors
    }
}
