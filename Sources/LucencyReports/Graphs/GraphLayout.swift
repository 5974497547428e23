/// Places a graph's boxes in layers from top to bottom (Sugiyama, Tagawa, Toda 1981): layers by longest path, order
/// within layers by barycentre sweeps, and x by least squares under the order's distances (isotonic regression).
struct GraphLayout {
    /// A box, or the place where an edge passes through a layer (`node == nil`).
    struct Cell {
        var node: Int?
        var layer: Int
        var width: Double
        /// Centre.
        var x = 0.0
    }

    /// The part of an edge between neighbouring layers.
    struct Segment {
        var edge: Int
        var upper: Int
        var lower: Int
        /// Where it leaves and enters, from the centres of the two cells.
        var upperPort = 0.0
        var lowerPort = 0.0
    }

    private(set) var cells: [Cell] = []
    private(set) var segments: [Segment] = []
    /// Cells of each layer from left to right.
    private(set) var layers: [[Int]] = []
    private var above: [[Int]] = []
    private var below: [[Int]] = []

    /// Free space between neighbouring boxes.
    static let gap = 28.0
    /// Distance between arrows that leave a box.
    static let portStep = 18.0

    /// - Parameters:
    ///   - order: node indices such that edges point forward.
    ///   - widths: of the boxes.
    ///   - headWidths: per edge, the space that its head (with its label) takes above the box that it enters.
    init(order: [Int], links: [(from: Int, to: Int)], widths: [Double], headWidths: [Double]) {
        let nodeLayers = Self.layers(order: order, links: links)
        layers = Array(repeating: [], count: (nodeLayers.max() ?? -1) + 1)
        cells = widths.indices.map { Cell(node: $0, layer: nodeLayers[$0], width: widths[$0]) }
        for node in order { layers[nodeLayers[node]].append(node) }
        for (edge, link) in links.enumerated() {
            var upper = link.from
            for layer in nodeLayers[link.from] + 1..<nodeLayers[link.to] {
                cells.append(Cell(node: nil, layer: layer, width: 8))
                layers[layer].append(cells.count - 1)
                segments.append(Segment(edge: edge, upper: upper, lower: cells.count - 1))
                upper = cells.count - 1
            }
            segments.append(Segment(edge: edge, upper: upper, lower: link.to))
        }
        above = Array(repeating: [], count: cells.count)
        below = Array(repeating: [], count: cells.count)
        for (index, segment) in segments.enumerated() {
            above[segment.lower].append(index)
            below[segment.upper].append(index)
        }
        orderLayers()
        placePorts(headWidths: headWidths)
        placeCells()
    }

    /// Longest path from the top; nodes without inputs then sink to just above their first reader.
    private static func layers(order: [Int], links: [(from: Int, to: Int)]) -> [Int] {
        var layer = [Int](repeating: 0, count: order.count)
        var inputs = [[Int]](repeating: [], count: order.count)
        for link in links { inputs[link.to].append(link.from) }
        for node in order { for input in inputs[node] { layer[node] = max(layer[node], layer[input] + 1) } }
        var nearest = [Int](repeating: .max, count: order.count)
        for link in links { nearest[link.from] = min(nearest[link.from], layer[link.to]) }
        for node in order where inputs[node].isEmpty && nearest[node] < .max { layer[node] = nearest[node] - 1 }
        return layer
    }

    // MARK: Order within layers

    private mutating func orderLayers() {
        var best = layers
        var fewest = crossings()
        for sweep in 0..<(cells.count > 20_000 ? 0 : cells.count > 2000 ? 4 : 24) where fewest > 0 {
            let position = positions()
            if sweep % 2 == 0 {
                for layer in layers.indices.dropFirst() { sort(layer, downwards: true, position) }
            } else {
                for layer in layers.indices.dropLast().reversed() { sort(layer, downwards: false, position) }
            }
            let count = crossings()
            if count < fewest { (best, fewest) = (layers, count) }
        }
        layers = best
    }

    private func positions() -> [Double] {
        var position = [Double](repeating: 0, count: cells.count)
        for layer in layers {
            for (index, cell) in layer.enumerated() {
                position[cell] = Double(index) - Double(layer.count - 1) / 2
            }
        }
        return position
    }

