import Foundation
import LucencyFoundation
import LucencyTensor
import Testing

/// The engine's own exponential, logarithm and what is made of them against the C library in float64.
@Suite struct ElementwiseAccuracyTests {
    private static func apply(
        _ family: KernelFamily, _ numbers: [Float], _ build: (Tape, Value) throws -> Value
    ) throws -> [Float] {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([numbers.count]))
        let y = try build(tape, x)
        let plan = try TensorPlan(tape, outputs: [y], options: .init(kernels: Kernels(family: family)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: Tensor([numbers.count], numbers)])
        return try workspace.tensor(y).array
    }

    private struct Function: Sendable, CustomTestStringConvertible {
        let name: String
        let range: ClosedRange<Double>
        /// Largest error in units of the last place; nil where numbers cancel, so that only the absolute error counts.
        let ulps: Double?
        let build: @Sendable (Tape, Value) throws -> Value
        let reference: @Sendable (Double) -> Double
        var testDescription: String { name }
    }

    private static let functions = [
        Function(
            name: "exponential", range: -87...88, ulps: 1.5, build: { try $0.exponential($1) }, reference: { exp($0) }),
        Function(
            name: "sigmoid", range: -86...86, ulps: 3, build: { try $0.sigmoid($1) }, reference: { 1 / (1 + exp(-$0)) }),
        Function(name: "tanh", range: -20...20, ulps: 2, build: { try $0.tanh($1) }, reference: { tanh($0) }),
        Function(
            name: "silu", range: -80...80, ulps: 3.5, build: { try $0.silu($1) }, reference: { $0 / (1 + exp(-$0)) }),
        Function(
            name: "square root", range: 0...1e6, ulps: 0.501, build: { try $0.squareRoot($1) },
            reference: { $0.squareRoot() }),
        Function(
            name: "gelu", range: -12...12, ulps: nil, build: { try $0.gelu($1) },
            reference: { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 }),
    ]

    @Test(arguments: functions.indices)
    func `functions are right to the last bits in every family`(_ index: Int) throws {
        let function = Self.functions[index]
        var stream = PhiloxStream(seed: 10, stream: function.name)
        let numbers = (0..<100_000).map { number -> Float in
            let wide = stream.uniform(in: function.range)
            // Half of them near 0, over many magnitudes.
            return Float(number % 2 == 0 ? wide : wide * exp(-20 * stream.uniform()))
        }
        for family in KernelFamily.available {
            var worst = 0.0
            for (x, y) in zip(numbers, try Self.apply(family, numbers, function.build)) {
                let expected = function.reference(Double(x))
                let error = abs(Double(y) - expected)
                if let ulps = function.ulps {
                    let ulp = Double(Float(max(abs(expected), Double(Float.leastNormalMagnitude))).ulp)
                    worst = max(worst, error / ulp / ulps)
                } else {
                    worst = max(worst, error / (1.5e-7 * max(0.05, abs(expected), abs(Double(x)))))
                }
            }
            #expect(worst <= 1, "\(function.name), \(family.rawValue)")
        }
    }

    @Test func `the logarithm is right over all magnitudes`() throws {
        var stream = PhiloxStream(seed: 10)
        let numbers = (0..<100_000).map { Float(exp(stream.uniform(in: $0 % 2 == 0 ? -100...88 : -0.3...0.3))) }
        for family in KernelFamily.available {
            for (x, y) in zip(numbers, try Self.apply(family, numbers, { try $0.logarithm($1) })) {
                let expected = log(Double(x))
                #expect(abs(Double(y) - expected) <= 1.5 * Double(Float(abs(expected)).ulp) || x == 1 && y == 0)
            }
        }
    }

    @Test func `infinities, zeros and NaN come out as in the C library`() throws {
        let numbers: [Float] = [0, -.infinity, .infinity, .nan, -1, 200, -200, 0x1p-133]
        for family in KernelFamily.available {
            func check(_ expected: [Float], _ build: (Tape, Value) throws -> Value) throws {
                let found = try Self.apply(family, numbers, build)
                for (a, b) in zip(found, expected) {
                    #expect(a == b || abs(a - b) < 1e-6 * abs(b) || a.isNaN && b.isNaN, "\(found)")
                }
            }
            try check([1, 0, .infinity, .nan, 0.36787945, .infinity, 0, 1]) { try $0.exponential($1) }
            try check([-.infinity, .nan, .infinity, .nan, .nan, 5.2983174, .nan, -92.188576]) { try $0.logarithm($1) }
            try check([0.5, 0, 1, .nan, 0.26894143, 1, 0, 0.5]) { try $0.sigmoid($1) }
            try check([0, -1, 1, .nan, -0.7615942, 1, -1, 0x1p-133]) { try $0.tanh($1) }
        }
    }

    @Test func `portable kernels give the same bits everywhere`() throws {
        let numbers = (0..<4096).map { Float($0 - 2048) / 64 }
        var hash = ""
        for function in Self.functions where function.name != "square root" {
            let bytes = try Self.apply(.portable, numbers, function.build)
            hash = bytes.withUnsafeBytes { SHA256.hex(of: hash + SHA256.hex(of: $0)) }
        }
        #expect(hash == "f7994bf528426e9ec5816faf9da27214118618441685be7b2d8fe5c22196e948")
    }
}
