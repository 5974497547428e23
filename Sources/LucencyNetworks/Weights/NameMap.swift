import LucencyFoundation

/// Rules by which tensors get other names: from a training program's to a network's.
///
/// A rule is an old name and a new one. `*` in the old name stands for any characters and is put for the `*` of the new
/// name, first for first. A new name of nil drops the tensor. A rule without `*` goes before those with; of those, the one
/// with more other characters, then the alphabetically first.
public struct NameMap: Sendable {
    private struct Rule {
        let old: String
        let pieces: [String]
        let new: String?
    }

    /// What applying the map to weights did.
    public struct Outcome: Sendable {
        public var tensors: [StoredTensor]
        /// Names that no rule mentions; they were kept.
        public var unknown: [String]
        /// Rules that no name matched.
        public var unused: [String]
        /// Names that a rule drops.
        public var dropped: [String]

        public init(
            tensors: [StoredTensor], unknown: [String] = [], unused: [String] = [], dropped: [String] = []
        ) {
            self.tensors = tensors
            self.unknown = unknown
            self.unused = unused
            self.dropped = dropped
        }
    }

    private let exact: [String: String?]
    private let patterns: [Rule]

    /// - Parameter json: an object, old name → new name or null.
    /// - Throws: `Diagnostic` when it is something else, or a new name has more `*` than the old.
    public init(_ json: JSONValue) throws(Diagnostic) {
        guard let members = json.objectValue else {
            throw Diagnostic(.wrongKind, "a name map is a JSON object of old and new names")
        }
        var exact: [String: String?] = [:]
        var patterns: [Rule] = []
        for (old, value) in members.sorted(by: { $0.key < $1.key }) {
            guard value == .null || value.stringValue?.isEmpty == false else {
                throw Diagnostic(.wrongKind, "the new name for '\(old)' is neither a text nor null")
            }
            let pieces = old.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
            let stars = value.stringValue?.count { $0 == "*" } ?? 0
            guard stars < pieces.count else {
                throw Diagnostic(.badValue, "the new name for '\(old)' has more '*' than the old")
            }
            if pieces.count == 1 {
                exact.updateValue(value.stringValue, forKey: old)
            } else {
                patterns.append(Rule(old: old, pieces: pieces, new: value.stringValue))
            }
        }
        self.exact = exact
        self.patterns = patterns.enumerated().sorted {
            let (a, b) = (
                $0.element.old.count - $0.element.pieces.count, $1.element.old.count - $1.element.pieces.count
            )
            return a != b ? a > b : $0.offset < $1.offset
        }.map(\.element)
    }

    /// The tensors under their new names.
    public func apply(to tensors: [StoredTensor]) -> Outcome {
        var outcome = Outcome(tensors: [])
        var used = Set<String>()
        for tensor in tensors {
            var renamed: String?? = exact[tensor.name]
            if renamed != nil {
                used.insert(tensor.name)
            } else {
                for rule in patterns {
                    guard let parts = Self.match(tensor.name, rule.pieces) else { continue }
                    used.insert(rule.old)
                    renamed = .some(rule.new.map { Self.fill($0, parts) })
                    break
                }
            }
            switch renamed {
            case .none:
                outcome.unknown.append(tensor.name)
                outcome.tensors.append(tensor)
            case .some(.none): outcome.dropped.append(tensor.name)
            case .some(.some(let name)): outcome.tensors.append(tensor.renamed(name))
            }
        }
        outcome.unused = (Array(exact.keys) + patterns.map(\.old)).filter { !used.contains($0) }.sorted()
        return outcome
    }

    /// What the stars between the pieces stand for, each as short as possible; nil where the name does not fit.
    private static func match(_ name: String, _ pieces: [String]) -> [String]? {
        guard let first = pieces.first, let last = pieces.last, name.hasPrefix(first) else { return nil }
        var rest = name.dropFirst(first.count)
        var parts: [String] = []
        for piece in pieces.dropFirst().dropLast() {
            guard let place = piece.isEmpty ? rest.startIndex..<rest.startIndex : rest.firstRange(of: piece) else {
                return nil
            }
            parts.append(String(rest[..<place.lowerBound]))
            rest = rest[place.upperBound...]
        }
        guard rest.hasSuffix(last) else { return nil }
        return parts + [String(rest.dropLast(last.count))]
    }

    /// Puts the parts for the stars, of which there are no more than parts.
    private static func fill(_ name: String, _ parts: [String]) -> String {
        let pieces = name.split(separator: "*", omittingEmptySubsequences: false)
        return (pieces.first.map(String.init) ?? "") + zip(parts, pieces.dropFirst()).map { $0 + $1 }.joined()
    }
}
