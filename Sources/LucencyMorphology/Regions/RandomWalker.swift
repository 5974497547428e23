import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Labels every pixel by the seed that a random walker starting there reaches first: L. Grady, "Random walks for image
/// segmentation", IEEE PAMI 28(11) (2006).
///
/// Neighbours that share a face are joined by `exp(−β |Δ|²/(10 s)) + 1e−10`, where Δ is the difference of their intensities
/// (of all colours together, then divided by √colours too), scaled so that the image spans 0...1, and s their standard
/// deviation: the weights of scikit-image. Each label's probability solves a sparse linear system, by conjugate gradients
/// with the diagonal as preconditioner.
public struct RandomWalker: Sendable {
    /// The greater, the harder it is to cross an edge.
    public var beta: Double
    /// The residual, relative to the right side, at which the solver stops.
    public var tolerance: Double
    public var iterations: Int

    public init(beta: Double = 130, tolerance: Double = 1e-5, iterations: Int = 10_000) {
        self.beta = beta
        self.tolerance = tolerance
        self.iterations = iterations
    }

    /// - Parameter seeds: labels above 0 are seeds, 0 is to be labelled, what is ignored (below 0) is a wall and stays so.
    /// - Returns: labels (0 where no seed can be reached), and the probability of each label in ascending order.
    /// - Throws: `Diagnostic` when grids differ, there are no seeds or more than 256 labels, or the solver does not get there.
    public func callAsFunction(
        _ image: Image, seeds: LabelMap, pool: ThreadPool = .serial
    ) throws -> (labels: LabelMap, probabilities: ProbabilityMap) {
        try image.geometry.requireMatch(seeds.geometry, "image and seeds")
        guard beta >= 0, beta.isFinite, tolerance > 0, tolerance < 1, iterations >= 1 else {
            throw Diagnostic(
                .badArgument,
                "a beta of \(beta), a tolerance of \(tolerance) and \(iterations) iterations are not possible",
                remedy: "beta is at least 0, the tolerance between 0 and 1, iterations at least 1")
        }
        let present = seeds.presentLabels().filter { $0 > 0 }
        guard !present.isEmpty else {
            throw Diagnostic(
                .undefinedResult, "there are no seeds: no label is above 0", remedy: "check what makes the seeds")
        }
        guard present.count <= 256 else {
            throw Diagnostic(.badLabel, "\(present.count) labels are too many seeds", remedy: "give at most 256")
        }
        let count = image.size.count
        try BufferLimit.require(image.size, planes: present.count, for: "random walks")
        var graph = WalkGraph(image, beta: beta)
        // What no seed can reach is left out.
        let open = LabelMapReach.reached(seeds)
        graph.close(seeds, open)
        var values = AlignedBuffer<Float>(repeating: 0, count: count * present.count)
        for (plane, label) in present.enumerated() {
            let solution = try graph.solve(
                seeds, label: label, open: open, tolerance: tolerance, iterations: iterations, pool: pool)
            values.withUnsafeMutableBufferPointer { values in
                for i in 0..<count { values[plane &* count &+ i] = Float(min(1, max(0, solution[i]))) }
            }
        }
        var labels = seeds.labels
        labels.withUnsafeMutableBufferPointer { labels in
            values.withUnsafeMutableBufferPointer { values in
                for i in 0..<count {
                    if labels[i] == 0, open[i] {
                        var best = 0
                        for plane in 1..<max(1, present.count)
                        where values[plane &* count &+ i] > values[best &* count &+ i] { best = plane }
                        labels[i] = present[best]
                    }
                    // Nothing is known there, so every label is as probable.
                    if labels[i] <= 0 {
                        for plane in 0..<present.count { values[plane &* count &+ i] = 1 / Float(present.count) }
                    }
                }
            }
        }
        values.makeProbabilities(classes: present.count, kind: .simplex)
        let names = present.map { seeds.table[$0]?.name ?? "\($0)" }
        return (
            try LabelMap(geometry: image.geometry, labels: labels, table: seeds.table, origin: seeds.origin),
            try ProbabilityMap(geometry: image.geometry, classes: names, values: values)
        )
    }
}

private enum LabelMapReach {
    /// Pixels that are seeds or hang together with one through pixels that are no walls.
    static func reached(_ seeds: LabelMap) -> [Bool] {
        let neighbours = Neighbourhood(seeds.size, .face)
        return seeds.labels.withUnsafeBufferPointer { seeds in
            var reached = seeds.map { $0 > 0 }
            var queue = seeds.indices.filter { reached[$0] }
            while let index = queue.popLast() {
                neighbours.forEach(of: index) { other in
                    guard seeds[other] == 0, !reached[other] else { return }
                    reached[other] = true
                    queue.append(other)
                }
            }
            return reached
        }
    }
}

/// The image as a graph whose nodes are pixels.
private struct WalkGraph {
    let size: GridSize
    /// The weight of the edge to the next pixel along x, y, z; 0 where there is none.
    var edges: [AlignedBuffer<Double>]

