/// What stands beyond the ends of a line of pixels.
public enum Continuation: String, CaseIterable, Hashable, Sendable {
    /// One value.
    case constant
    /// The last pixel again and again.
    case edge
    /// The line mirrored at its ends, the end pixels repeated: `c b a | a b c | c b a` (SciPy's `reflect`).
    case reflect
    /// The line mirrored at its end pixels, which are not repeated: `c b | a b c | b a` (NumPy's `reflect`).
    case mirror
    /// The line again.
    case periodic

    /// The pixel that stands at a place of a line of `count` pixels, which may lie outside; −1 for the constant.
    package func source(_ index: Int, of count: Int) -> Int {
        if index >= 0 && index < count { return index }
        func wrapped(_ period: Int) -> Int { ((index % period) + period) % period }
        switch self {
        case .constant: return -1
        case .edge: return index < 0 ? 0 : count - 1
        case .periodic: return wrapped(count)
        case .reflect:
            let phase = wrapped(2 * count)
            return phase < count ? phase : 2 * count - 1 - phase
        case .mirror:
            guard count > 1 else { return 0 }
            let phase = wrapped(2 * count - 2)
            return phase < count ? phase : 2 * count - 2 - phase
        }
    }

    /// The pixels that stand at the places `start..<start + length`.
    package func sources(from start: Int, length: Int, of count: Int) -> [Int] {
        (start..<start + length).map { source($0, of: count) }
    }
}
