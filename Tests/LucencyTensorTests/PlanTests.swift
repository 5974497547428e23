import Foundation
import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// What plans promise whatever the operations are.
@Suite struct PlanTests {
    private static let options = TensorPlan.Options(kernels: Kernels(family: .best))

    private static func random(_ dimensions: [Int], _ name: String = "x") throws -> Tensor {
        var stream = PhiloxStream(seed: 5, stream: name)
        return .uniform(try Shape(dimensions), in: -1...1, from: &stream)
    }

    private static func workspace(_ plan: TensorPlan, _ tape: Tape) throws -> Workspace {
        try Workspace(plan, parameters: Parameters(tape.parameters, seed: 6), pool: .serial)
    }

    private static func largestDifference(_ a: Tensor, _ b: Tensor) -> Float {
        zip(a.array, b.array).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    // MARK: Memory

    @Test func `buffers that live at the same time never overlap`() {
        var stream = PhiloxStream(seed: 7)
        for _ in 0..<200 {
            let lives = (0..<stream.int(in: 1...60)).map { _ -> (count: Int, first: Int, last: Int)? in
                if stream.int(in: 0...9) == 0 { return nil }
                let first = stream.int(in: -1...30)
                return (stream.int(in: 1...500), first, first + stream.int(in: 0...12))
            }
            let (offsets, total) = Arena.place(lives)
            for (index, life) in lives.enumerated() {
                guard let life else { continue }
                #expect(offsets[index] % 16 == 0 && offsets[index] + life.count <= total)
                for (other, second) in lives.enumerated().prefix(index) {
                    guard let second, life.first <= second.last, second.first <= life.last else { continue }
                    let apart =
                        offsets[index] + life.count <= offsets[other]
                        || offsets[other] + second.count <= offsets[index]
                    #expect(apart, "\(life) at \(offsets[index]) and \(second) at \(offsets[other])")
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `attention's memory grows with the sites, not with their square`(isTraining: Bool) throws {
        func bytes(_ sites: Int) throws -> Int {
            let tape = Tape(isTraining ? .training : .inference), qkv = tape.input("qkv", try Shape([1, 24, sites]))
            let y = try tape.attention(qkv, heads: 2)
            return try TensorPlan(
                tape, outputs: [y], gradientsOf: isTraining ? tape.sum(tape.multiply(y, y)) : nil,
                inputGradients: isTraining ? [qkv] : [], options: Self.options
            ).bytes(threads: 1)
        }
        let few = try bytes(4096), many = try bytes(16384)
        // A quarter of one head's scores between all sites, 4 bytes each, would be more.
        #expect(many < 5 * few && many < 16384 * 16384)
    }

    @Test func `buffers of different times share their place`() {
        let (_, total) = Arena.place([(160, 0, 1), (160, 2, 3), (160, 4, 5)])
        #expect(total == 160)
    }

    #if os(Linux)
        /// Megabytes of this process that are in memory.
        private static func resident() throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            let pages = text.split(separator: " ").compactMap { Int($0) }
            return try #require(pages.dropFirst().first) * Int(sysconf(Int32(_SC_PAGESIZE))) >> 20
        }

        @Test func `repeated runs take no more memory than the first`() throws {
            let tape = Tape(.training)
            let x = tape.input("x", try Shape([1, 8, 256, 256]))
            let weights = try tape.parameter("w", Shape([8, 8, 3, 3]), .he(fanIn: 72))
            var y = x
            for _ in 0..<4 {
                y = try tape.convolution(y, weights: weights, window: ConvolutionWindow(kernel: [3, 3]))
                y = try tape.gelu(tape.dropout(y, probability: 0.1))
            }
            let loss = try tape.mean(tape.square(y))
            let plan = try TensorPlan(tape, outputs: [], gradientsOf: loss, options: Self.options)
            let workspace = try Self.workspace(plan, tape)
            let input = try Self.random([1, 8, 256, 256])
            for step in 0..<3 { try workspace.run([x: input], step: UInt64(step)) }
            let before = try Self.resident()
            // One value is 2 MB, and a run makes twenty; other tests take some memory meanwhile.
            for step in 0..<60 { try workspace.run([x: input], step: UInt64(step)) }
            #expect(try Self.resident() - before < 300)
        }
    #endif

    @Test func `what nothing reads is not computed, and its inputs are not asked for`() throws {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([4])), unused = tape.input("unused", try Shape([1 << 20]))
        let y = try tape.scale(x, by: 2)
        _ = try tape.exponential(unused)
        let plan = try TensorPlan(tape, outputs: [y], options: Self.options)
        #expect(plan.bytes(threads: 1) < 1 << 16)
        let workspace = try Self.workspace(plan, tape)
        try workspace.run([x: Tensor([4], [1, 2, 3, 4])])
        #expect(try workspace.tensor(y).array == [2, 4, 6, 8])
    }

    // MARK: Fusion

    /// A convolution and what follows; results with and without fusion, which asking for the values between prevents.
    private static func compare(
        _ follow: (Tape, Value, Value) throws -> [Value]
    ) throws -> (difference: Float, fused: Int, unfused: Int) {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([2, 5, 9, 8]))
        let weights = try tape.parameter("w", Shape([7, 5, 3, 3]), .he(fanIn: 45))
        let bias = try tape.parameter("b", Shape([7]), .uniform(bound: 1))
        let y = try tape.convolution(x, weights: weights, bias: bias, window: ConvolutionWindow(kernel: [3, 3]))
        let rest = try follow(tape, x, y)
        let result = try #require(rest.last)
        let fused = try TensorPlan(tape, outputs: [result], options: options)
        let unfused = try TensorPlan(tape, outputs: [y] + rest, options: options)
        let parameters = try Parameters(tape.parameters, seed: 8)
        for declaration in tape.parameters where declaration.name.hasPrefix("norm") {
            var stream = PhiloxStream(seed: 9, stream: declaration.name)
            try parameters.set(declaration.name, to: .uniform(declaration.shape, in: 0.5...1.5, from: &stream))
        }
        var results: [Tensor] = []
        for plan in [fused, unfused] {
            let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
            try workspace.run([x: random([2, 5, 9, 8])])
            results.append(try workspace.tensor(result))
        }
        return (largestDifference(results[0], results[1]), fused.bytes(threads: 1), unfused.bytes(threads: 1))
    }

    private static func norm(_ tape: Tape, _ y: Value, _ activation: Activation = .linear) throws -> Value {
        let shape = try Shape([7])
        return try tape.batchNormalization(
            y, scale: tape.parameter("norm.scale", shape, .constant(1)),
            shift: tape.parameter("norm.shift", shape, .constant(0)),
            runningMean: tape.parameter("norm.mean", shape, .constant(0), isTrainable: false),
            runningVariance: tape.parameter("norm.variance", shape, .constant(1), isTrainable: false),
            activation: activation)
    }

    @Test func `a norm and an activation folded into a convolution give the same numbers`() throws {
        let result = try Self.compare { tape, _, y in
            let normal = try Self.norm(tape, y)
            return [normal, try tape.relu(normal)]
        }
        #expect(result.difference < 1e-5)
        #expect(result.fused < result.unfused)
    }

    @Test func `a residual and an activation fused with a convolution give the same numbers`() throws {
        let result = try Self.compare { tape, x, y in
            let other = try tape.convolution(
                x, weights: tape.parameter("w2", Shape([7, 5, 1, 1]), .he(fanIn: 5)),
                window: ConvolutionWindow(kernel: [1, 1]))
            let sum = try tape.add(y, other)
            return [sum, try tape.leakyReLU(sum, slope: 0.1)]
        }
        #expect(result.difference < 1e-5)
        #expect(result.fused < result.unfused)
    }

    @Test func `a value that two operations read is not fused away`() throws {
        let result = try Self.compare { tape, _, y in
            let positive = try tape.relu(y)
            return [positive, try tape.subtract(positive, y)]
        }
        #expect(result.difference < 1e-5)
    }

    @Test func `new weights are packed again, and folded norms with them`() throws {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([1, 3, 4, 4]))
        let weights = try tape.parameter("w", Shape([7, 3, 1, 1]), .constant(1))
        let y = try Self.norm(tape, tape.convolution(x, weights: weights, window: .init(kernel: [1, 1])))
        let plan = try TensorPlan(tape, outputs: [y], options: Self.options)
        let workspace = try Self.workspace(plan, tape), input = try Self.random([1, 3, 4, 4])
        try workspace.run([x: input])
        let before = try workspace.tensor(y)
        try workspace.parameters.set("w", to: Tensor(Shape([7, 3, 1, 1]), repeating: 2))
        try workspace.run([x: input])
        let twice = try workspace.tensor(y)
        #expect(zip(before.array, twice.array).allSatisfy { abs(2 * $0 - $1) < 1e-5 })
        try workspace.parameters.set("norm.shift", to: Tensor(Shape([7]), repeating: 3))
        try workspace.run([x: input])
        #expect(zip(twice.array, try workspace.tensor(y).array).allSatisfy { abs($0 + 3 - $1) < 1e-5 })
    }

    // MARK: Gradients

    @Test func `a value with several readers gets the sum of their gradients`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([3]))
        let y = try tape.scale(x, by: 1)
        let parts = [
            try tape.sum(tape.square(y)), try tape.sum(tape.scale(y, by: 3)), try tape.sum(tape.multiply(y, y)),
        ]
        let loss = try tape.add(tape.add(parts[0], parts[1]), parts[2])
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, inputGradients: [x], options: Self.options)
        let workspace = try Self.workspace(plan, tape)
        try workspace.run([x: Tensor([3], [1, -2, 0.5])])
        // 2x + 3 + 2x.
        #expect(try workspace.gradient(of: x).array == [7, -5, 5])
        #expect(try workspace.tensor(loss).scalar == 2 * 5.25 - 1.5)
    }

    @Test func `an operation that reads a value twice gives it both gradients`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([2]))
        let loss = try tape.sum(tape.add(x, x))
        let plan = try TensorPlan(tape, outputs: [], gradientsOf: loss, inputGradients: [x], options: Self.options)
        let workspace = try Self.workspace(plan, tape)
        try workspace.run([x: Tensor([2], [1, 2])])
        #expect(try workspace.gradient(of: x).array == [2, 2])
    }

    @Test func `a parameter that is used twice gets the sum of the gradients`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([1, 2, 5, 4]))
        let shape = try Shape([2, 2, 3, 3])
        func layer(_ value: Value) throws -> Value {
            try tape.convolution(
                value, weights: tape.parameter("w", shape, .he(fanIn: 18)), window: ConvolutionWindow(kernel: [3, 3]))
        }
        let loss = try tape.mean(tape.square(layer(tape.tanh(layer(x)))))
        let plan = try TensorPlan(tape, outputs: [loss], gradientsOf: loss, options: Self.options)
        let workspace = try Self.workspace(plan, tape), input = try Self.random([1, 2, 5, 4])
        try workspace.run([x: input])
        let gradient = try workspace.gradient(of: "w"), weights = try #require(workspace.parameters["w"])
        for element in [0, 7, 20, 35] {
            func value(_ offset: Float) throws -> Float {
                var changed = weights
                changed.buffer[element] += offset
                try workspace.parameters.set("w", to: changed)
                try workspace.run([x: input])
                return try workspace.tensor(loss).scalar
            }
            let slope = try (value(1e-2) - value(-1e-2)) / 2e-2
            #expect(abs(slope - gradient.buffer[element]) < 2e-3 * max(1, abs(slope)))
        }
    }

    @Test func `a reshaped value passes its gradient on`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([2, 3]))
        let loss = try tape.add(
            tape.sum(tape.square(tape.reshape(x, [3, 2]))), tape.sum(tape.scale(x, by: 5)))
        let plan = try TensorPlan(tape, outputs: [], gradientsOf: loss, inputGradients: [x], options: Self.options)
        let workspace = try Self.workspace(plan, tape)
        try workspace.run([x: Tensor([2, 3], [1, 2, 3, 4, 5, 6])])
        #expect(try workspace.gradient(of: x).array == [7, 9, 11, 13, 15, 17])
    }

    // MARK: Mistakes

    private static func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing was thrown"
        } catch { return "\(error)" }
    }

    @Test func `a missing input and one of another shape are diagnosed by name`() throws {
        let tape = Tape(.inference)
        let x = tape.input("scan", try Shape([2, 3]))
        let y = try tape.square(x)
        let workspace = try Self.workspace(TensorPlan(tape, outputs: [y], options: Self.options), tape)
        #expect(Self.message { try workspace.run() }.contains("'scan' must be a tensor of shape [2, 3]"))
        let wrong = try Tensor([3, 2], [1, 2, 3, 4, 5, 6])
        #expect(Self.message { try workspace.run([x: wrong]) }.contains("found [3, 2]"))
    }

    @Test func `what a plan was not asked for is diagnosed`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([3]))
        let y = try tape.square(x)
        let plan = try TensorPlan(tape, outputs: [y], options: Self.options)
        let workspace = try Self.workspace(plan, tape)
        #expect(throws: Diagnostic.self) { try workspace.tensor(x) }
        #expect(throws: Diagnostic.self) { try workspace.gradient(of: x) }
        #expect(throws: Diagnostic.self) { try workspace.gradient(of: "w") }
        #expect(throws: Diagnostic.self) { try TensorPlan(tape, outputs: [], gradientsOf: y, options: Self.options) }
    }

    @Test func `a value of another tape is diagnosed`() throws {
        let tape = Tape(.training), other = Tape(.training)
        let x = tape.input("x", try Shape([3]))
        #expect(Self.message { _ = try other.square(x) }.contains("belongs to another tape"))
    }

    @Test func `a parameter of one name has one shape`() throws {
        let tape = Tape(.training)
        let first = try tape.parameter("w", Shape([3]), .constant(0))
        #expect(try tape.parameter("w", Shape([3]), .constant(0)) == first)
        #expect(throws: Diagnostic.self) { try tape.parameter("w", Shape([4]), .constant(0)) }
    }

    @Test func `no gradient flows to a detached value`() throws {
        let tape = Tape(.training), x = tape.input("x", try Shape([3]))
        let square = try tape.square(x)
        let loss = try tape.sum(tape.multiply(square, tape.detached(square)))
        let alone = try tape.sum(tape.detached(square))
        let plan = try TensorPlan(
            tape, outputs: [loss, alone], gradientsOf: tape.add(loss, alone), inputGradients: [x], options: Self.options
        )
        let workspace = try Self.workspace(plan, tape)
        try workspace.run([x: Tensor([3], [1, -2, 3])])
        #expect(try workspace.tensor(loss).scalar == 98 && workspace.tensor(alone).scalar == 14)
        // Of Σ x² c, c = x².
        #expect(try workspace.gradient(of: x).array == [2, -16, 54])
    }
}
