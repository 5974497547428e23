import LucencyFoundation

/// Arithmetic of two tensors element by element; extents of 1, and missing outer dimensions, are repeated as in NumPy.
struct Broadcast: Operation {
    enum Kind: String, Sendable { case addition, subtraction, multiplication, division }

    let kind: Kind

    var name: String { kind.rawValue }
    var backwardReads: BackwardReads { isLinear ? .nothing : BackwardReads(inputs: [0, 1]) }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    private var isLinear: Bool { kind == .addition || kind == .subtraction }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let a = inputs[0].dimensions, b = inputs[1].dimensions
        let rank = max(a.count, b.count)
        var dimensions: [Int] = []
        for axis in 0..<rank {
            let left = axis < rank - a.count ? 1 : a[axis - rank + a.count]
            let right = axis < rank - b.count ? 1 : b[axis - rank + b.count]
            guard left == right || left == 1 || right == 1 else {
                throw mismatch("extents must be equal or 1", inputs[0], inputs[1])
            }
            dimensions.append(max(left, right))
        }
        return [try Shape(dimensions)]
    }

    /// Equal shapes can be taken as they lie; a quotient of the blocks' unused zeros would not be zero.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        inputs[0] == inputs[1] && kind != .division && available.contains(.blocked) ? .blocked : .plain
    }

    private func loop(_ signature: OperationSignature) -> StridedLoop {
        if signature.outputLayouts[0] == .blocked {
            let count = [Layout.blocked.count(signature.outputs[0])]
            return StridedLoop(count, arrays: [count, count])
        }
        return StridedLoop(signature.outputs[0].dimensions, arrays: signature.inputs.map(\.dimensions))
    }

    func forward(_ context: OperationContext) {
        let loop = loop(context.signature), steps = (loop.step(0), loop.step(1)), kind = kind
        let a = SharedPointer(context.inputs[0]), b = SharedPointer(context.inputs[1])
        let y = SharedPointer(context.outputs[0])
        context.chunks(loop.count) { first, count in
            loop.rows(from: first, count: count) { position, left, right, size in
                let a = a + left, b = b + right, y = y + position
                switch kind {
                case .addition: Self.row(a, b, y, steps, size) { $0 + $1 }
                case .subtraction: Self.row(a, b, y, steps, size) { $0 - $1 }
                case .multiplication: Self.row(a, b, y, steps, size) { $0 * $1 }
                case .division: Self.row(a, b, y, steps, size) { $0 / $1 }
                }
            }
        }
    }

    /// Steps are 0 or 1, each case a loop of its own.
    @inline(__always)
    private static func row(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ steps: (Int, Int),
        _ count: Int, _ body: (Float, Float) -> Float
    ) {
        switch steps {
        case (0, 0): for index in 0..<count { y[index] = body(a[0], b[0]) }
        case (0, _):
            let value = a[0]
            for index in 0..<count { y[index] = body(value, b[index]) }
        case (_, 0):
            let value = b[0]
            for index in 0..<count { y[index] = body(a[index], value) }
        default: for index in 0..<count { y[index] = body(a[index], b[index]) }
        }
    }

    // MARK: Backward

    /// For each dimension of the result, whether an input is repeated along it.
    private func isRepeated(_ input: Shape, _ output: Shape) -> [Bool] {
        let missing = output.rank - input.rank
        return output.dimensions.indices.map { axis in
            axis < missing || input[axis - missing] == 1 && output[axis] > 1
        }
    }

    private func sum(_ signature: OperationSignature, _ position: Int) -> AxisSum? {
        let output = signature.outputs[0], isRepeated = isRepeated(signature.inputs[position], output)
        return isRepeated.contains(true) ? AxisSum(output.dimensions, isSummed: isRepeated) : nil
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        guard signature.isTraining else { return OperationMemory() }
        let sums = [sum(signature, 0), sum(signature, 1)].compactMap { $0 }
        return OperationMemory(
            backwardScratch: sums.map(\.scratch).max() ?? 0, workerScratch: sums.map(\.workerScratch).max() ?? 0)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let loop = loop(context.signature)
        let part = Contribution(
            kind: kind, loop: loop, gradient: SharedPointer(gradient), a: SharedPointer(context.inputs[0]),
            b: SharedPointer(context.inputs[1]))
        for (position, target) in context.inputGradients.enumerated() {
            guard let target else { continue }
            let dx = SharedPointer(target), accumulates = context.accumulates[position]
            if let sum = sum(context.signature, position) {
                sum.run(
                    context, scratch: context.scratch,
                    terms: { offset, count, memory in
                        part.write(position, offset, count, memory, accumulates: false)
                        return UnsafePointer(memory)
                    },
                    store: { index, sum in
                        let here = dx + index
                        here.pointee = Float(sum) + (accumulates ? here.pointee : 0)
                    })
            } else {
                context.chunks(loop.count) { first, count in
                    part.write(position, first, count, dx + first, accumulates: accumulates)
                }
            }
        }
    }

    /// The gradient of an operand at each element of the result, before sums over repeated dimensions.
    private struct Contribution: Sendable {
        let kind: Kind
        let loop: StridedLoop
        let gradient: SharedPointer<Float>
        let a: SharedPointer<Float>
        let b: SharedPointer<Float>

        func write(
            _ operand: Int, _ first: Int, _ count: Int, _ target: UnsafeMutablePointer<Float>, accumulates: Bool
        ) {
            let stepA = loop.step(0), stepB = loop.step(1)
            loop.rows(from: first, count: count) { position, left, right, size in
                let g = gradient + position, a = a + left, b = b + right, y = target + (position - first)
                switch (kind, operand) {
                case (.addition, _), (.subtraction, 0): add(y, size, accumulates) { g[$0] }
                case (.subtraction, _): add(y, size, accumulates) { -g[$0] }
                case (.multiplication, 0):
                    if stepB == 0 {
                        let value = b[0]
                        add(y, size, accumulates) { g[$0] * value }
                    } else {
                        add(y, size, accumulates) { g[$0] * b[$0] }
                    }
                case (.multiplication, _):
                    if stepA == 0 {
                        let value = a[0]
                        add(y, size, accumulates) { g[$0] * value }
                    } else {
                        add(y, size, accumulates) { g[$0] * a[$0] }
                    }
                case (.division, 0): add(y, size, accumulates) { g[$0] / b[$0 &* stepB] }
                case (.division, _):
                    add(y, size, accumulates) { index in
                        let divisor = b[index &* stepB]
                        return -g[index] * a[index &* stepA] / (divisor * divisor)
                    }
                }
            }
        }

        @inline(__always)
        private func add(
            _ target: UnsafeMutablePointer<Float>, _ count: Int, _ accumulates: Bool, _ body: (Int) -> Float
        ) {
            if accumulates {
                for index in 0..<count { target[index] += body(index) }
            } else {
                for index in 0..<count { target[index] = body(index) }
            }
        }
    }
}

