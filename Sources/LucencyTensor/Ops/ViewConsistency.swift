import LucencyFoundation
import LucencyKernels

/// How far several predictions for the same images are from their mean, over the images of which the mean is sure.
///
/// Inputs: logits N,C,… of each view, then labels N,…, which only say which pixels the sureness is looked for in.
struct ViewConsistency: Operation {
    let views: Int
    /// An image counts where the mean's largest probability is at least this.
    let sureness: Float
    let ignored: Float?

    /// The mean is held at least so far from 0 and 1.
    private static let margin: Float = 1e-3

    var name: String { "view-consistency" }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[views]
        guard x.rank >= 2, inputs.prefix(views).allSatisfy({ $0 == x }), labels.dimensions == [x.images] + x.spatial
        else { throw mismatch("needs logits N,C,… of one shape and labels N,…", x, labels) }
        return [.scalar]
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let spans = ClassSpans(signature.inputs[0])
        // Of each piece the sum and the largest probability, as doubles; whether each image counts is kept.
        return OperationMemory(
            saved: spans.images, forwardScratch: 4 * spans.pieces,
            workerScratch: ((2 * views + 1) * spans.classes + 1) * ClassSpans.length)
    }

    /// Adjacent pixels of one image: rows of `ClassSpans.length` floats, a row for each class.
    private struct Span {
        let piece: Int
        let image: Int
        let pixel: Int
        let count: Int
        let classes: Int
        let views: Int
        let rows: UnsafeMutablePointer<Float>

        /// log p of a view and class.
        func logarithms(_ view: Int, _ number: Int) -> UnsafeMutablePointer<Float> {
            rows + (2 &* view &* classes &+ number) &* ClassSpans.length
        }
        /// p of a view and class.
        func probabilities(_ view: Int, _ number: Int) -> UnsafeMutablePointer<Float> {
            rows + ((2 &* view &+ 1) &* classes &+ number) &* ClassSpans.length
        }
        /// The mean of p over the views.
        func mean(_ number: Int) -> UnsafeMutablePointer<Float> { logarithms(views, number) }
        /// A row to work in.
        var spare: UnsafeMutablePointer<Float> { logarithms(views, classes) }
    }

    private func walk(_ context: OperationContext, _ body: @Sendable (Span) -> Void) {
        let spans = ClassSpans(context.inputShapes[0]), family = context.signature.kernels.code
        let logits = (0..<views).map { SharedPointer(context.inputs[$0]) }
        let classes = spans.classes, length = ClassSpans.length, share = 1 / Float(views)
        context.parallelWithScratch(spans.pieces) { index, scratch in
            let image = index / spans.perImage, first = index % spans.perImage * spans.piece
            for pixel in stride(from: first, to: min(spans.pixels, first + spans.piece), by: length) {
                let span = Span(
                    piece: index, image: image, pixel: pixel, count: min(length, spans.pixels - pixel),
                    classes: classes, views: views, rows: scratch)
                let place = image &* classes &* spans.pixels &+ pixel
                for number in 0..<classes { span.mean(number).update(repeating: 0, count: span.count) }
                for view in 0..<views {
                    let rows = span.logarithms(view, 0)
                    for number in 0..<classes {
                        (rows + number &* length).update(
                            from: logits[view] + (place &+ number &* spans.pixels), count: span.count)
                    }
                    lk_softmax(family, rows, rows, Int64(classes), Int64(length), Int64(span.count), 1)
                    for number in 0..<classes {
                        let probabilities = span.probabilities(view, number), mean = span.mean(number)
                        lk_apply(
                            family, LK_EXP, span.logarithms(view, number), probabilities, Int64(span.count), 0, 0)
                        for index in 0..<span.count { mean[index] += share * probabilities[index] }
                    }
                }
                body(span)
            }
        }
    }

    /// The logarithms of the clamped mean of a class.
    private func logarithms(_ span: Span, _ number: Int, _ family: lk_family) -> UnsafePointer<Float> {
        let mean = span.mean(number), spare = span.spare
        for index in 0..<span.count { spare[index] = min(max(mean[index], Self.margin), 1 - Self.margin) }
        lk_apply(family, LK_LOG, spare, spare, Int64(span.count), 0, 0)
        return UnsafePointer(spare)
    }

    func forward(_ context: OperationContext) {
        let spans = ClassSpans(context.inputShapes[0]), family = context.signature.kernels.code
        let partials = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: 2 * spans.pieces))
        partials.pointer.update(repeating: 0, count: 2 * spans.pieces)
        let labels = SharedPointer(context.inputs[views]), ignored = ignored ?? .nan
        walk(context) { span in
            let partial = partials + 2 * span.piece
            let labels = labels + (span.image &* spans.pixels &+ span.pixel)
            for number in 0..<span.classes {
                let mean = span.mean(number), logarithms = logarithms(span, number, family)
                for index in 0..<span.count where labels[index] != ignored {
                    partial[1] = max(partial[1], Double(min(mean[index], 1 - Self.margin)))
                }
                for view in 0..<views {
                    let own = span.logarithms(view, number), probabilities = span.probabilities(view, number)
                    for index in 0..<span.count {
                        partial[0] += Double(probabilities[index] * (own[index] - logarithms[index]))
                    }
                }
            }
        }
        var total = 0.0
        for image in 0..<spans.images {
            var sum = 0.0, largest = 0.0
            for piece in image * spans.perImage..<(image + 1) * spans.perImage {
                sum += partials.pointer[2 * piece]
                largest = max(largest, partials.pointer[2 * piece + 1])
            }
            let isSure = largest >= Double(sureness)
            if isSure { total += sum }
            if context.signature.isTraining { context.saved[image] = isSure ? 1 : 0 }
        }
        context.outputs[0][0] = Float(total / Double(spans.images * spans.pixels))
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let spans = ClassSpans(context.inputShapes[0]), family = context.signature.kernels.code
        let factor = gradient[0] / Float(spans.images * spans.pixels), gates = SharedPointer(context.saved)
        let results = (0..<views).map { context.inputGradients[$0].map { SharedPointer($0) } }
        let accumulates = context.accumulates
        walk(context) { span in
            let gate = factor * gates.pointer[span.image]
            // ∂/∂p_i = log p_i - log q + 1 - Σ_j p_j / (K q), of which the last two cancel unless q is clamped.
            for number in 0..<span.classes {
                let mean = span.mean(number), logarithms = logarithms(span, number, family)
                for index in 0..<span.count {
                    let isClamped = mean[index] < Self.margin || mean[index] > 1 - Self.margin
                    mean[index] = (isClamped ? 1 : 0) - logarithms[index]
                }
            }
            for view in 0..<views {
                guard let result = results[view] else { continue }
                let expected = span.spare
                expected.update(repeating: 0, count: span.count)
                for number in 0..<span.classes {
                    let slopes = span.logarithms(view, number), offsets = span.mean(number)
                    let probabilities = span.probabilities(view, number)
                    for index in 0..<span.count {
                        slopes[index] += offsets[index]
                        expected[index] += probabilities[index] * slopes[index]
                    }
                }
                for number in 0..<span.classes {
                    let slopes = span.logarithms(view, number), probabilities = span.probabilities(view, number)
                    let target = result + ((span.image &* spans.classes &+ number) &* spans.pixels &+ span.pixel)
                    for index in 0..<span.count {
                        let value = gate * probabilities[index] * (slopes[index] - expected[index])
                        target[index] = value + (accumulates[view] ? target[index] : 0)
                    }
                }
            }
        }
    }
}

