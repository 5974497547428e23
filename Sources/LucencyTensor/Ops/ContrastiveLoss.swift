import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Cross-entropy over the similarities of each vector with all others; which other one is the target, the pairing says.
///
/// Inputs: one or two tensors B,D. Everything is computed in float64: there are few vectors.
struct ContrastiveLoss: Operation {
    enum Pairing: Sendable {
        /// Vector i of one view and vector i of the other.
        case views
        /// The first of the others, whatever it is.
        case firstOther
    }

    let pairing: Pairing
    let similarity: ContrastiveSimilarity
    let temperature: Double

    /// Vectors that are compared with each other at most.
    static let mostVectors = 4096
    private static let epsilon = 1e-12

    var name: String { "contrastive-loss" }
    var addsGradients: Bool { true }
    var backwardReads: BackwardReads { .nothing }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard x.rank == 2, inputs.allSatisfy({ $0 == x }), x.count > 0 else {
            throw mismatch("needs vectors B,D, the same of each view", x, inputs[inputs.count - 1])
        }
        guard x[0] <= Self.mostVectors / inputs.count else {
            throw mismatch("compares at most \(Self.mostVectors) vectors", x)
        }
        return [.scalar]
    }

    /// What forward leaves for backward: the compared vectors, one over their norms, and the slopes in the similarities.
    private struct Work {
        let count: Int, width: Int
        nonisolated(unsafe) let vectors: UnsafeMutablePointer<Double>

        init(_ shapes: [Shape], _ memory: UnsafeMutablePointer<Float>) {
            count = shapes.count * shapes[0][0]
            width = shapes[0][1]
            vectors = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Double.self)
        }

        static func floats(_ shapes: [Shape]) -> Int {
            let count = shapes.count * shapes[0][0]
            return 2 * (count * shapes[0][1] + 2 * count + count * count)
        }

        func vector(_ index: Int) -> UnsafeMutablePointer<Double> { vectors + index * width }
        var inverseNorms: UnsafeMutablePointer<Double> { vectors + count * width }
        var losses: UnsafeMutablePointer<Double> { inverseNorms + count }
        func slopes(_ index: Int) -> UnsafeMutablePointer<Double> { losses + count + index * count }
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let floats = Work.floats(signature.inputs)
        return OperationMemory(
            saved: signature.isTraining ? floats : 0, forwardScratch: signature.isTraining ? 0 : floats)
    }

    private func target(_ index: Int, _ count: Int) -> Int {
        switch pairing {
        case .views: (index + count / 2) % count
        case .firstOther: index == 0 ? 1 : 0
        }
    }

    func forward(_ context: OperationContext) {
        let work = Work(context.inputShapes, context.signature.isTraining ? context.saved : context.scratch)
        let count = work.count, width = work.width, perView = context.inputShapes[0][0]
        let inputs = context.inputs.map { SharedPointer($0) }
        context.parallel(count) { index in
            let source = inputs[index / perView] + index % perView * width, vector = work.vector(index)
            var sum = 0.0
            for column in 0..<width { sum += Double(source[column]) * Double(source[column]) }
            let inverse = similarity == .cosine ? 1 / max(sum.squareRoot(), Self.epsilon) : 1
            for column in 0..<width { vector[column] = Double(source[column]) * inverse }
            work.inverseNorms[index] = inverse
        }
        // A vector without others has nothing to be told from: its loss is 0.
        guard count > 1 else {
            work.slopes(0)[0] = 0
            context.outputs[0][0] = work.vector(0)[0].isFinite ? 0 : .nan
            return
        }
        context.parallel(count) { index in
            let vector = work.vector(index), row = work.slopes(index), target = target(index, count)
            var largest = -Double.infinity
            for other in 0..<count where other != index {
                let second = work.vector(other)
                var product = 0.0
                for column in 0..<width { product += vector[column] * second[column] }
                row[other] = product / temperature
                largest = max(largest, row[other])
            }
            let wanted = row[target]
            var sum = 0.0
            for other in 0..<count where other != index {
                row[other] = exp(row[other] - largest)
                sum += row[other]
            }
            work.losses[index] = log(sum) + largest - wanted
            // The slope of the mean in each scaled similarity.
            for other in 0..<count {
                row[other] = other == index ? 0 : (row[other] / sum - (other == target ? 1 : 0)) / Double(count)
            }
        }
        var loss = 0.0
        for index in 0..<count { loss += work.losses[index] }
        context.outputs[0][0] = Float(loss / Double(count))
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let work = Work(context.inputShapes, context.saved)
        let count = work.count, width = work.width, perView = context.inputShapes[0][0]
        let factor = Double(gradient[0]) / temperature
        let targets = context.inputGradients.map { $0.map { SharedPointer($0) } }
        let accumulates = context.accumulates
        context.parallel(count) { index in
            let view = index / perView
            guard let target = targets[view] else { return }
            let result = target + index % perView * width, own = work.vector(index)
            // Along the vector itself its normalization leaves nothing, unless it is so short that ε stands for its norm.
            let isShort = work.inverseNorms[index] >= 1 / Self.epsilon
            var along = 0.0
            if similarity == .cosine, !isShort {
                for other in 0..<count {
                    let slope = work.slopes(index)[other] + work.slopes(other)[index], second = work.vector(other)
                    guard slope != 0 else { continue }
                    var product = 0.0
                    for column in 0..<width { product += own[column] * second[column] }
                    along += slope * product
                }
            }
            for column in 0..<width {
                var sum = -along * own[column]
                for other in 0..<count {
                    sum += (work.slopes(index)[other] + work.slopes(other)[index]) * work.vector(other)[column]
                }
                let value = Float(factor * work.inverseNorms[index] * sum)
                result[column] = value + (accumulates[view] ? result[column] : 0)
            }
        }
    }
}

