import LucencyFoundation

extension Annotators {
    /// p(label | anatomy) of every pixel: `(1 + organs) × z × y × x`, background first.
    package func posterior(of stack: DistanceStack, pool: ThreadPool) -> [Float] {
        let organs = stack.organs, classes = organs.count + 1, count = stack.size.count, width = stack.size.x
        let biases = organs.map { border(of: $0).bias }
        let spreads = organs.map { spread(of: $0) }
        let matrix = confusionMatrix(organs: organs).flatMap { $0 }
        var result = [Float](repeating: 0, count: classes * count)
        result.withUnsafeMutableBufferPointer { result in
            stack.values.withUnsafeBufferPointer { values in
                nonisolated(unsafe) let result = result, values = values
                pool.forEach(stack.size.y * stack.size.z) { row in
                    withUnsafeTemporaryAllocation(of: Double.self, capacity: classes) { drawn in
                        for i in row * width..<(row + 1) * width {
                            // What is left for organs further back.
                            var rest = 1.0, isPlain = true
                            for k in stride(from: organs.count - 1, through: 0, by: -1) {
                                let beyond = Double(values[k &* count &+ i]) - biases[k]
                                let inside = Self.maskProbability(beyond: beyond, spread: spreads[k])
                                drawn[k &+ 1] = rest * inside
                                rest *= 1 - inside
                                if inside > 0 { isPlain = false }
                            }
                            drawn[0] = rest
                            if isPlain {
                                result[i] = 1
                                continue
                            }
                            for l in 0..<classes {
                                var sum = 0.0
                                for k in 0..<classes { sum += drawn[k] * matrix[k &* classes &+ l] }
                                result[l &* count &+ i] = Float(min(max(sum, 0), 1))
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    /// P(normal number of this spread > beyond), cut off at `reach` as the drawn masks are.
    private static func maskProbability(beyond: Double, spread: Double) -> Double {
        if beyond >= reach * spread { return 0 }
        if beyond < -reach * spread { return 1 }
        return normalDistribution(-beyond / spread)
    }
}
