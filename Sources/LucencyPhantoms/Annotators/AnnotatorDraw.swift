import LucencyFoundation

extension Annotators {
    /// An annotator's numbers for a picture: what each organ is reported as, and how far all of its border is displaced.
    func drawn(
        _ annotator: Int, organs: [String], _ draws: inout PhantomDraws
    ) -> (reports: [Int32], offsets: [Double]) {
        let matrix = confusionMatrix(organs: organs)
        var reports: [Int32] = [], offsets: [Double] = []
        for (k, organ) in organs.enumerated() {
            let name = "annotator.\(annotator).\(organ)", border = border(of: organ), row = matrix[k + 1]
            reports.append(
                row[k + 1] < 1
                    ? Int32(draws.choice("\(name).reported", of: ["background"] + organs, weights: row))
                    : Int32(k + 1))
            let habit =
                border.habit > 0
                ? draws.normal("\(name).habit", standardDeviation: border.habit, limit: .infinity) : 0
            offsets.append(border.bias + habit)
        }
        return (reports, offsets)
    }

    /// The labels of one annotator, of whom there is any number: a draw from the posterior. What is drawn is recorded
    /// under `annotator.N`.
    package func label(
        by annotator: Int, of stack: DistanceStack, draws: inout PhantomDraws, pool: ThreadPool
    ) -> [Int32] {
        let organs = stack.organs, count = stack.size.count, width = stack.size.x
        let drawn = drawn(annotator, organs: organs, &draws)
        let (reports, displacements) = (drawn.reports, drawn.offsets)
        let corner =
            SIMD3(Double(stack.size.x - 1), Double(stack.size.y - 1), Double(stack.size.z - 1))
            * stack.spacing
        let jitters = organs.map { organ in
            LatticeField(
                spacing: correlation, from: .zero, to: corner,
                random: draws.stream("annotator.\(annotator).\(organ).jitter"))
        }
        let sigmas = organs.map { border(of: $0).sigma }
        let limits = organs.map { border(of: $0).bias + Self.reach * spread(of: $0) }
        let sure = organs.map { border(of: $0).bias - Self.reach * spread(of: $0) }
        var labels = [Int32](repeating: 0, count: count)
        labels.withUnsafeMutableBufferPointer { labels in
            stack.values.withUnsafeBufferPointer { values in
                nonisolated(unsafe) let labels = labels, values = values
                pool.forEach(stack.size.y * stack.size.z) { row in
                    let y = Double(row % stack.size.y) * stack.spacing.y
                    let z = Double(row / stack.size.y) * stack.spacing.z
                    withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { jitter in
                        guard let jitter = jitter.baseAddress else { return }
                        // From the back to the front: a mask covers those behind it.
                        for k in organs.indices {
                            let start = k &* count &+ row &* width, target = row &* width
                            let limit = limits[k], certain = sure[k], offset = displacements[k], sigma = sigmas[k]
                            var first = 0, end = width
                            while first < end, Double(values[start &+ first]) >= limit { first &+= 1 }
                            while end > first, Double(values[start &+ end &- 1]) >= limit { end &-= 1 }
                            guard first < end else { continue }
                            jitters[k].row(
                                x: Double(first) * stack.spacing.x, step: stack.spacing.x, count: end - first, y: y,
                                z: z, into: jitter)
                            for x in first..<end {
                                let distance = Double(values[start &+ x])
                                let isInside = distance < offset + sigma * Double(jitter[x &- first])
                                if distance < limit, isInside || distance < certain {
                                    labels[target &+ x] = reports[k]
                                }
                            }
                        }
                    }
                }
            }
        }
        return labels
    }
}
