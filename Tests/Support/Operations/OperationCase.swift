import LucencyFoundation
import LucencyTensor

/// One use of an operation, with a reference that owes nothing to the implementation: what the tests compare, and what the
/// bench times.
public struct OperationCase: Sendable, CustomStringConvertible {
    /// An operand.
    public struct Input: Sendable {
        public enum Role: Sendable {
            /// Given for each run; a gradient is wanted.
            case data
            /// Given for each run; there is no gradient (labels).
            case fixed
            /// Owned by the network and trained.
            case parameter
            /// Owned by the network and not trained.
            case state
        }

        public enum Numbers: Sendable {
            /// Uniform over a range.
            case uniform(ClosedRange<Float>)
            /// Whole numbers of a range.
            case whole(ClosedRange<Int>)
        }

        public let shape: [Int]
        public let role: Role
        public let numbers: Numbers

        public static func data(_ shape: [Int], _ range: ClosedRange<Float> = -1...1) -> Input {
            Input(shape: shape, role: .data, numbers: .uniform(range))
        }
        public static func parameter(_ shape: [Int], _ range: ClosedRange<Float> = -1...1) -> Input {
            Input(shape: shape, role: .parameter, numbers: .uniform(range))
        }
        public static func state(_ shape: [Int], _ range: ClosedRange<Float> = -1...1) -> Input {
            Input(shape: shape, role: .state, numbers: .uniform(range))
        }
        public static func labels(_ shape: [Int], _ range: ClosedRange<Int>) -> Input {
            Input(shape: shape, role: .fixed, numbers: .whole(range))
        }

        /// The numbers of this operand, the same for the same case and position.
        public func tensor(_ name: String, _ position: Int) throws(Diagnostic) -> Tensor {
            var stream = PhiloxStream(seed: 1, stream: name, index: position)
            let shape = try Shape(self.shape)
            switch numbers {
            case .uniform(let range): return .uniform(shape, in: range, from: &stream)
            case .whole(let range):
                return try Tensor(self.shape, (0..<shape.count).map { _ in Float(stream.int(in: range)) })
            }
        }
    }

    public typealias Builder = @Sendable (Tape, [Value]) throws(Diagnostic) -> Value
    public typealias Reference = @Sendable ([Naive]) -> Naive

    public let name: String
    public let inputs: [Input]
    /// Shapes of the inputs for throughput; nil where this case is not timed.
    public let large: [[Int]]?
    public let mode: Tape.Mode
    public let algorithm: Kernels.Algorithm
    /// Largest error of the forward pass, relative to the largest value, and of the gradients likewise.
    public let tolerance: Double
    public let gradientTolerance: Double
    public let build: Builder
    public let reference: Reference

    public init(
        _ name: String, _ inputs: [Input], large: [[Int]]? = nil, mode: Tape.Mode = .training,
        algorithm: Kernels.Algorithm = .automatic, tolerance: Double = 2e-6, gradientTolerance: Double = 5e-6,
        build: @escaping Builder, reference: @escaping Reference
    ) {
        self.name = name
        self.inputs = inputs
        self.large = large
        self.mode = mode
        self.algorithm = algorithm
        self.tolerance = tolerance
        self.gradientTolerance = gradientTolerance
        self.build = build
        self.reference = reference
    }

    public var description: String { name }

    /// The same with a wrong gradient: a factor on the reference's.
    public func with(reference: @escaping Reference) -> OperationCase {
        OperationCase(
            name, inputs, large: large, mode: mode, algorithm: algorithm, tolerance: tolerance,
            gradientTolerance: gradientTolerance, build: build, reference: reference)
    }

    /// Every operand's numbers.
    public func tensors() throws(Diagnostic) -> [Tensor] {
        var tensors: [Tensor] = []
        for (position, input) in inputs.enumerated() { tensors.append(try input.tensor(name, position)) }
        return tensors
    }
}
