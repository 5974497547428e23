import LucencyFoundation
import LucencyKernels

/// The mean over pixels of -log softmax(x)[label], each weighted by its label's class.
///
/// Inputs: logits N,C,…; labels N,…, class numbers as floats.
struct CrossEntropy: Operation {
    /// One for each class, or none.
    let weights: [Float]
    /// The label of pixels that do not count.
    let ignored: Float?

    var name: String { "cross-entropy" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[1]
        guard x.rank >= 2, labels.dimensions == [x.images] + x.spatial else {
            throw mismatch("needs logits N,C,… and labels N,…", x, labels)
        }
        guard weights.isEmpty || weights.count == x.channels else {
            throw mismatch("\(weights.count) weights are not one for each class", x)
        }
        return [.scalar]
    }

    /// Pixels whose probabilities are worked out at once.
    private static let span = 64

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let x = signature.inputs[0]
        // The sum of weights is kept, as a double.
        return OperationMemory(
            saved: 2, forwardScratch: 4 * pieces(x) + 2, workerScratch: x.channels * Self.span)
    }

    /// Pieces of one image's adjacent pixels.
    private func piecesPerImage(_ x: Shape) -> Int { (x.pixels + piece(x) - 1) / piece(x) }
    private func piece(_ x: Shape) -> Int {
        max(Self.span, OperationContext.chunk / x.channels / Self.span * Self.span)
    }
    private func pieces(_ x: Shape) -> Int { x.images * piecesPerImage(x) }

    /// Calls `body` for spans of adjacent pixels with the logarithms of their probabilities, [class][span].
    private func spans(
        _ context: OperationContext,
        _ body:
            @escaping @Sendable (
                _ piece: Int, _ image: Int, _ pixel: Int, _ count: Int, _ logarithms: UnsafePointer<Float>
            ) -> Void
    ) {
        let x = context.inputShapes[0], family = context.signature.kernels.code
        let logits = SharedPointer(context.inputs[0]), perImage = piecesPerImage(x), piece = piece(x)
        let pixels = x.pixels, classes = x.channels
        context.parallelWithScratch(pieces(x)) { index, scratch in
            let image = index / perImage, first = index % perImage * piece
            for pixel in stride(from: first, to: min(pixels, first + piece), by: Self.span) {
                let count = min(Self.span, pixels - pixel)
                for number in 0..<classes {
                    let row = logits + ((image * classes + number) * pixels + pixel)
                    (scratch + number * Self.span).update(from: row, count: count)
                }
                lk_softmax(family, scratch, scratch, Int64(classes), Int64(Self.span), Int64(count), 1)
                body(index, image, pixel, count, UnsafePointer(scratch))
            }
        }
    }

    /// The class of a label: nil where it does not count, -1 where it is none.
    @inline(__always)
    private func number(_ label: Float, _ classes: Int) -> Int? {
        if let ignored, label == ignored { return nil }
        guard label >= 0, label < Float(classes) else { return -1 }
        let number = Int(label)
        return Float(number) == label ? number : -1
    }

    func forward(_ context: OperationContext) {
        let x = context.inputShapes[0], classes = x.channels, pixels = x.pixels
        let labels = SharedPointer(context.inputs[1]), pieces = pieces(x)
        let sums = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: 2 * pieces))
        sums.pointer.update(repeating: 0, count: 2 * pieces)
        spans(context) { piece, image, pixel, count, logarithms in
            let labels = labels + (image * pixels + pixel), sums = sums + 2 * piece
            for index in 0..<count {
                guard let number = number(labels[index], classes) else { continue }
                guard number >= 0 else {
                    sums[0] = .nan
                    continue
                }
                let weight = weights.isEmpty ? 1 : Double(weights[number])
                sums[0] -= weight * Double(logarithms[number &* Self.span &+ index])
                sums[1] += weight
            }
        }
        var loss = 0.0, weight = 0.0
        for piece in 0..<pieces {
            loss += sums.pointer[2 * piece]
            weight += sums.pointer[2 * piece + 1]
        }
        context.outputs[0][0] = weight > 0 ? Float(loss / weight) : loss.isNaN ? .nan : 0
        if context.signature.isTraining {
            UnsafeMutableRawPointer(context.saved).storeBytes(of: weight, as: Double.self)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let x = context.inputShapes[0], classes = x.channels, pixels = x.pixels
        let weight = UnsafeRawPointer(context.saved).load(as: Double.self)
        let factor = weight > 0 ? Double(gradient[0]) / weight : 0
        let labels = SharedPointer(context.inputs[1]), dx = SharedPointer(target), accumulates = context.accumulates[0]
        let family = context.signature.kernels.code
        spans(context) { _, image, pixel, count, logarithms in
            let labels = labels + (image * pixels + pixel)
            let probabilities = UnsafeMutablePointer(mutating: logarithms)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.span) { factors in
                for index in 0..<count {
                    let number = number(labels[index], classes)
                    factors[index] =
                        number.map { $0 < 0 ? .nan : Float(factor * (weights.isEmpty ? 1 : Double(weights[$0]))) } ?? 0
                }
                for number in 0..<classes {
                    let row = probabilities + number * Self.span
                    lk_apply(family, LK_EXP, row, row, Int64(count), 0, 0)
                    let result = dx + ((image * classes + number) * pixels + pixel), label = Float(number)
                    for index in 0..<count {
                        let value = factors[index] * (row[index] - (labels[index] == label ? 1 : 0))
                        result[index] = value + (accumulates ? result[index] : 0)
                    }
                }
            }
        }
    }
}

extension Tape {
    /// The cross-entropy between softmax over the channels and labels: the mean of -log p[label] over the pixels that count,
    /// weighted by class as in PyTorch (divided by the sum of the weights). Logits of any size do not overflow.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - weights: one for each class, or none for equal weights.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func crossEntropy(
        _ logits: Value, labels: Value, weights: [Float] = [], ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(CrossEntropy(weights: weights, ignored: ignored), logits, labels)
    }
}