extension Tape {
    /// How far the predictions of several views of the same images are from their mean: the mean over images and pixels of
    /// G Σ_i Σ_c p_i,c log(p_i,c / q_c), p_i = softmax of each view over the channels and q their mean, held to 1e-3 ...
    /// 1 - 1e-3 (S. Liu et al., "Adaptive Early-Learning Correction for Segmentation from Noisy Annotations", CVPR 2022,
    /// equation 5). Gradients flow through every p and through q.
    ///
    /// G is 1 for images in which some pixel's q of some class reaches `sureness`, and 0 for others.
    ///
    /// - Parameters:
    ///   - views: two or more, each N, C, spatial on the same grid.
    ///   - labels: N, spatial; only say in which pixels sureness is looked for.
    ///   - sureness: in 0...1; 0 lets every image count.
    ///   - ignored: the label of pixels in which it is not.
    /// - Returns: a scalar, not negative but for the clamp, 0 where views agree.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, too few views or a sureness out of range.
    public func consistency(
        _ views: [Value], labels: Value, sureness: Float, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard views.count >= 2, sureness >= 0, sureness <= 1 else {
            throw Diagnostic(
                .badArgument,
                "consistency: needs two views or more and a sureness in 0...1, found \(views.count) and "
                    + "\(sureness)")
        }
        let outputs = try record(
            ViewConsistency(views: views.count, sureness: sureness, ignored: ignored), views + [labels])
        return outputs[0]
    }
}
