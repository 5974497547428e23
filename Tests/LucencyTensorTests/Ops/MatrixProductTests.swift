import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Matrix products and linear layers against loops in float64.
@Suite struct MatrixProductTests {
    private static func run(
        _ setting: EngineSetting, _ inputs: [Tensor], upstream: Tensor, build: (Tape, [Value]) throws -> Value
    ) throws -> (out: Tensor, gradients: [Tensor]) {
        let tape = Tape(.training), values = inputs.map { tape.input("x", $0.shape) }
        let out = try build(tape, values)
        let plan = try TensorPlan(
            tape, outputs: [out], gradientsOf: tape.weightedSum(out, upstream),
            inputGradients: values, options: .init(kernels: setting.kernels))
        let workspace = try Workspace(
            plan, parameters: Parameters([], seed: 0), pool: ThreadPool(threads: setting.threads))
        try workspace.run(Dictionary(uniqueKeysWithValues: zip(values, inputs)))
        return try (workspace.tensor(out), values.map { try workspace.gradient(of: $0) })
    }

    /// One matrix of a batch in float64, as it enters the product.
    private struct Plain {
        var rows: Int, columns: Int
        var numbers: [Double]

        init(_ tensor: Tensor, _ index: Int, transposed: Bool) {
            let shape = tensor.shape, height = shape[shape.rank - 2], width = shape[shape.rank - 1]
            let start = shape.rank > 2 ? index * height * width : 0, array = tensor.array
            (rows, columns) = transposed ? (width, height) : (height, width)
            numbers = []
            for row in 0..<rows {
                for column in 0..<columns {
                    numbers.append(Double(array[start + (transposed ? column * width + row : row * width + column)]))
                }
            }
        }

        init(_ rows: Int, _ columns: Int) {
            (self.rows, self.columns, numbers) = (rows, columns, Array(repeating: 0, count: rows * columns))
        }

        var transposed: Plain {
            var result = Plain(columns, rows)
            for row in 0..<rows {
                for column in 0..<columns { result.numbers[column * rows + row] = numbers[row * columns + column] }
            }
            return result
        }

        static func * (a: Plain, b: Plain) -> Plain {
            var result = Plain(a.rows, b.columns)
            for row in 0..<a.rows {
                for k in 0..<a.columns {
                    let factor = a.numbers[row * a.columns + k]
                    for column in 0..<b.columns {
                        result.numbers[row * b.columns + column] += factor * b.numbers[k * b.columns + column]
                    }
                }
            }
            return result
        }
    }

