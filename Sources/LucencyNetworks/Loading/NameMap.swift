/// How the names of tensors in a file become names of a network's parameters.
public struct NameMap: Hashable, Sendable {
    /// One change; rules apply in order.
    public enum Rule: Hashable, Sendable {
        /// A module, given by its path from the root, has another path here; an empty one lifts its contents up.
        case rename(String, to: String)
        /// A module at this path, with all within it, is not wanted.
        case drop(String)
        /// Modules with this name are not wanted wherever they stand.
        case dropEverywhere(String)
    }

    public var rules: [Rule]

    public init(_ rules: [Rule] = []) {
        self.rules = rules
    }

    /// Every name stays.
    public static let identity = NameMap()

    /// For checkpoints of nnU-Net v2, which hold most tensors two or three times: a decoder refers to its encoder, and a
    /// unit lists its parts again.
    public static let nnUNet = NameMap([
        .rename("module", to: ""), .rename("_orig_mod", to: ""), .drop("decoder.encoder"),
        .dropEverywhere("all_modules"),
    ])

    /// The parameter's name, or nil where the tensor is not wanted.
    public func callAsFunction(_ name: String) -> String? {
        var name = name
        for rule in rules {
            switch rule {
            case .rename(let old, let new):
                guard let rest = Self.rest(of: name, within: old) else { continue }
                name = new.isEmpty ? String(rest.dropFirst()) : new + rest
            case .drop(let path): if Self.rest(of: name, within: path) != nil { return nil }
            case .dropEverywhere(let component):
                if name.split(separator: ".").contains(where: { $0 == component }) { return nil }
            }
        }
        return name
    }

    /// What follows a path in a name, beginning with the dot; nil where the name is not within the path.
    private static func rest(of name: String, within path: String) -> Substring? {
        guard name.hasPrefix(path) else { return nil }
        let rest = name.dropFirst(path.count)
        return rest.first == "." ? rest : nil
    }
}
