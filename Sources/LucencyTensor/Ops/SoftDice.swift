import LucencyFoundation
import LucencyKernels

/// 1 - the soft Dice coefficient of softmax and labels, averaged over classes and images.
///
/// Inputs: logits N,C,…; labels N,…, class numbers as floats.
struct SoftDice: Operation {
    let form: SoftDiceForm
    let ignored: Float?

    var name: String { "soft-dice" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[1]
        guard x.rank >= 2, labels.dimensions == [x.images] + x.spatial else {
            throw mismatch("needs logits N,C,… and labels N,…", x, labels)
        }
        guard x.channels >= 2 else { throw mismatch("needs two classes or more", x) }
        return [.scalar]
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let spans = ClassSpans(signature.inputs[0])
        // Two slopes for each image and class are kept. Doubles are summed: three of each class, by piece and by image.
        return OperationMemory(
            saved: 2 * spans.images * spans.classes, forwardScratch: 6 * spans.classes * (spans.pieces + spans.images),
            workerScratch: spans.workerScratch())
    }

    /// Σ p g, Σ p (or p²) and Σ g of one class.
    private typealias Sums = (common: Double, predicted: Double, given: Double)

    func forward(_ context: OperationContext) {
        let spans = ClassSpans(context.inputShapes[0]), classes = spans.classes
        let partials = UnsafeMutableRawPointer(context.scratch).bindMemory(
            to: Double.self, capacity: 3 * classes * (spans.pieces + spans.images))
        partials.update(repeating: 0, count: 3 * classes * (spans.pieces + spans.images))
        let shared = SharedPointer(partials)
        spans.walk(context, .probabilities, ignored: ignored) { span in
            let target = shared + 3 * classes * span.piece
            for number in 0..<classes {
                let sums = sums(span, number)
                target[3 * number] += sums.common
                target[3 * number + 1] += sums.predicted
                target[3 * number + 2] += sums.given
            }
        }
        let totals = partials + 3 * classes * spans.pieces
        for piece in 0..<spans.pieces {
            let image = form.sumsOverBatch ? 0 : piece / spans.perImage
            for item in 0..<3 * classes { totals[3 * classes * image + item] += partials[3 * classes * piece + item] }
        }
        context.outputs[0][0] = Float(mean(totals, spans, slopes: context.signature.isTraining ? context.saved : nil))
    }

    /// The sums of one span, four lanes at a time.
    @inline(__always)
    private func sums(_ span: ClassSpan, _ number: Int) -> Sums {
        let row = span.row(number), labels = span.labels, label = Float(number)
        var common = SIMD4<Double>.zero, predicted = SIMD4<Double>.zero, given = SIMD4<Float>.zero
        let isSquared = form.isSquared
        for first in stride(from: 0, to: span.count, by: 4) {
            // Rows are longer than any span, but what stands behind it is not of this span.
            var marks = SIMD4<Float>(repeating: -1), values = SIMD4<Float>.zero
            if first &+ 4 <= span.count {
                marks = SIMD4(labels[first], labels[first &+ 1], labels[first &+ 2], labels[first &+ 3])
                values = SIMD4(row[first], row[first &+ 1], row[first &+ 2], row[first &+ 3])
            } else {
                for lane in 0..<span.count &- first {
                    marks[lane] = labels[first &+ lane]
                    values[lane] = row[first &+ lane]
                }
            }
            // A NaN label stays NaN.
            let counted = values.replacing(with: 0, where: marks .== -1) + (marks - marks)
            let hit = marks .== label
            common += SIMD4<Double>(SIMD4<Float>.zero.replacing(with: values, where: hit))
            let power = SIMD4<Double>(counted)
            predicted += isSquared ? power * power : power
            given += SIMD4<Float>.zero.replacing(with: 1, where: hit)
        }
        return (common.sum(), predicted.sum(), Double(given.sum()))
    }

