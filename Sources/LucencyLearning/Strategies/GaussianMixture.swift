import LucencyFoundation
import LucencyTensor

/// The losses of adaptive Gaussian mixtures: each class of an image has the mean of the features of its labelled pixels, every
/// pixel belongs to the classes as its features lie near their means, and these memberships and the network's probabilities
/// teach each other.
///
/// L. Wu et al., "Sparsely annotated semantic segmentation with adaptive Gaussian mixtures", CVPR 2023, in the form of the
/// authors' program: distances are mean absolute differences, means are those of labelled pixels only, and there is one
/// expectation step for each training step. Memberships are not normalised over the classes.
package struct GaussianMixture: Hashable, Sendable {
    var separation = MixtureSeparation.batchMean
    /// Whether each class and image has a variance of its own, fitted with the network's probabilities.
    var adaptsVariance = false
    /// Whether nothing belongs to any class beyond the image.
    var excludesVoid = true

    package init(
        separation: MixtureSeparation = .batchMean, adaptsVariance: Bool = false, excludesVoid: Bool = true
    ) {
        self.separation = separation
        self.adaptsVariance = adaptsVariance
        self.excludesVoid = excludesVoid
    }

    /// What it needs besides logits and features.
    package struct Inputs: Hashable, Sendable {
        /// N, C, spatial: 1 for the class of a labelled pixel, else 0.
        package let labelled: Value
        /// N, 1, spatial: 1 within the image, 0 beyond.
        package let inside: Value
        /// N, C, 1…: 1 for classes that are known not to be in the image.
        package let absent: Value
    }

    /// What it puts on a tape.
    package struct Values {
        /// Scalars, without weights.
        package let absent: Value
        package let mutual: Value
        package let supervised: Value
        package let separation: Value
        /// N, C, D: the mean features of each class, 0 for a class without labelled pixels.
        package let prototypes: Value
        /// N, C, spatial: in 0…1, 0 for a class without labelled pixels.
        package let memberships: Value
    }

    /// Keeps logarithms and quotients finite, as in the authors' program.
    private static let epsilon: Float = 1e-6

    /// Declares the inputs.
    /// - Parameter logits: N, C, spatial.
    package func inputs(on tape: Tape, logits: Shape) throws(Diagnostic) -> Inputs {
        let ones = logits.spatial.map { _ in 1 }
        return Inputs(
            labelled: tape.input("agmm.labelled", logits),
            inside: tape.input("agmm.inside", try Shape([logits.images, 1] + logits.spatial)),
            absent: tape.input("agmm.absent", try Shape([logits.images, logits.channels] + ones)))
    }

    /// The input `labelled` from class numbers.
    /// - Parameter labels: N, spatial; -1 for pixels that have none.
    package static func labelled(_ labels: Tensor, classes: Int) -> Tensor {
        let images = labels.shape.images, pixels = labels.shape.count / images
        return Tensor(
            trusted: Shape(trusted: [images, classes] + labels.shape.dimensions.dropFirst())
        ) { out in
            out.initialize(repeating: 0)
            labels.buffer.withUnsafeBufferPointer { labels in
                for image in 0..<images {
                    for pixel in 0..<pixels where labels[image &* pixels &+ pixel] >= 0 {
                        out[(image &* classes &+ Int(labels[image &* pixels &+ pixel])) &* pixels &+ pixel] = 1
                    }
                }
            }
        }
    }

    /// Puts the losses on a tape.
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - features: N, D, spatial; may be coarser than the logits.
    /// - Throws: `Diagnostic` naming shapes that do not fit.
    package func record(on tape: Tape, logits: Value, features: Value, inputs: Inputs) throws(Diagnostic) -> Values {
        let space = Array(2..<logits.shape.rank), epsilon = Self.epsilon
        let probabilities = try tape.softmax(logits)
        let counts = try tape.sum(inputs.labelled, over: space, keepsDimensions: true)
        let present = try tape.clamp(counts, to: 0...1)
        let prototypes = try prototypes(on: tape, features, inputs.labelled, counts)
        let memberships = try memberships(
            on: tape, features, prototypes, present: present, probabilities: probabilities, inputs)

        /// -½ (t log q + (1 - t) log (1 - q)), the mean over the classes that have labelled pixels: N, 1, spatial.
        let share = try tape.divide(present, by: shifted(tape, tape.sum(present, over: [1], keepsDimensions: true)))
        func crossEntropy(_ t: Value, _ q: Value) throws(Diagnostic) -> Value {
            let yes = try tape.multiply(t, logarithm(tape, q))
            let no = try tape.multiply(tape.scale(t, by: -1, plus: 1), logarithm(tape, complement(tape, q)))
            let sum = try tape.multiply(tape.add(yes, no), tape.scale(share, by: -0.5))
            return try tape.sum(sum, over: [1], keepsDimensions: true)
        }
        /// The mean over pixels of weight 1, 0 where there is none.
        func mean(_ x: Value, _ weights: Value) throws(Diagnostic) -> Value {
            try tape.divide(
                tape.sum(tape.multiply(x, weights)), by: tape.scale(tape.sum(weights), by: 1, plus: epsilon))
        }
        let excess = try tape.multiply(logarithm(tape, complement(tape, probabilities)), inputs.absent)
        let absent = try tape.scale(tape.sum(excess, over: [1], keepsDimensions: true), by: -1)
        return Values(
            absent: try mean(absent, inputs.inside),
            mutual: try mean(crossEntropy(memberships, probabilities), inputs.inside),
            supervised: try mean(
                crossEntropy(inputs.labelled, memberships), tape.sum(inputs.labelled, over: [1], keepsDimensions: true)),
            separation: try separation(on: tape, prototypes, present), prototypes: prototypes, memberships: memberships)
    }

    private func shifted(_ tape: Tape, _ x: Value) throws(Diagnostic) -> Value {
        try tape.scale(x, by: 1, plus: Self.epsilon)
    }

    private func complement(_ tape: Tape, _ x: Value) throws(Diagnostic) -> Value { try tape.scale(x, by: -1, plus: 1) }

    private func logarithm(_ tape: Tape, _ x: Value) throws(Diagnostic) -> Value {
        try tape.logarithm(shifted(tape, x))
    }

    /// N, C, D.
    private func prototypes(
        on tape: Tape, _ features: Value, _ labelled: Value, _ counts: Value
    ) throws(Diagnostic) -> Value {
        let size = labelled.shape.spatial, images = labelled.shape.images, classes = labelled.shape.channels
        let full = features.shape.spatial == size ? features : try tape.resize(features, to: size)
        let pixels = labelled.shape.pixels
        let sums = try tape.matrixProduct(
            tape.reshape(labelled, [images, classes, pixels]),
            tape.reshape(full, [images, features.shape.channels, pixels]), transposesSecond: true)
        return try tape.divide(sums, by: shifted(tape, tape.reshape(counts, [images, classes, 1])))
    }

    /// N, C, spatial.
    private func memberships(
        on tape: Tape, _ features: Value, _ prototypes: Value, present: Value, probabilities: Value, _ inputs: Inputs
    ) throws(Diagnostic) -> Value {
        let coarse = features.shape.spatial, size = inputs.labelled.shape.spatial, isFull = coarse == size
        var inside = isFull ? inputs.inside : try tape.resize(inputs.inside, to: coarse)
        // More than half inside is inside.
        if excludesVoid, !isFull { inside = try tape.clamp(tape.scale(inside, by: 1e6, plus: -5e5), to: 0...1) }
        let distance = try tape.multiply(
            tape.multiply(tape.prototypeDistance(features, prototypes: prototypes), present), inside)
        var exponent = try tape.square(distance)
        if adaptsVariance {
            let space = Array(2..<features.shape.rank)
            let known = try tape.multiply(probabilities, complement(tape, inputs.absent))
            let weights = try tape.multiply(isFull ? known : tape.resize(known, to: coarse), inside)
            let spread = try tape.divide(
                tape.sum(tape.multiply(weights, exponent), over: space, keepsDimensions: true),
                by: shifted(tape, tape.sum(weights, over: space, keepsDimensions: true)))
            exponent = try tape.divide(
                exponent, by: tape.scale(tape.detached(spread), by: 2, plus: Self.epsilon))
        }
        var memberships = try tape.exponential(tape.scale(exponent, by: -1))
        if excludesVoid, !isFull { memberships = try tape.multiply(memberships, inside) }
        if !isFull { memberships = try tape.resize(memberships, to: size) }
        if excludesVoid { memberships = try tape.multiply(memberships, inputs.inside) }
        return try tape.multiply(memberships, present)
    }

    /// Σ exp(-δ²) over pairs of classes of the batch, divided by their number.
    private func separation(on tape: Tape, _ prototypes: Value, _ present: Value) throws(Diagnostic) -> Value {
        let images = prototypes.shape.images, classes = prototypes.shape.channels, width = prototypes.shape[2]
        let counts = try tape.sum(tape.reshape(present, [images, classes]), over: [0])
        var centres = try tape.sum(prototypes, over: [0])
        if separation == .batchMean {
            centres = try tape.divide(centres, by: tape.reshape(shifted(tape, counts), [classes, 1]))
        }
        let differences = try tape.subtract(
            tape.reshape(centres, [classes, 1, width]), tape.reshape(centres, [1, classes, width]))
        let distances = try tape.mean(tape.magnitude(differences), over: [2])
        let alike = try tape.exponential(tape.scale(tape.square(distances), by: -1))
        // Each pair once, where both classes have pixels.
        let here = try tape.clamp(counts, to: 0...1)
        let upper = try tape.constant(
            Tensor([classes, classes], (0..<classes * classes).map { $0 / classes < $0 % classes ? 1 : 0 }))
        let pairs = try tape.multiply(
            tape.multiply(upper, tape.reshape(here, [classes, 1])), tape.reshape(here, [1, classes]))
        return try tape.divide(tape.sum(tape.multiply(alike, pairs)), by: shifted(tape, tape.sum(pairs)))
    }
}

/// How the classes' means of a batch's images come together before they are held apart.
public enum MixtureSeparation: String, Codable, Hashable, Sendable, CaseIterable {
    /// By their mean.
    case batchMean = "batch-mean"
    /// By their sum, as the authors' program has it, so that separation grows with the batch.
    case code
}
