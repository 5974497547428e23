import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What one pass over pixels counts: for each cell of pixels (foreground, false positive or neither; near the boundary;
/// in the mask) the confidences of the answer, of "not background" and of each class, squared probabilities and log
/// losses. Regions are unions of cells, so a pixel is counted once whatever regions are asked for.
final class CalibrationTally: @unchecked Sendable {
    // Sendable by hand: each is filled by one thread and read after all have ended.

    /// Foreground in the reference, only in the prediction, in neither; × near the boundary; × in the mask.
    static let cells = 12

    /// The pixels of a case, by plane.
    struct Pixels: @unchecked Sendable {
        // Sendable by hand: read only, and kept alive by the caller.
        let count: Int
        let values: UnsafeBufferPointer<Float>
        let truth: UnsafeBufferPointer<UInt8>
        let predicted: UnsafeBufferPointer<UInt8>
        let confidence: UnsafeBufferPointer<Float>
        /// 3 near the boundary, 6 in the mask, added up.
        let marks: UnsafeBufferPointer<UInt8>
        let background: UInt8
    }

    let scale: ConfidenceScale
    let classCount: Int
    /// Answer, not background, then each class.
    let histogramCount: Int
    /// For each cell, histogram and slot: count + right answers · 2³², and the sum of confidences in units of 2⁻²⁸.
    private var packed: AlignedBuffer<UInt64>
    /// For each cell and class: Σ p², and Σ p where it is the truth.
    private var squares: AlignedBuffer<Double>
    private var truths: AlignedBuffer<Double>
    private(set) var losses: [LogLoss]
    /// For each class of the reference and the prediction.
    private(set) var confusion: [Int]

    init(scale: ConfidenceScale, classCount: Int) {
        self.scale = scale
        self.classCount = classCount
        histogramCount = classCount + 2
        packed = AlignedBuffer(count: Self.cells * histogramCount * scale.slots * 2) { $0.initialize(repeating: 0) }
        squares = AlignedBuffer(count: Self.cells * classCount) { $0.initialize(repeating: 0) }
        truths = AlignedBuffer(count: Self.cells * classCount) { $0.initialize(repeating: 0) }
        losses = Array(repeating: LogLoss(), count: Self.cells)
        confusion = Array(repeating: 0, count: classCount * classCount)
    }

    /// Bytes of one tally.
    static func bytes(scale: ConfidenceScale, classCount: Int) -> Int {
        cells * (classCount + 2) * scale.slots * 16
    }

    func add(_ pixels: Pixels, in range: Range<Int>) {
        let slots = scale.slots, classCount = classCount, histogramCount = histogramCount
        var products = Array(repeating: 1.0, count: Self.cells)
        var losses = losses, confusion = confusion
        scale.edges.withUnsafeBufferPointer { edges in
            packed.withUnsafeMutableBufferPointer { packed in
                squares.withUnsafeMutableBufferPointer { squares in
                    truths.withUnsafeMutableBufferPointer { truths in
                        let finder = scale.finder(edges)
                        @inline(__always)
                        func count(_ confidence: Float, _ isRight: Bool, _ histogram: Int) {
                            let place = 2 &* (histogram &* slots &+ finder.slot(of: confidence))
                            packed[place] &+= isRight ? 1 << 32 | 1 : 1
                            packed[place &+ 1] &+= ConfidenceHistogram.fixed(confidence)
                        }
                        for index in range {
                            let truth = pixels.truth[index]
                            guard truth != PixelTruth.ignored else { continue }
                            let predicted = pixels.predicted[index], background = pixels.background
                            let status = truth != background ? 0 : predicted != background ? 1 : 2
                            let cell = status &+ Int(pixels.marks[index])
                            let first = cell &* histogramCount
                            count(pixels.confidence[index], predicted == truth, first)
                            count(
                                1 - pixels.values[Int(background) &* pixels.count &+ index], truth != background,
                                first &+ 1)
                            for plane in 0..<classCount {
                                let value = pixels.values[plane &* pixels.count &+ index]
                                count(value, Int(truth) == plane, first &+ 2 &+ plane)
                                squares[cell &* classCount &+ plane] += Double(value) * Double(value)
                            }
                            let own = Double(pixels.values[Int(truth) &* pixels.count &+ index])
                            truths[cell &* classCount &+ Int(truth)] += own
                            confusion[Int(truth) &* classCount &+ Int(predicted)] &+= 1
                            losses[cell].total &+= 1
                            if own > 0 {
                                // One logarithm for many pixels: the product of probabilities, as far as it goes.
                                products[cell] *= own
                                if products[cell] < 1e-200 {
                                    losses[cell].sum -= log(products[cell])
                                    products[cell] = 1
                                }
                            } else {
                                losses[cell].impossible &+= 1
                            }
                        }
                    }
                }
            }
        }
        for cell in 0..<Self.cells { losses[cell].sum -= log(products[cell]) }
        (self.losses, self.confusion) = (losses, confusion)
    }

    /// Adds another tally; done in the order of the pixels, so that sums do not depend on threads.
    func merge(_ other: CalibrationTally) {
        packed.add(other.packed) { $0 &+ $1 }
        squares.add(other.squares, +)
        truths.add(other.truths, +)
        for cell in losses.indices { losses[cell].merge(other.losses[cell]) }
        for place in confusion.indices { confusion[place] &+= other.confusion[place] }
    }

    /// A histogram over cells.
    func histogram(_ number: Int, cells: [Int]) -> ConfidenceHistogram {
        var histogram = ConfidenceHistogram(scale: scale)
        packed.withUnsafeBufferPointer { packed in
            for cell in cells {
                let start = (cell * histogramCount + number) * scale.slots
                for slot in 0..<scale.slots {
                    let both = packed[2 &* (start &+ slot)]
                    guard both > 0 else { continue }
                    histogram.add(
                        slot: slot, count: both & 0xFFFF_FFFF, hits: both >> 32, sum: packed[2 &* (start &+ slot) &+ 1])
                }
            }
        }
        return histogram
    }

    /// Squared errors of a class over cells.
    func brier(_ plane: Int, cells: [Int], total: Int, positives: Int) -> BrierScore {
        var score = BrierScore(total: total, positives: positives)
        for cell in cells {
            score.squares += squares[cell * classCount + plane]
            score.positiveSum += truths[cell * classCount + plane]
        }
        return score
    }
}

extension AlignedBuffer {
    fileprivate mutating func add(_ other: AlignedBuffer, _ sum: (Element, Element) -> Element) {
        withUnsafeMutableBufferPointer { here in
            other.withUnsafeBufferPointer { other in
                for index in 0..<here.count { here[index] = sum(here[index], other[index]) }
            }
        }
    }
}
