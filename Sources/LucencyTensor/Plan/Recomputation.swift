import LucencyFoundation

/// Which results of the forward pass a training step does not keep for the backward pass, but computes again there. It
/// changes memory and time, never a bit of a result.
public enum Recomputation: String, Codable, CaseIterable, Hashable, Sendable {
    case nothing = "none"
    /// Results that are cheap to compute (norms, activations, concatenations): less memory for little time.
    case cheap
    /// All but those at the borders of some segments of the network (Chen et al. 2016, "Training deep nets with sublinear
    /// memory cost"): much less memory for up to one more forward pass.
    case segments
}

/// Cuts a graph into segments for recomputation.
struct Segments {
    private let graph: LoweredGraph
    /// For each value, the one whose memory it shares.
    private var roots: [Int]
    /// For each value, the node that makes it, and the last that reads it or a view of it; nil for what comes from outside.
    private var lives: [(made: Int, last: Int)?]
    /// For each place before a node, floats made before it; one more for the end.
    private var made: [Int] = [0]
    /// For each such place, floats made before it that are read behind it.
    private var crossing: [Int]

    /// - Parameter kept: values that stay whatever happens.
    init(_ graph: LoweredGraph, kept: Set<Int>) {
        self.graph = graph
        roots = Array(graph.values.indices)
        lives = graph.values.map { _ in nil }
        crossing = Array(repeating: 0, count: graph.nodes.count + 1)
        func floats(_ value: Int) -> Int { graph.values[value].layout.count(graph.values[value].shape) }
        for (index, node) in graph.nodes.enumerated() {
            var sum = made[index]
            for input in node.inputs { lives[roots[input]]?.last = index }
            for output in node.outputs {
                if node.operation.isView {
                    roots[output] = roots[node.inputs[0]]
                } else {
                    lives[output] = (index, index)
                    sum += floats(output)
                }
            }
            made.append(sum)
        }
        for value in kept { lives[roots[value]]?.last = graph.nodes.count }
        for (value, life) in lives.enumerated() {
            guard let life, life.last > life.made else { continue }
            for place in life.made + 1...life.last { crossing[place] += floats(value) }
        }
    }

    /// The values that are not kept where the graph is cut into a number of segments of about equal memory, each border
    /// where little crosses it. The last segment is kept whole, as the backward pass begins with it.
    func dropped(segments count: Int) -> Set<Int> {
        let total = made[graph.nodes.count]
        var borders: [Int] = [], first = 1
        for number in 1..<max(2, count) {
            let wanted = total / count * number, room = total / count / 3
            while first < graph.nodes.count, made[first] < wanted - room { first += 1 }
            var best: Int?
            var place = first
            while place < graph.nodes.count, best == nil || made[place] <= wanted + room {
                if best.map({ crossing[place] < crossing[$0] }) ?? true { best = place }
                place += 1
            }
            guard let best, best > borders.last ?? 0 else { continue }
            borders.append(best)
        }
        guard let last = borders.last else { return [] }
        var result: Set<Int> = []
        for value in graph.values.indices {
            guard let life = lives[roots[value]], life.made < last,
                !borders.contains(where: { life.made < $0 && $0 <= life.last })
            else { continue }
            result.insert(value)
        }
        return result
    }

    /// Numbers of segments worth trying: what is best depends on where little crosses.
    var counts: [Int] { [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64].filter { 2 * $0 <= graph.nodes.count } }
}
