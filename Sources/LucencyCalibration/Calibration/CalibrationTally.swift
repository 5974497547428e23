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

    /// The slots of answers, and of single classes.
    struct Scales: Sendable {
        let answer, single: ConfidenceScale

        init(bins: Int) {
            answer = ConfidenceScale(bins: bins, fraction: ConfidenceHistogram.answerFraction)
            single = ConfidenceScale(bins: bins, fraction: ConfidenceHistogram.classFraction)
        }

        /// Slots of a cell.
        func slots(classCount: Int) -> Int { answer.slots + (classCount + 1) * single.slots }
        /// Where a histogram begins within its cell.
        func start(_ histogram: Int) -> Int { histogram == 0 ? 0 : answer.slots + (histogram - 1) * single.slots }
        func of(_ histogram: Int) -> ConfidenceScale { histogram == 0 ? answer : single }
    }

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

    let scales: Scales
    let classCount: Int
    /// For each cell, histogram (answer, not background, each class) and slot: count + right answers · 2³², and the sum of confidences in units of 2⁻²⁸.
    private var packed: AlignedBuffer<UInt64>
    /// For each cell and class: Σ p², and Σ p where it is the truth.
    private var squares: AlignedBuffer<Double>
    private var truths: AlignedBuffer<Double>
    private(set) var losses: [LogLoss]
    /// For each class of the reference and the prediction.
    private(set) var confusion: [Int]

    init(scales: Scales, classCount: Int) {
        self.scales = scales
        self.classCount = classCount
        packed = AlignedBuffer(count: Self.cells * scales.slots(classCount: classCount) * 2) {
            $0.initialize(repeating: 0)
        }
        squares = AlignedBuffer(count: Self.cells * classCount) { $0.initialize(repeating: 0) }
        truths = AlignedBuffer(count: Self.cells * classCount) { $0.initialize(repeating: 0) }
        losses = Array(repeating: LogLoss(), count: Self.cells)
        confusion = Array(repeating: 0, count: classCount * classCount)
    }

    /// Bytes of one tally.
    static func bytes(_ scales: Scales, classCount: Int) -> Int { cells * scales.slots(classCount: classCount) * 16 }

    func add(_ pixels: Pixels, in range: Range<Int>) {
        let classCount = classCount, stride = scales.slots(classCount: classCount)
        let answerSlots = scales.answer.slots, singleSlots = scales.single.slots
        var products = Array(repeating: 1.0, count: Self.cells)
        var losses = losses, confusion = confusion
        scales.answer.edges.withUnsafeBufferPointer { answerEdges in
            scales.single.edges.withUnsafeBufferPointer { singleEdges in
                packed.withUnsafeMutableBufferPointer { packed in
                    squares.withUnsafeMutableBufferPointer { squares in
                        truths.withUnsafeMutableBufferPointer { truths in
                            let answer = scales.answer.finder(answerEdges), single = scales.single.finder(singleEdges)
                            @inline(__always)
                            func count(_ confidence: Float, _ isRight: Bool, _ slot: Int) {
                                packed[2 &* slot] &+= isRight ? 1 << 32 | 1 : 1
                                packed[2 &* slot &+ 1] &+= ConfidenceHistogram.fixed(confidence)
                            }
                            for index in range {
                                let truth = pixels.truth[index]
                                guard truth != PixelTruth.ignored else { continue }
                                let predicted = pixels.predicted[index], background = pixels.background
                                let status = truth != background ? 0 : predicted != background ? 1 : 2
                                let cell = status &+ Int(pixels.marks[index])
                                let confidence = pixels.confidence[index]
                                var first = cell &* stride
                                count(confidence, predicted == truth, first &+ answer.slot(of: confidence))
                                first &+= answerSlots
                                let foreground = 1 - pixels.values[Int(background) &* pixels.count &+ index]
                                count(foreground, truth != background, first &+ single.slot(of: foreground))
                                for plane in 0..<classCount {
                                    first &+= singleSlots
                                    let value = pixels.values[plane &* pixels.count &+ index]
                                    count(value, Int(truth) == plane, first &+ single.slot(of: value))
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
        let scale = scales.of(number), stride = scales.slots(classCount: classCount), start = scales.start(number)
        var histogram = ConfidenceHistogram(scale: scale)
        packed.withUnsafeBufferPointer { packed in
            for index in 0..<scale.slots {
                var slot = ConfidenceHistogram.Slot(index: index, count: 0, hits: 0, sum: 0)
                for cell in cells {
                    let place = 2 &* (cell &* stride &+ start &+ index)
                    slot.count &+= packed[place] & 0xFFFF_FFFF
                    slot.hits &+= packed[place] >> 32
                    slot.sum &+= packed[place &+ 1]
                }
                if slot.count > 0 { histogram.append(slot) }
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
