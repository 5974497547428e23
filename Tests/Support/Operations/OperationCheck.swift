import LucencyFoundation
import LucencyTensor

/// Compares the engine with a case's reference. Answers with sentences about what is wrong, so that it needs no test library.
public struct OperationCheck: Sendable {
    public let item: OperationCase
    public let expected: Naive
    /// For each input, the elements that were tried and the slope of Σ upstream · output there by central differences.
    public let slopes: [[(element: Int, slope: Double)]]

    /// Inputs with more elements are tried at as many random ones.
    private static let mostElements = 300

    public init(_ item: OperationCase) throws(Diagnostic) {
        self.item = item
        let tensors = try item.tensors()
        var arrays = tensors.map { Naive($0.shape.dimensions, $0.array.map(Double.init)) }
        let expected = item.reference(arrays)
        self.expected = expected
        let upstream = OperationRun.upstream(item.name, try Shape(expected.shape)).array.map(Double.init)
        var slopes: [[(Int, Double)]] = []
        for (position, input) in item.inputs.enumerated() {
            switch input.role {
            case .fixed, .state:
                slopes.append([])
                continue
            case .data, .parameter: break
            }
            var stream = PhiloxStream(seed: 4, stream: item.name)
            var list: [(Int, Double)] = []
            for element in stream.permutation(arrays[position].data.count).prefix(Self.mostElements) {
                let value = arrays[position].data[element], step = 1e-5
                func change(_ offset: Double) -> [Double] {
                    arrays[position].data[element] = value + offset
                    return item.reference(arrays).data
                }
                // Differences first: sums of large terms would lose digits.
                var slope = 0.0
                for (weight, ends) in zip(upstream, zip(change(step), change(-step))) {
                    slope += weight * (ends.0 - ends.1)
                }
                arrays[position].data[element] = value
                list.append((element, slope / (2 * step)))
            }
            slopes.append(list)
        }
        self.slopes = slopes
    }

    /// The errors of a run, relative to the largest expected value.
    public func errors(_ run: OperationRun, extraSlope: Double = 0) -> (forward: Double, gradient: Double) {
        guard run.output.shape.dimensions == expected.shape else { return (.infinity, .infinity) }
        func relative(_ pairs: [(Double, Double)]) -> Double {
            let size = pairs.reduce(1e-3) { max($0, abs($1.1)) }
            // NaN must not get lost in a maximum.
            return pairs.reduce(0) { worst, pair in
                let error = abs(pair.0 - pair.1) / size
                return error <= worst ? worst : error.isNaN ? .infinity : error
            }
        }
        let forward = relative(zip(run.output.array.map(Double.init), expected.data).map { ($0, $1) })
        var gradient = 0.0
        for (position, list) in slopes.enumerated() where !list.isEmpty {
            guard let found = run.gradients[position]?.array else { return (forward, .infinity) }
            gradient = max(gradient, relative(list.map { (Double(found[$0.element]), $0.slope + extraSlope) }))
        }
        return (forward, gradient)
    }

    /// Everything that is wrong with one setting, or nothing.
    public func complaints(_ setting: OperationRun.Setting, wrongFactor: Float = 1) throws(Diagnostic) -> [String] {
        let run = try OperationRun(item, setting, wrongFactor: wrongFactor)
        let errors = errors(run, extraSlope: setting.accumulates ? Double(OperationRun.extraSlope) : 0)
        var complaints: [String] = []
        if errors.forward > item.tolerance {
            complaints.append("\(item.name) (\(setting)): the result is off by \(errors.forward)")
        }
        if errors.gradient > item.gradientTolerance {
            complaints.append("\(item.name) (\(setting)): a gradient is off by \(errors.gradient)")
        }
        return complaints
    }
}