    private mutating func sort(_ layer: Int, downwards: Bool, _ start: [Double]) {
        // Layers sorted earlier in this sweep have moved: look their places up afresh.
        var place: [Int: Double] = [:]
        let other = downwards ? layer - 1 : layer + 1
        for (index, cell) in layers[other].enumerated() {
            place[cell] = Double(index) - Double(layers[other].count - 1) / 2
        }
        let keyed = layers[layer].enumerated().map { index, cell in
            let ends =
                downwards
                ? above[cell].map { place[segments[$0].upper] ?? 0 }
                : below[cell].map { place[segments[$0].lower] ?? 0 }
            let key = ends.isEmpty ? start[cell] : ends.reduce(0, +) / Double(ends.count)
            return (key: key, index: index, cell: cell)
        }
        layers[layer] = keyed.sorted { ($0.key, $0.index) < ($1.key, $1.index) }.map(\.cell)
    }

    private func crossings() -> Int {
        var rank = [Int](repeating: 0, count: cells.count)
        for layer in layers { for (index, cell) in layer.enumerated() { rank[cell] = index } }
        var count = 0
        for layer in layers {
            let ends = layer.flatMap { cell in below[cell].map { (rank[cell], rank[segments[$0].lower]) } }
            for i in ends.indices {
                for j in ends.indices[i...] where (ends[i].0 - ends[j].0) * (ends[i].1 - ends[j].1) < 0 { count += 1 }
            }
        }
        return count
    }

    // MARK: Ports

    private mutating func placePorts(headWidths: [Double]) {
        let rank = positions()
        for cell in cells.indices where cells[cell].node != nil {
            let outgoing = below[cell].sorted { (rank[segments[$0].lower], $0) < (rank[segments[$1].lower], $1) }
            let step =
                outgoing.count > 1
                ? min(Self.portStep, (cells[cell].width - 24) / Double(outgoing.count - 1)) : 0
            for (index, segment) in outgoing.enumerated() {
                segments[segment].upperPort = (Double(index) - Double(outgoing.count - 1) / 2) * step
            }
            let incoming = above[cell].sorted { (rank[segments[$0].upper], $0) < (rank[segments[$1].upper], $1) }
            let spaces = incoming.map { headWidths[segments[$0].edge] }
            var left = -spaces.reduce(0, +) / 2
            for (segment, space) in zip(incoming, spaces) {
                segments[segment].lowerPort = left + space / 2
                left += space
            }
        }
    }

    // MARK: Coordinates

    private mutating func placeCells() {
        for layer in layers.indices { place(layer, up: false, down: false) }
        for _ in 0..<8 {
            for layer in layers.indices.dropFirst() { place(layer, up: true, down: false) }
            for layer in layers.indices.dropLast().reversed() { place(layer, up: false, down: true) }
        }
        for _ in 0..<(cells.count > 500 ? 20 : 200) {
            for layer in layers.indices { place(layer, up: true, down: true) }
        }
        snapNodes()
        straightenChains()
        let left = cells.map { $0.x - $0.width / 2 }.min() ?? 0
        for cell in cells.indices { cells[cell].x = ((cells[cell].x - left) * 2).rounded() / 2 }
    }

