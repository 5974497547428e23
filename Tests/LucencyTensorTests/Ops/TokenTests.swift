import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Layer normalization and embeddings.
@Suite struct TokenTests {
    @Test(arguments: EngineSetting.families) func `layer norms and their gradients are those of the formula in float64`(
        _ setting: EngineSetting
    ) throws {
        var stream = PhiloxStream(seed: 8, stream: "norm")
        let rows = 150, width = 13
        let x = Tensor.normal(try Shape([3, 50, width]), mean: 4, standardDeviation: 3, from: &stream)
        let upstream = Tensor.normal(x.shape, from: &stream)
        let scale = try Tensor.normal(Shape([width]), mean: 1, from: &stream)
        let shift = try Tensor.normal(Shape([width]), from: &stream)
        func loss(_ x: [Double], _ scale: [Double], _ shift: [Double]) -> Double {
            var sum = 0.0
            for row in 0..<rows {
                let token = x[row * width..<(row + 1) * width]
                let mean = token.reduce(0, +) / Double(width)
                let variance = token.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                for (index, value) in token.enumerated() {
                    let y = (value - mean) / (variance + 1e-5).squareRoot() * scale[index] + shift[index]
                    sum += y * Double(upstream.array[row * width + index])
                }
            }
            return sum
        }
        let tape = Tape(.training), inputs = [x, scale, shift], values = inputs.map { tape.input("x", $0.shape) }
        let out = try tape.layerNormalization(values[0], scale: values[1], shift: values[2])
        let scalar = try tape.weightedSum(out, upstream)
        let plan = try TensorPlan(
            tape, outputs: [scalar], gradientsOf: scalar, inputGradients: values,
            options: .init(kernels: setting.kernels))
        let workspace = try Workspace(
            plan, parameters: Parameters([], seed: 0), pool: ThreadPool(threads: setting.threads))
        try workspace.run(Dictionary(uniqueKeysWithValues: zip(values, inputs)))
        var plain = inputs.map { $0.array.map(Double.init) }
        let sum = try Double(workspace.tensor(scalar).scalar)
        #expect(abs(sum - loss(plain[0], plain[1], plain[2])) < 1e-3)
        for input in 0..<3 {
            let gradient = try workspace.gradient(of: values[input]).array
            for index in stride(from: 0, to: gradient.count, by: input == 0 ? 97 : 1) {
                let old = plain[input][index]
                plain[input][index] = old + 1e-4
                let above = loss(plain[0], plain[1], plain[2])
                plain[input][index] = old - 1e-4
                let below = loss(plain[0], plain[1], plain[2])
                plain[input][index] = old
                let wanted = (above - below) / 2e-4
                #expect(abs(Double(gradient[index]) - wanted) <= 1e-5 * max(1, abs(wanted)))
            }
        }
    }

    @Test(arguments: EngineSetting.families) func `an embedding looks rows up, and adds gradients to them`(
        _ setting: EngineSetting
    ) throws {
        let tape = Tape(.training), numbers = tape.input("n", try Shape([2, 3]))
        let table = try tape.parameter("table", Shape([4, 20]), .normal(standardDeviation: 1))
        let out = try tape.embedding(numbers, table: table)
        #expect(out.shape.dimensions == [2, 3, 20])
        let upstream = try Tensor([2, 3, 20], (0..<120).map { Float($0) })
        let plan = try TensorPlan(
            tape, outputs: [out], gradientsOf: tape.weightedSum(out, upstream),
            options: .init(kernels: setting.kernels))
        let parameters = try Parameters(tape.parameters, seed: 1)
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: setting.threads))
        let rows = [3, 0, 3, 1, 3, 1]
        try workspace.run([numbers: Tensor([2, 3], rows.map { Float($0) })])
        let weights = try #require(parameters["table"]).array
        #expect(try workspace.tensor(out).array == rows.flatMap { weights[$0 * 20..<($0 + 1) * 20] })
        var wanted = [Float](repeating: 0, count: 80)
        for (position, row) in rows.enumerated() {
            for column in 0..<20 { wanted[row * 20 + column] += Float(position * 20 + column) }
        }
        #expect(try workspace.gradient(of: "table").array == wanted)
    }

    @Test func `a number that is no row gives NaN and learns nothing`() throws {
        let tape = Tape(.training), numbers = tape.input("n", try Shape([6]))
        let table = try tape.parameter("table", Shape([4, 2]), .constant(1))
        let out = try tape.embedding(numbers, table: table)
        let plan = try TensorPlan(
            tape, outputs: [out],
            gradientsOf: tape.weightedSum(out, Tensor(out.shape, repeating: 1)),
            options: .init(kernels: Kernels(family: .portable)))
        let workspace = try Workspace(plan, parameters: Parameters(tape.parameters, seed: 1), pool: .serial)
        try workspace.run([numbers: Tensor([6], [0, 4, -1, 0.5, .nan, 3e30])])
        let rows = try workspace.tensor(out).array
        #expect(rows.prefix(2) == [1, 1])
        #expect(rows.dropFirst(2).allSatisfy { $0.isNaN })
        #expect(try workspace.gradient(of: "table").array == [1, 1, 0, 0, 0, 0, 0, 0])
    }
}
