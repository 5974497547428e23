import LucencyFoundation
import LucencyKernels

/// How logits N,C,… with labels N,… are walked: in pieces of one image's adjacent pixels, and within a piece in spans whose
/// numbers fit a cache. The cut follows from the shape alone, so sums by piece do not depend on the number of threads.
struct ClassSpans: Sendable {
    /// Pixels of a span.
    static let length = 64

    /// What a span holds of the logits.
    enum Content: Sendable { case logits, probabilities, logarithms }

    let images: Int
    let classes: Int
    let pixels: Int
    /// Pixels of a piece.
    let piece: Int
    let perImage: Int

    init(_ logits: Shape) {
        images = logits.images
        classes = logits.channels
        pixels = logits.pixels
        piece = max(Self.length, OperationContext.chunk / classes / Self.length * Self.length)
        perImage = (pixels + piece - 1) / piece
    }

    var pieces: Int { images * perImage }

    /// Floats that each worker needs: a row for each class, one for labels, and `extra` more.
    func workerScratch(extra: Int = 0) -> Int { (classes + 1 + extra) * Self.length }

    /// Calls `body` for every span. Inputs are logits and labels, in this order; a third one is of the logits' shape.
    /// - Parameter ignored: the label of pixels that do not count.
    func walk(
        _ context: OperationContext, _ content: Content, ignored: Float?, _ body: @Sendable (ClassSpan) -> Void
    ) {
        let logits = SharedPointer(context.inputs[0]), labels = SharedPointer(context.inputs[1])
        let third = context.inputs.count > 2 ? SharedPointer(context.inputs[2]) : nil
        let family = context.signature.kernels.code
        context.parallelWithScratch(pieces) { index, scratch in
            let image = index / perImage, first = index % perImage * piece
            for pixel in stride(from: first, to: min(pixels, first + piece), by: Self.length) {
                let place = image &* classes &* pixels &+ pixel
                let span = ClassSpan(
                    family: family, piece: index, image: image, pixel: pixel,
                    count: min(Self.length, pixels - pixel), classes: classes, pixels: pixels, values: scratch,
                    third: third.map { UnsafePointer($0 + place) })
                for number in 0..<classes {
                    span.row(number).update(from: logits + (place &+ number &* pixels), count: span.count)
                }
                if content != .logits {
                    lk_softmax(
                        family, scratch, scratch, Int64(classes), Int64(Self.length), Int64(span.count),
                        content == .logarithms ? 1 : 0)
                }
                span.read(labels + (image &* pixels &+ pixel), ignored: ignored)
                body(span)
            }
        }
    }
}

/// Adjacent pixels of one image in a worker's memory.
struct ClassSpan {
    let family: lk_family
    let piece: Int
    let image: Int
    /// The first pixel within its image, and how many there are.
    let pixel: Int
    let count: Int
    let classes: Int
    /// All pixels of an image.
    let pixels: Int
    /// A row of `ClassSpans.length` for each class, then the labels, then what an operation asked for.
    let values: UnsafeMutablePointer<Float>
    /// The third input at the first pixel.
    fileprivate let third: UnsafePointer<Float>?

    @inline(__always)
    func row(_ number: Int) -> UnsafeMutablePointer<Float> { values + number &* ClassSpans.length }

    /// The class of each pixel; -1 where it does not count, NaN where the label is no class.
    var labels: UnsafeMutablePointer<Float> { row(classes) }

    /// The third input's numbers of a class, as many as there are pixels; there must be such an input.
    @inline(__always)
    func third(_ number: Int) -> UnsafePointer<Float> { (third ?? UnsafePointer(values)) + number &* pixels }

    /// A further row.
    @inline(__always)
    func extra(_ number: Int) -> UnsafeMutablePointer<Float> { row(classes &+ 1 &+ number) }

    /// The class of a pixel; nil where it does not count, -1 where the label is no class.
    @inline(__always)
    func number(_ index: Int) -> Int? {
        let label = labels[index]
        return label >= 0 ? Int(label) : label == -1 ? nil : -1
    }

    fileprivate func read(_ source: UnsafePointer<Float>, ignored: Float?) {
        let labels = labels, limit = Float(classes)
        // NaN equals no label.
        let ignored = ignored ?? .nan
        for index in 0..<count {
            let label = source[index]
            // Adding 2²³ rounds to whole numbers, and leaves them; no branches, so that it is done several at a time.
            let whole = (label + 0x1p23) - 0x1p23 == label ? label : .nan
            let number = label >= 0 ? (label < limit ? whole : .nan) : .nan
            labels[index] = label == ignored ? -1 : number
        }
    }
}
