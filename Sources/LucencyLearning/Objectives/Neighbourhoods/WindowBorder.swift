/// What windows find beyond the edge of a label map.
public enum WindowBorder: String, Codable, Hashable, Sendable, CaseIterable {
    /// Nothing: shares are of the pixels that exist.
    case valid
    /// The nearest pixel that exists.
    case replicate
    /// Pixels of class 0, and of intensity 0: what the authors' program finds in two dimensions.
    case background
    /// Pixels of no class, so that shares sum to less than 1: what is published for three dimensions.
    case zero
}
