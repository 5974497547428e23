import LucencyFoundation

extension Tensor {
    /// Numbers of the uniform distribution over a range; the same for the same stream.
    public static func uniform(
        _ shape: Shape, in range: ClosedRange<Float> = 0...1, from stream: inout PhiloxStream
    ) -> Tensor {
        let range = Double(range.lowerBound)...Double(range.upperBound)
        return Tensor(trusted: shape) { for index in $0.indices { $0[index] = Float(stream.uniform(in: range)) } }
    }

    /// Numbers of the normal distribution; the same for the same stream.
    public static func normal(
        _ shape: Shape, mean: Float = 0, standardDeviation: Float = 1, from stream: inout PhiloxStream
    ) -> Tensor {
        Tensor(trusted: shape) { target in
            for index in target.indices {
                target[index] = Float(
                    stream.normal(mean: Double(mean), standardDeviation: Double(standardDeviation)))
            }
        }
    }
}

extension PhiloxStream {
    /// The numbers below `count` in random order (Fisher and Yates).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<max(0, count))
        for last in order.indices.dropFirst().reversed() { order.swapAt(last, int(in: 0...last)) }
        return order
    }
}
