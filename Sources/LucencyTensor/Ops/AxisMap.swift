import LucencyFoundation

/// How one dimension of a result is made from one of the input: every output is a weighted sum of a few inputs. A sparse
/// matrix, so that the gradient is its transpose.
struct AxisMap: Hashable, Sendable {
    let inputs: Int
    let outputs: Int
    /// Terms of output o: those from `starts[o]` to before `starts[o + 1]`.
    private(set) var starts: [Int32] = [0]
    private(set) var columns: [Int32] = []
    private(set) var weights: [Float] = []

    /// - Parameter terms: of each output; of one input there may be several.
    init(inputs: Int, outputs: Int, terms: (_ output: Int) -> [(input: Int, weight: Double)]) {
        self.inputs = inputs
        self.outputs = outputs
        for output in 0..<outputs {
            var sums: [(input: Int, weight: Double)] = []
            for term in terms(output) {
                if let index = sums.firstIndex(where: { $0.input == term.input }) {
                    sums[index].weight += term.weight
                } else {
                    sums.append(term)
                }
            }
            for term in sums where term.weight != 0 {
                columns.append(Int32(clamping: term.input))
                weights.append(Float(term.weight))
            }
            starts.append(Int32(clamping: columns.count))
        }
    }

    static func identity(_ extent: Int) -> AxisMap {
        AxisMap(inputs: extent, outputs: extent) { [($0, 1)] }
    }

    var isIdentity: Bool {
        inputs == outputs && columns.count == outputs && columns.indices.allSatisfy { columns[$0] == $0 }
            && weights.allSatisfy { $0 == 1 }
    }

    var transposed: AxisMap {
        var terms = [[(input: Int, weight: Double)]](repeating: [], count: inputs)
        for output in 0..<outputs {
            for term in self.terms(output) { terms[Int(columns[term])].append((output, Double(weights[term]))) }
        }
        return AxisMap(inputs: outputs, outputs: inputs) { terms[$0] }
    }

    func terms(_ output: Int) -> Range<Int> { Int(starts[output])..<Int(starts[output + 1]) }

    // MARK: Padding

    /// Pixels added on both sides, or cut off where negative.
    static func padding(_ extent: Int, _ before: Int, _ after: Int, _ mode: PaddingMode) -> AxisMap {
        AxisMap(inputs: extent, outputs: extent + before + after) { output in
            let position = output - before
            if (0..<extent).contains(position) { return [(position, 1)] }
            switch mode {
            case .zeros: return []
            case .replicate: return [(position < 0 ? 0 : extent - 1, 1)]
            case .reflect: return [(position < 0 ? -position : 2 * (extent - 1) - position, 1)]
            }
        }
    }

    // MARK: Resizing

    /// - Parameter scale: input pixels per output pixel.
    static func resizing(
        _ extent: Int, to size: Int, _ interpolation: TensorInterpolation, scale: Double
    ) -> AxisMap {
        /// The position in the input of an output's centre.
        func source(_ output: Int, alignsCorners: Bool) -> Double {
            if alignsCorners { return size > 1 ? Double(output) * Double(extent - 1) / Double(size - 1) : 0 }
            return (Double(output) + 0.5) * scale - 0.5
        }
        func inside(_ position: Int) -> Int { min(max(position, 0), extent - 1) }
        return AxisMap(inputs: extent, outputs: size) { output in
            switch interpolation {
            case .nearest:
                return [(inside(Int((Double(output) * scale + 1e-9).rounded(.down))), 1)]
            case .linear(let alignsCorners):
                let position = max(0, source(output, alignsCorners: alignsCorners))
                let first = min(Int(position), extent - 1), fraction = position - Double(first)
                return [(first, 1 - fraction), (inside(first + 1), fraction)]
            case .cubic(let alignsCorners, let a):
                let position = source(output, alignsCorners: alignsCorners)
                let first = Int(position.rounded(.down)), t = position - Double(first)
                return (-1...2).map { (inside(first + $0), Self.cubic(abs(t - Double($0)), a)) }
            }
        }
    }

    /// The convolution kernel of Keys 1981.
    private static func cubic(_ x: Double, _ a: Double) -> Double {
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}