/// How alike two vectors are.
public enum ContrastiveSimilarity: String, Codable, Hashable, Sendable, CaseIterable {
    /// Of the vectors brought to norm 1, so that only their directions count.
    case cosine
    /// The inner product as it is.
    case dot
}

extension Tape {
    /// NT-Xent, the normalised temperature-scaled cross-entropy between two views of the same things: for each of the 2B
    /// vectors, -log softmax over the 2B - 1 others of similarity / τ, at the same thing's vector of the other view; the mean
    /// over all. 0 for B = 1. The smallest where the views coincide and different things are orthogonal or opposite.
    ///
    /// T. Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
    ///
    /// - Parameters:
    ///   - first, second: B, D; vectors of norm 0 have similarity 0 with all.
    ///   - temperature: τ, positive.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming shapes that do not fit, more than 4096 vectors, or a τ that is not positive.
    public func contrastiveLoss(
        _ first: Value, _ second: Value, temperature: Double, similarity: ContrastiveSimilarity = .cosine
    ) throws(Diagnostic) -> Value {
        try record(contrastive(.views, temperature, similarity), first, second)
    }

    /// What SHISRCNet's public script computes in the place of NT-Xent: the cross-entropy over the inner products of one
    /// vector with the others of its own view, at the first of these, whatever it shows. 0 for B = 1.
    ///
    /// - Parameters:
    ///   - vectors: B, D.
    ///   - temperature: τ, positive.
    /// - Throws: `Diagnostic` as `contrastiveLoss`.
    public func firstOtherLoss(_ vectors: Value, temperature: Double) throws(Diagnostic) -> Value {
        try record(contrastive(.firstOther, temperature, .dot), vectors)
    }

    private func contrastive(
        _ pairing: ContrastiveLoss.Pairing, _ temperature: Double, _ similarity: ContrastiveSimilarity
    ) throws(Diagnostic) -> ContrastiveLoss {
        guard temperature > 0, temperature.isFinite else {
            throw Diagnostic(.badArgument, "a contrastive loss needs a positive temperature, found \(temperature)")
        }
        return ContrastiveLoss(pairing: pairing, similarity: similarity, temperature: temperature)
    }
}
