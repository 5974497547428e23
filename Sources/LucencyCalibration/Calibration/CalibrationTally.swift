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

        /// The cell of a pixel, nil where it is ignored.
        @inline(__always)
        func cell(_ index: Int) -> Int? {
            guard truth[index] != PixelTruth.ignored else { return nil }
            return (truth[index] != background ? 0 : predicted[index] != background ? 1 : 2) &+ Int(marks[index])
        }
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

    /// Counts pixels, in runs of one cell.
    func add(_ pixels: Pixels, in range: Range<Int>) {
        var losses = losses, confusion = confusion
        let scales = scales, classCount = classCount
        packed.withUnsafeMutableBufferPointer { packed in
            squares.withUnsafeMutableBufferPointer { squares in
                truths.withUnsafeMutableBufferPointer { truths in
                    var sums = ProbabilitySums(truths: truths, classCount: classCount)
                    var index = range.lowerBound
                    while index < range.upperBound {
                        guard let cell = pixels.cell(index) else {
                            index &+= 1
                            continue
                        }
                        let start = index
                        repeat { index &+= 1 } while index < range.upperBound && pixels.cell(index) == cell
                        Self.count(pixels, start..<index, cell, scales, classCount, packed, squares)
                        sums.add(pixels, start..<index, cell, &losses[cell], &confusion)
                    }
                    sums.finish(&losses)
                }
            }
        }
        (self.losses, self.confusion) = (losses, confusion)
    }

    /// Counts the confidences of a run.
    private static func count(
        _ pixels: Pixels, _ run: Range<Int>, _ cell: Int, _ scales: Scales, _ classCount: Int,
        _ packed: UnsafeMutableBufferPointer<UInt64>, _ squares: UnsafeMutableBufferPointer<Double>
    ) {
        let truth = pixels.truth, background = pixels.background
        var first = 2 &* cell &* scales.slots(classCount: classCount)
        scales.answer.edges.withUnsafeBufferPointer { edges in
            let finder = scales.answer.finder(edges)
            for index in run {
                let place = first &+ 2 &* finder.slot(of: pixels.confidence[index])
                packed[place] &+= pixels.predicted[index] == truth[index] ? 1 << 32 | 1 : 1
                packed[place &+ 1] &+= ConfidenceHistogram.fixed(pixels.confidence[index])
            }
        }
        first &+= 2 &* scales.answer.slots
        scales.single.edges.withUnsafeBufferPointer { edges in
            let finder = scales.single.finder(edges)
            let row = Int(background) &* pixels.count
            for index in run {
                let foreground = 1 - pixels.values[row &+ index]
                let place = first &+ 2 &* finder.slot(of: foreground)
                packed[place] &+= truth[index] != background ? 1 << 32 | 1 : 1
                packed[place &+ 1] &+= ConfidenceHistogram.fixed(foreground)
            }
            for plane in 0..<classCount {
                first &+= 2 &* scales.single.slots
                let row = plane &* pixels.count
                var square = 0.0
                for index in run {
                    let value = pixels.values[row &+ index]
                    let place = first &+ 2 &* finder.slot(of: value)
                    packed[place] &+= Int(truth[index]) == plane ? 1 << 32 | 1 : 1
                    packed[place &+ 1] &+= ConfidenceHistogram.fixed(value)
                    square += Double(value) * Double(value)
                }
                squares[cell &* classCount &+ plane] += square
            }
        }
    }

    /// Sums over the probabilities of the true classes.
    private struct ProbabilitySums {
        let truths: UnsafeMutableBufferPointer<Double>
        let classCount: Int
        /// For each cell the product whose logarithm is still to be taken.
        var products = Array(repeating: 1.0, count: CalibrationTally.cells)

        mutating func add(
            _ pixels: Pixels, _ run: Range<Int>, _ cell: Int, _ loss: inout LogLoss, _ confusion: inout [Int]
        ) {
            var product = products[cell], sum = 0.0, impossible = 0
            for index in run {
                let plane = Int(pixels.truth[index]), own = Double(pixels.values[plane &* pixels.count &+ index])
                truths[cell &* classCount &+ plane] += own
                confusion[plane &* classCount &+ Int(pixels.predicted[index])] &+= 1
                guard own > 0 else {
                    impossible &+= 1
                    continue
                }
                // One logarithm for many pixels: the product of probabilities, as far as it goes.
                product *= own
                guard product < 1e-200 else { continue }
                sum -= log(product)
                product = 1
            }
            products[cell] = product
            loss.merge(LogLoss(total: run.count, sum: sum, impossible: impossible))
        }

        func finish(_ losses: inout [LogLoss]) {
            for cell in losses.indices { losses[cell].sum -= log(products[cell]) }
        }
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