    /// Moves a layer's cells as near as their order and widths allow to where their edges would be vertical.
    private mutating func place(_ layer: Int, up: Bool, down: Bool) {
        var blocks: [(sum: Double, weight: Double, count: Int)] = []
        var offsets: [Double] = []
        var offset = 0.0
        for (index, cell) in layers[layer].enumerated() {
            if index > 0 {
                let last = cells[layers[layer][index - 1]]
                offset += (last.width + cells[cell].width) / 2 + Self.gap
            }
            offsets.append(offset)
            var sum = 0.0, weight = 0.0
            func pull(_ x: Double, _ other: Int) {
                // Edges through several layers should be straight before anything else is.
                let strength: Double =
                    switch (cells[cell].node == nil, cells[other].node == nil) {
                    case (true, true): 8
                    case (false, false): 1
                    default: 2
                    }
                sum += x * strength
                weight += strength
            }
            if up {
                for s in above[cell].map({ segments[$0] }) {
                    pull(cells[s.upper].x + s.upperPort - s.lowerPort, s.upper)
                }
            }
            if down {
                for s in below[cell].map({ segments[$0] }) {
                    pull(cells[s.lower].x + s.lowerPort - s.upperPort, s.lower)
                }
            }
            if weight == 0 { (sum, weight) = ((up || down ? cells[cell].x : offset) * 0.01, 0.01) }
            blocks.append((sum - offset * weight, weight, 1))
            while blocks.count > 1 {
                let last = blocks[blocks.count - 1], before = blocks[blocks.count - 2]
                guard before.sum * last.weight > last.sum * before.weight else { break }
                blocks.removeLast()
                blocks[blocks.count - 1] = (
                    before.sum + last.sum, before.weight + last.weight, before.count + last.count
                )
            }
        }
        var index = 0
        for block in blocks {
            for _ in 0..<block.count {
                cells[layers[layer][index]].x = block.sum / block.weight + offsets[index]
                index += 1
            }
        }
    }

    /// How far to the left and right a cell may go without coming nearer to its neighbours than half a gap.
    private func room(of cell: Int, rank: [Int]) -> ClosedRange<Double> {
        let layer = layers[cells[cell].layer]
        var low = -Double.infinity, high = Double.infinity
        if rank[cell] > 0 {
            let other = cells[layer[rank[cell] - 1]]
            low = other.x + (other.width + cells[cell].width + Self.gap) / 2
        }
        if rank[cell] + 1 < layer.count {
            let other = cells[layer[rank[cell] + 1]]
            high = other.x - (other.width + cells[cell].width + Self.gap) / 2
        }
        let x = cells[cell].x
        return min(low, x)...max(high, x)
    }

    private func ranks() -> [Int] {
        var rank = [Int](repeating: 0, count: cells.count)
        for layer in layers { for (index, cell) in layer.enumerated() { rank[cell] = index } }
        return rank
    }

    /// Moves boxes a little sideways where that makes the edge from their only input vertical.
    private mutating func snapNodes() {
        let rank = ranks()
        for layer in layers.dropFirst() {
            for cell in layer where cells[cell].node != nil {
                let edges = above[cell].map { segments[$0] }.filter { cells[$0.upper].node != nil }
                guard edges.count == 1, let edge = edges.first else { continue }
                let x = cells[edge.upper].x + edge.upperPort - edge.lowerPort
                if abs(x - cells[cell].x) < 16, room(of: cell, rank: rank).contains(x) { cells[cell].x = x }
            }
        }
    }

    /// Makes an edge through several layers vertical for as many of them at a time as have room for it.
    private mutating func straightenChains() {
        let rank = ranks()
        for start in cells.indices where cells[start].node == nil {
            guard let first = above[start].first, cells[segments[first].upper].node != nil else { continue }
            var chain = [start]
            while let next = below[chain[chain.count - 1]].first.map({ segments[$0].lower }), cells[next].node == nil {
                chain.append(next)
            }
            // Prefer to leave straight from above, else to enter straight below.
            let entry = cells[segments[first].upper].x + segments[first].upperPort
            let last = below[chain[chain.count - 1]].first.map { segments[$0] }
            let exit = last.map { cells[$0.lower].x + $0.lowerPort } ?? entry
            var run: [Int] = []
            var shared = -Double.infinity...Double.infinity
            func settle() {
                let middle = run.map { cells[$0].x }.reduce(0, +) / Double(max(1, run.count))
                let wish = shared.contains(exit) ? exit : shared.contains(entry) ? entry : middle
                let x = min(max(wish, shared.lowerBound), shared.upperBound)
                for cell in run { cells[cell].x = x }
            }
            for cell in chain {
                let room = room(of: cell, rank: rank)
                if room.overlaps(shared) {
                    shared = max(room.lowerBound, shared.lowerBound)...min(room.upperBound, shared.upperBound)
                } else {
                    settle()
                    run = []
                    shared = room
                }
                run.append(cell)
            }
            settle()
        }
    }
}