    /// The mean of the losses; where slopes are wanted, the factors of g and of p in the slope of each.
    private func mean(
        _ totals: UnsafePointer<Double>, _ spans: ClassSpans, slopes: UnsafeMutablePointer<Float>?
    ) -> Double {
        let classes = spans.classes, groups = form.sumsOverBatch ? 1 : spans.images
        func counts(_ item: Int) -> Bool {
            (form.includesBackground || item % classes > 0) && (!form.skipsAbsent || totals[3 * item + 2] > 0)
        }
        let count = (0..<groups * classes).reduce(0) { $0 + (counts($1) ? 1 : 0) }
        var loss = 0.0
        for item in 0..<spans.images * classes {
            slopes?[2 * item] = 0
            slopes?[2 * item + 1] = 0
        }
        for item in 0..<groups * classes {
            let predicted = totals[3 * item + 1], given = totals[3 * item + 2]
            // A label that is no class is seen in every class's sums, also in those that do not count.
            if predicted.isNaN { return .nan }
            guard counts(item) else { continue }
            let top = 2 * totals[3 * item] + Double(form.smoothing), bottom = predicted + given + Double(form.smoothing)
            loss += (1 - top / bottom) / Double(count)
            guard let slopes else { continue }
            for image in form.sumsOverBatch ? 0..<spans.images : item / classes..<item / classes + 1 {
                let place = 2 * (image * classes + item % classes)
                slopes[place] = Float(-2 / bottom / Double(count))
                slopes[place + 1] = Float((form.isSquared ? 2 : 1) * top / bottom / bottom / Double(count))
            }
        }
        return loss
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let spans = ClassSpans(context.inputShapes[0]), classes = spans.classes
        let upstream = gradient[0], dx = SharedPointer(target), accumulates = context.accumulates[0]
        let slopes = SharedPointer(context.saved), isSquared = form.isSquared
        spans.walk(context, .probabilities, ignored: ignored) { span in
            let slopes = slopes + 2 * classes * span.image, labels = span.labels
            withUnsafeTemporaryAllocation(of: Float.self, capacity: ClassSpans.length) { mean in
                // u = ∂loss/∂p, then p (u - Σ p u).
                for index in 0..<span.count { mean[index] = 0 }
                for number in 0..<classes {
                    let row = span.row(number), label = Float(number)
                    let hit = slopes[2 * number], every = slopes[2 * number + 1]
                    for index in 0..<span.count {
                        let p = row[index], u = every * (isSquared ? p : 1) + (labels[index] == label ? hit : 0)
                        mean[index] += p * u
                    }
                }
                for number in 0..<classes {
                    let row = span.row(number), label = Float(number)
                    let hit = slopes[2 * number], every = slopes[2 * number + 1]
                    let result = dx + ((span.image &* classes &+ number) &* spans.pixels &+ span.pixel)
                    for index in 0..<span.count {
                        let p = row[index], u = every * (isSquared ? p : 1) + (labels[index] == label ? hit : 0)
                        let factor = labels[index] >= 0 ? upstream : labels[index] == -1 ? 0 : .nan
                        result[index] = factor * p * (u - mean[index]) + (accumulates ? result[index] : 0)
                    }
                }
            }
        }
    }
}

/// Which of the soft Dice losses in use is meant. The defaults are MONAI's.
public struct SoftDiceForm: Codable, Hashable, Sendable {
    /// Whether class 0 counts.
    public var includesBackground = true
    /// Whether the denominator is Σ p² + Σ g² (Milletari et al. 2016) instead of Σ p + Σ g.
    public var isSquared = false
    /// Whether sums run over the batch, for one coefficient of each class, instead of one of each class and image.
    public var sumsOverBatch = false
    /// Whether classes that are absent from an image (or from the batch) are left out of the mean. Else such a class costs
    /// nearly 1 wherever it is predicted at all.
    public var skipsAbsent = false
    /// Added to numerator and denominator, as a number of pixels.
    public var smoothing: Float = 1e-5

    public init() {}

    /// From where on results are finite for any logits.
    public static let smoothings: ClosedRange<Float> = 1e-9...1e9
}

extension Tape {
    /// The soft Dice loss 1 - (2 Σ p g + ε) / (Σ p + Σ g + ε), with p = softmax over the channels and g the labels as 0 and
    /// 1, of each image and class; the mean of these. In [0, 1]. Pixels that do not count are in no sum.
    ///
    /// F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 3DV 2016 (squared); the other form is MONAI's `DiceLoss`.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial; two classes or more.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or a smoothing outside of `SoftDiceForm.smoothings`.
    public func softDice(
        _ logits: Value, labels: Value, form: SoftDiceForm = SoftDiceForm(), ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard SoftDiceForm.smoothings.contains(form.smoothing) else {
            throw Diagnostic(
                .badArgument, "the smoothing of the soft Dice loss must be in 1e-9...1e9, found \(form.smoothing)")
        }
        return try record(SoftDice(form: form, ignored: ignored), logits, labels)
    }
}
