/// Which pixels count as neighbours.
public enum Connectivity: String, CaseIterable, Hashable, Codable, Sendable {
    /// Pixels that share a face: 4 neighbours in 2-D, 6 in 3-D.
    case face
    /// Pixels that share a face, an edge or a corner: 8 neighbours in 2-D, 26 in 3-D.
    case full

    /// What the background must use so that a closed curve of the foreground separates an inside from an outside.
    public var dual: Connectivity { self == .face ? .full : .face }
}
