import LucencyFoundation

/// The weights of all three axes, applied one axis after the other: x, then y, then z.
struct GridWeights: Sendable {
    let x, y, z: AxisWeights

    var size: GridSize { GridSize(x.count, y.count, z.count) }
    var hasOutside: Bool { x.hasOutside || y.hasOutside || z.hasOutside }

    /// Whether no target pixel lies on the source.
    var missesSource: Bool { [x, y, z].contains { axis in axis.outside.allSatisfy { $0 } } }

    /// `planes` stacked volumes of the source size, resampled.
    func apply(_ values: AlignedBuffer<Float>, planes: Int, pool: ThreadPool) -> AlignedBuffer<Float> {
        var values = values
        var size = (x: x.sourceCount, y: y.sourceCount, z: z.sourceCount)
        for (index, axis) in [x, y, z].enumerated() where !axis.isIdentity {
            let outer = index == 0 ? planes * size.z * size.y : index == 1 ? planes * size.z : planes
            let inner = index == 0 ? 1 : index == 1 ? size.x : size.x * size.y
            values = values.withUnsafeBufferPointer { source in
                AlignedBuffer(count: outer * axis.count * inner) { target in
                    guard let source = source.baseAddress, let target = target.baseAddress else { return }
                    axis.apply(source, outer: outer, inner: inner, into: target, pool: pool)
                }
            }
            if index == 0 {
                size.x = axis.count
            } else if index == 1 {
                size.y = axis.count
            } else {
                size.z = axis.count
            }
        }
        return values
    }

    /// Calls `fill` with the runs of consecutive target pixels (of one plane) whose centres lie outside the source.
    func forEachOutsideRun(_ fill: (Range<Int>) -> Void) {
        guard hasOutside else { return }
        for k in 0..<z.count {
            for j in 0..<y.count {
                let row = (k * y.count + j) * x.count
                if z.outside[k] || y.outside[j] {
                    fill(row..<row + x.count)
                    continue
                }
                for i in 0..<x.count where x.outside[i] { fill(row + i..<row + i + 1) }
            }
        }
    }

    /// Labels of the source pixels that weights made for `.nearest` point at.
    func nearest(_ labels: AlignedBuffer<Int32>, pool: ThreadPool) -> AlignedBuffer<Int32> {
        if x.isIdentity && y.isIdentity && z.isIdentity { return labels }
        return labels.withUnsafeBufferPointer { source in
            AlignedBuffer(count: size.count) { target in
                nonisolated(unsafe) let source = source
                nonisolated(unsafe) let target = target
                pool.forEach(z.count * y.count) { row in
                    let line = (z.firsts[row / y.count] * y.sourceCount + y.firsts[row % y.count]) * x.sourceCount
                    x.firsts.withUnsafeBufferPointer { firsts in
                        for i in 0..<firsts.count { target[row &* firsts.count &+ i] = source[line &+ firsts[i]] }
                    }
                }
            }
        }
    }

    /// The label with the greatest sum of weights around each target pixel; ties go to the lower label.
    func vote(_ labels: AlignedBuffer<Int32>, pool: ThreadPool) -> AlignedBuffer<Int32> {
        labels.withUnsafeBufferPointer { source in
            AlignedBuffer(count: size.count) { target in
                nonisolated(unsafe) let source = source
                nonisolated(unsafe) let target = target
                pool.forEach(z.count * y.count) { row in
                    var votes: [(label: Int32, weight: Double)] = []
                    for i in 0..<x.count {
                        target[row &* x.count &+ i] = winner(i, row % y.count, row / y.count, source, &votes)
                    }
                }
            }
        }
    }

    private func winner(
        _ i: Int, _ j: Int, _ k: Int, _ source: UnsafeBufferPointer<Int32>,
        _ votes: inout [(label: Int32, weight: Double)]
    ) -> Int32 {
        votes.removeAll(keepingCapacity: true)
        var last = 0
        for c in z.offsets[k]..<z.offsets[k + 1] {
            let plane = (z.firsts[k] + c - z.offsets[k]) * y.sourceCount
            for b in y.offsets[j]..<y.offsets[j + 1] {
                let line = (plane + y.firsts[j] + b - y.offsets[j]) * x.sourceCount + x.firsts[i]
                let weight = z.weights[c] * y.weights[b]
                for a in x.offsets[i]..<x.offsets[i + 1] {
                    let label = source[line + a - x.offsets[i]]
                    if votes.isEmpty || votes[last].label != label {
                        if let known = votes.firstIndex(where: { $0.label == label }) {
                            last = known
                        } else {
                            votes.append((label, 0))
                            last = votes.count - 1
                        }
                    }
                    votes[last].weight += weight * x.weights[a]
                }
            }
        }
        var best = 0.0
        for vote in votes { best = max(best, vote.weight) }
        // Equal sums may differ by rounding, since they are added in different orders.
        var winner = Int32.max
        for vote in votes where vote.weight >= best - 1e-9 { winner = min(winner, vote.label) }
        return winner
    }
}
