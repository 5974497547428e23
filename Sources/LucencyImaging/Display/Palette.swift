/// Colours that people with any common colour vision can tell apart.
public enum Palette {
    /// Okabe & Ito (2008), "Color universal design", without black: orange, sky blue, bluish green, yellow, blue,
    /// vermilion, reddish purple.
    public static let okabeIto: [SIMD3<UInt8>] = [
        [230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167],
    ]

    /// The colour of a label: its table entry's, else one of the seven in turn, so that label 8 looks like label 1.
    public static func color(of label: Int32, in table: [Int32: LabelClass]) -> SIMD3<UInt8> {
        if let color = table[label]?.color { return color }
        let count = Int32(okabeIto.count)
        let turn = (label % count + count - 1) % count
        return okabeIto[Int(turn < 0 ? turn + count : turn)]
    }
}
