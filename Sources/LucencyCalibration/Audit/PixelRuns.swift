import LucencyMorphology

/// Pixels of a grid as runs of adjacent ones in memory order: small for regions, and quick to intersect.
package struct PixelRuns: Codable, Hashable, Sendable {
    /// First pixel of a run and the one behind its last, in turn; ascending.
    package private(set) var bounds: [Int] = []

    package init() {}

    package init(_ runs: some Sequence<ComponentRuns.Run>) {
        for run in runs { bounds += [run.start, run.end] }
    }

    /// The first pixel, by which regions of equal strength are put in order.
    package var first: Int { bounds.first ?? 0 }

    package var count: Int { stride(from: 0, to: bounds.count, by: 2).reduce(0) { $0 + bounds[$1 + 1] - bounds[$1] } }

    package func forEach(_ body: (Range<Int>) -> Void) {
        for index in stride(from: 0, to: bounds.count, by: 2) { body(bounds[index]..<bounds[index + 1]) }
    }

    /// Pixels that both have.
    package func overlap(_ other: PixelRuns) -> Int {
        var mine = 0, its = 0, sum = 0
        while mine < bounds.count, its < other.bounds.count {
            let end = bounds[mine + 1], otherEnd = other.bounds[its + 1]
            sum += max(0, min(end, otherEnd) - max(bounds[mine], other.bounds[its]))
            if end < otherEnd { mine += 2 } else { its += 2 }
        }
        return sum
    }

    /// Whether both share at least half of the smaller one.
    package func isAlike(_ other: PixelRuns) -> Bool {
        let least = min(count, other.count)
        return least > 0 && 2 * overlap(other) >= least
    }
}
