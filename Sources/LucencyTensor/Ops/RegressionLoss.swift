import LucencyFoundation

/// The mean of (a - b)², or of |a - b|, in float64.
struct RegressionLoss: Operation {
    let isSquared: Bool

    var name: String { isSquared ? "mean-squared-error" : "mean-absolute-error" }
    var addsGradients: Bool { true }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0] == inputs[1] else { throw mismatch("the shapes must be equal", inputs[0], inputs[1]) }
        return [.scalar]
    }

    /// Unused lanes are equal, so they add nothing.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        available.contains(.blocked)
            ? OperationLayouts(inputs: [.blocked], outputs: [.plain]) : .plain
    }

    private func count(_ signature: OperationSignature) -> Int {
        signature.inputLayouts[0].count(signature.inputs[0])
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        OperationMemory(forwardScratch: OperationContext.sumScratch(count(signature)))
    }

    func forward(_ context: OperationContext) {
        let a = SharedPointer(context.inputs[0]), b = SharedPointer(context.inputs[1])
        let total = context.sum(count(context.signature), context.scratch) { first, count in
            let a = a + first, b = b + first
            var sums = SIMD4<Double>.zero, rest = 0.0
            let whole = count & ~3
            for index in stride(from: 0, to: whole, by: 4) {
                let left = SIMD4<Float>(a[index], a[index &+ 1], a[index &+ 2], a[index &+ 3])
                let right = SIMD4<Float>(b[index], b[index &+ 1], b[index &+ 2], b[index &+ 3])
                let difference = SIMD4<Double>(left) - SIMD4<Double>(right)
                sums +=
                    isSquared
                    ? difference * difference
                    : difference.replacing(
                        with: -difference, where: difference .< 0)
            }
            for index in whole..<count {
                let difference = Double(a[index]) - Double(b[index])
                rest += isSquared ? difference * difference : abs(difference)
            }
            return (sums.x + sums.y) + (sums.z + sums.w) + rest
        }
        context.outputs[0][0] = Float(total / Double(context.inputShapes[0].count))
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let factor = gradient[0] * (isSquared ? 2 : 1) / Float(context.inputShapes[0].count)
        let a = SharedPointer(context.inputs[0]), b = SharedPointer(context.inputs[1])
        for (position, target) in context.inputGradients.enumerated() {
            guard let target else { continue }
            let dx = SharedPointer(target), accumulates = context.accumulates[position]
            let signed = position == 0 ? factor : -factor
            context.chunks(count(context.signature)) { first, count in
                let a = a + first, b = b + first, dx = dx + first
                for index in 0..<count {
                    let difference = a[index] - b[index]
                    let slope = isSquared ? difference : difference > 0 ? 1 : difference < 0 ? -1 : 0
                    dx[index] = signed * slope + (accumulates ? dx[index] : 0)
                }
            }
        }
    }
}

extension Tape {
    /// The mean of (a - b)².
    /// - Throws: `Diagnostic` naming shapes that differ.
    public func meanSquaredError(_ a: Value, _ b: Value) throws(Diagnostic) -> Value {
        try record(RegressionLoss(isSquared: true), a, b)
    }

    /// The mean of |a - b|; its slope is 0 where they are equal.
    /// - Throws: `Diagnostic` naming shapes that differ.
    public func meanAbsoluteError(_ a: Value, _ b: Value) throws(Diagnostic) -> Value {
        try record(RegressionLoss(isSquared: false), a, b)
    }
}

extension Tape {
    /// How far the scores of a discriminator are from a number, in least squares (Mao et al. 2017): the mean of
    /// (leaky(score) - target)².
    /// - Parameter slope: of the leaky rectifier that scores pass first; the published BS-LDM has 0.05, the paper of the loss
    ///   none (1).
    /// - Throws: `Diagnostic` when the scores have no elements.
    public func leastSquares(_ scores: Value, target: Float, slope: Float = 0.05) throws(Diagnostic) -> Value {
        let passed = slope == 1 ? scores : try leakyReLU(scores, slope: slope)
        return try meanSquaredError(passed, constant(Tensor(scores.shape, repeating: target)))
    }
}