extension Tape {
    /// a + b. Extents of 1, and missing outer dimensions, are repeated.
    /// - Throws: `Diagnostic` naming shapes that do not fit together.
    public func add(_ a: Value, _ b: Value) throws(Diagnostic) -> Value {
        if a.shape == b.shape { return try record(Addition(), a, b) }
        if ChannelScaling.fits(b.shape, a.shape) { return try channelScaling(a, shift: b) }
        return try record(Broadcast(kind: .addition), a, b)
    }

    /// a - b. Extents of 1, and missing outer dimensions, are repeated.
    /// - Throws: `Diagnostic` naming shapes that do not fit together.
    public func subtract(_ a: Value, _ b: Value) throws(Diagnostic) -> Value {
        try record(Broadcast(kind: .subtraction), a, b)
    }

    /// a · b, element by element. Extents of 1, and missing outer dimensions, are repeated.
    /// - Throws: `Diagnostic` naming shapes that do not fit together.
    public func multiply(_ a: Value, _ b: Value) throws(Diagnostic) -> Value {
        if ChannelScaling.fits(b.shape, a.shape) { return try channelScaling(a, scale: b) }
        return try record(Broadcast(kind: .multiplication), a, b)
    }

    /// a / b, element by element. Extents of 1, and missing outer dimensions, are repeated.
    /// - Throws: `Diagnostic` naming shapes that do not fit together.
    public func divide(_ a: Value, by b: Value) throws(Diagnostic) -> Value {
        try record(Broadcast(kind: .division), a, b)
    }
}