    init(_ image: Image, beta: Double) {
        size = image.size
        let count = image.size.count, colors = image.colors, steps = [1, size.x, size.x * size.y]
        let (moments, extremes) = image.pixels.withUnsafeBufferPointer { pixels in
            let values = UnsafeBufferPointer(rebasing: pixels[..<(colors * count)])
            return (Moments(of: values), Moments.extremes(of: values))
        }
        let span = extremes.high - extremes.low
        // In units of the span: |Δ|²/span² over s/span.
        let scale =
            moments.standardDeviation > 0
            ? -beta / (10 * moments.standardDeviation * span * Double(colors).squareRoot()) : 0
        let spacing = image.geometry.spacing
        let finest = image.size.isPlanar ? min(spacing.x, spacing.y) : spacing.min()
        edges = (0..<3).map { axis in
            // Along an axis of coarser spacing differences are taken per length, relative to the finest.
            let stretch = finest / spacing[axis]
            return AlignedBuffer(count: count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    for i in 0..<count {
                        let place =
                            axis == 0 ? i % image.size.x : axis == 1 ? i / image.size.x % image.size.y : i / steps[2]
                        guard place + 1 < image.size[axis] else {
                            out[i] = 0
                            continue
                        }
                        var square = 0.0
                        for c in 0..<colors {
                            let gap =
                                (Double(pixels[c &* count &+ i &+ steps[axis]]) - Double(pixels[c &* count &+ i]))
                                * stretch
                            square += gap * gap
                        }
                        out[i] = exp(scale * square) + 1e-10
                    }
                }
            }
        }
    }

    /// Takes away edges at walls and at what is not open.
    mutating func close(_ seeds: LabelMap, _ open: [Bool]) {
        let steps = [1, size.x, size.x * size.y]
        for axis in 0..<3 {
            edges[axis].withUnsafeMutableBufferPointer { edges in
                for i in 0..<edges.count where edges[i] > 0 {
                    if !open[i] || !open[i + steps[axis]] || seeds.labels[i] < 0 || seeds.labels[i + steps[axis]] < 0 {
                        edges[i] = 0
                    }
                }
            }
        }
    }

    /// Probabilities of one label: 1 on its seeds, 0 on others', harmonic between.
    func solve(
        _ seeds: LabelMap, label: Int32, open: [Bool], tolerance: Double, iterations: Int, pool: ThreadPool
    ) throws -> [Double] {
        let count = size.count
        var solution = (0..<count).map { seeds.labels[$0] == label ? 1.0 : 0 }
        let isFree = (0..<count).map { open[$0] && seeds.labels[$0] == 0 }
        guard isFree.contains(true) else { return solution }
        var diagonal = [Double](repeating: 1, count: count)
        var residual = [Double](repeating: 0, count: count), direction = residual, product = residual
        func multiply(_ vector: [Double], into out: inout [Double]) {
            vector.withUnsafeBufferPointer { vector in
                out.withUnsafeMutableBufferPointer { out in laplacian(vector, out, isFree, pool) }
            }
        }
        let steps = [1, size.x, size.x * size.y]
        for i in 0..<count where isFree[i] {
            var sum = 0.0
            for axis in 0..<3 {
                sum += edges[axis][i]
                if i >= steps[axis] { sum += edges[axis][i - steps[axis]] }
            }
            diagonal[i] = sum
        }
        // The seeds' part of the equations is the right side.
        multiply(solution, into: &product)
        var scale = 0.0
        for i in 0..<count where isFree[i] {
            residual[i] = -product[i]
            scale += residual[i] * residual[i]
        }
        guard scale > 0 else { return solution }
        var reduced = 0.0
        for i in 0..<count where isFree[i] {
            direction[i] = residual[i] / diagonal[i]
            reduced += residual[i] * direction[i]
        }
        let goal = tolerance * tolerance * scale
        for _ in 0..<iterations {
            multiply(direction, into: &product)
            var curvature = 0.0
            for i in 0..<count { curvature += direction[i] * product[i] }
            guard curvature > 0 else { return solution }
            let step = reduced / curvature
            var norm = 0.0, next = 0.0
            for i in 0..<count where isFree[i] {
                solution[i] += step * direction[i]
                residual[i] -= step * product[i]
                norm += residual[i] * residual[i]
                next += residual[i] * residual[i] / diagonal[i]
            }
            if norm <= goal { return solution }
            let share = next / reduced
            reduced = next
            for i in 0..<count where isFree[i] { direction[i] = residual[i] / diagonal[i] + share * direction[i] }
        }
        throw Diagnostic(
            .undefinedResult, "the random walks did not settle within \(iterations) iterations",
            remedy: "allow more iterations, a greater tolerance or a smaller beta")
    }

    /// The graph's Laplacian times a vector, at free pixels; 0 elsewhere.
    private func laplacian(
        _ vector: UnsafeBufferPointer<Double>, _ out: UnsafeMutableBufferPointer<Double>, _ isFree: [Bool],
        _ pool: ThreadPool
    ) {
        nonisolated(unsafe) let vector = vector, out = out
        let steps = [1, size.x, size.x * size.y], count = size.count, chunk = 1 << 14
        edges[0].withUnsafeBufferPointer { ex in
            edges[1].withUnsafeBufferPointer { ey in
                edges[2].withUnsafeBufferPointer { ez in
                    isFree.withUnsafeBufferPointer { isFree in
                        nonisolated(unsafe) let all = [ex, ey, ez], isFree = isFree
                        let axes = size.isPlanar ? 2 : 3
                        pool.forEach((count + chunk - 1) / chunk) { (task: Int) in
                            for i in task * chunk..<min(count, (task + 1) * chunk) {
                                guard isFree[i] else {
                                    out[i] = 0
                                    continue
                                }
                                var sum = 0.0
                                let own = vector[i]
                                for axis in 0..<axes {
                                    let step = steps[axis], edges = all[axis]
                                    if edges[i] > 0 { sum += edges[i] * (own - vector[i &+ step]) }
                                    if i >= step, edges[i &- step] > 0 {
                                        sum += edges[i &- step] * (own - vector[i &- step])
                                    }
                                }
                                out[i] = sum
                            }
                        }
                    }
                }
            }
        }
    }
}
