import LucencyFoundation

extension Runner {
    /// Refuses sources that share a split and still have an item (or group) in different parts: what is trained on would be
    /// tested on. That happens where they list different items, or make different use of the folds.
    func checkSplits(_ listings: [Int: ItemListing]) throws(Diagnostic) {
        var seen: [(node: PlanNode, split: ItemSplit, units: Set<String>)] = []
        for node in plan.nodes {
            guard case .source(let source) = node.kind, let split = source.split, let listing = listings[node.id]
            else { continue }
            let names = listing.items.map(\.relative)
            let units = Set(try split.groups?.values(of: names) ?? names)
            for other in seen where other.split.part != split.part && other.split.rule == split.rule {
                guard let shared = units.intersection(other.units).min() else { continue }
                throw Diagnostic(
                    .mixedSources,
                    "'\(shared)' is in '\(other.node.label)' (\(other.split.part.rawValue)) and in '\(node.label)' "
                        + "(\(split.part.rawValue)), though they share a split",
                    at: node.place,
                    remedy:
                        "let both have the same items and the same `split` (`$split`); if they are different data, give "
                        + "their splits different seeds")
            }
            seen.append((node, split, units))
        }
    }
}