    @Test func `products and their gradients are those of plain loops`() throws {
        var stream = PhiloxStream(seed: 3, stream: "products")
        // Odd sizes; more rows and columns than a tile, and more terms than the portable loop sums at once.
        for (rows, inner, columns) in [(1, 1, 1), (3, 5, 9), (7, 300, 12), (130, 3, 259)] {
            for (first, second) in [(false, false), (true, false), (false, true), (true, true)] {
                for (batchA, batchB) in [(0, 0), (2, 2), (2, 0), (0, 2)] {
                    func shape(_ batch: Int, _ height: Int, _ width: Int, _ transposed: Bool) throws -> Shape {
                        try Shape((batch > 0 ? [batch] : []) + (transposed ? [width, height] : [height, width]))
                    }
                    let a = try Tensor.normal(shape(batchA, rows, inner, first), from: &stream)
                    let b = try Tensor.normal(shape(batchB, inner, columns, second), from: &stream)
                    let batch = max(batchA, batchB)
                    let upstream = try Tensor.normal(shape(batch, rows, columns, false), from: &stream)
                    var out: [Double] = [], dA: [Double] = [], dB: [Double] = []
                    for index in 0..<max(1, batch) {
                        let x = Plain(a, index, transposed: first), y = Plain(b, index, transposed: second)
                        let u = Plain(upstream, index, transposed: false)
                        out += (x * y).numbers
                        let gradientA = u * y.transposed, gradientB = x.transposed * u
                        let partA = (first ? gradientA.transposed : gradientA).numbers
                        let partB = (second ? gradientB.transposed : gradientB).numbers
                        // A shared operand gets the sum.
                        if batchA == 0, index > 0 { dA = zip(dA, partA).map(+) } else { dA += partA }
                        if batchB == 0, index > 0 { dB = zip(dB, partB).map(+) } else { dB += partB }
                    }
                    for setting in EngineSetting.families {
                        let found = try Self.run(setting, [a, b], upstream: upstream) {
                            try $0.matrixProduct($1[0], $1[1], transposesFirst: first, transposesSecond: second)
                        }
                        let comment: Comment = "\(a.shape) · \(b.shape), \(setting)"
                        for (tensor, wanted) in [(found.out, out), (found.gradients[0], dA), (found.gradients[1], dB)] {
                            let reference = try Tensor(tensor.shape.dimensions, wanted.map { Float($0) })
                            #expect(tensor.error(against: reference) <= 3e-6, comment)
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: EngineSetting.families) func `a linear layer is x times the transposed weights, plus the bias`(
        _ setting: EngineSetting
    ) throws {
        var stream = PhiloxStream(seed: 4, stream: "linear")
        for (outer, depth, width) in [([5], 12, 7), ([2, 150], 33, 300)] {
            let x = try Tensor.normal(Shape(outer + [depth]), from: &stream)
            let w = try Tensor.normal(Shape([width, depth]), from: &stream)
            let b = try Tensor.normal(Shape([width]), from: &stream)
            let u = try Tensor.normal(Shape(outer + [width]), from: &stream)
            let found = try Self.run(setting, [x, w, b], upstream: u) {
                try $0.linear($1[0], weights: $1[1], bias: $1[2])
            }
            let rows = outer.reduce(1, *)
            let px = try Plain(x.reshaped([rows, depth]), 0, transposed: false)
            let pw = Plain(w, 0, transposed: false), pu = try Plain(u.reshaped([rows, width]), 0, transposed: false)
            let product = (px * pw.transposed).numbers
            let out = product.enumerated().map { $1 + Double(b.array[$0 % width]) }
            let bias = (0..<width).map { c in (0..<rows).reduce(0.0) { $0 + pu.numbers[$1 * width + c] } }
            for (tensor, wanted) in [
                (found.out, out), (found.gradients[0], (pu * pw).numbers),
                (found.gradients[1], (pu.transposed * px).numbers), (found.gradients[2], bias),
            ] {
                let reference = try Tensor(tensor.shape.dimensions, wanted.map { Float($0) })
                #expect(tensor.error(against: reference) <= 3e-6)
            }
        }
    }

    @Test func `one and two threads give the same bytes`() throws {
        var stream = PhiloxStream(seed: 6, stream: "threads")
        let a = try Tensor.normal(Shape([300, 70]), from: &stream),
            b = try Tensor.normal(Shape([70, 520]), from: &stream)
        let u = try Tensor.normal(Shape([300, 520]), from: &stream)
        for family in KernelFamily.available {
            let results = try [1, 2].map { threads in
                let setting = EngineSetting(kernels: Kernels(family: family), threads: threads)
                return try Self.run(setting, [a, b], upstream: u) { try $0.matrixProduct($1[0], $1[1]) }
            }
            #expect(results[0].out == results[1].out)
            #expect(results[0].gradients == results[1].gradients)
        }
    }

    @Test func `shapes that do not fit are named`() throws {
        let tape = Tape(.inference)
        let a = tape.input("a", try Shape([2, 3, 4])), b = tape.input("b", try Shape([3, 4, 5]))
        #expect { try tape.matrixProduct(a, b) } throws: { "\($0)".contains("numbers of matrices") }
        #expect { try tape.matrixProduct(a, a) } throws: { "\($0)".contains("4 and 3") }
        #expect(throws: Diagnostic.self) { try tape.linear(a, weights: tape.input("w", Shape([5, 3]))) }
        #expect(throws: Diagnostic.self) {
            try tape.linear(a, weights: tape.input("w", Shape([5, 4])), bias: tape.input("b", Shape([4])))
        }
    }

    @Test func `the description says what multiplies`() {
        let text = MatrixProducts.description
        #expect(MatrixProducts.usesOpenBLAS ? text.hasPrefix("OpenBLAS ") : text.hasPrefix("portable"))
        print("matrix products: \(text)")
    }
}
