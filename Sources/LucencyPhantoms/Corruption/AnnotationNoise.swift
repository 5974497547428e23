import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Annotations that are too small or too large in the way of a hasty annotator.
///
/// The noise of ADELE's experiments (S. Liu et al., "Adaptive Early-Learning Correction for Segmentation from Noisy
/// Annotations", CVPR 2022, and its code): in each slice all classes are drawn too small or all too large. A class's mask is
/// enlarged to about `targetPixels` pixels (bicubic), eroded or dilated a few times with a 3 × 3 square, and brought back to
/// its size: so small objects lose as large a part as large ones. Volumes are treated slice by slice.
///
/// Time and memory are bounded: one class is enlarged to at most `maximumPixels` (or four times the slice), together with
/// its box, and all classes of a slice to 16 times that. So the many tiny objects of an instance map, and classes
/// scattered over the slice, are enlarged less than `targetPixels` says, but never shrunk for that.
public struct AnnotationNoise: LabelCorruptionStep, Hashable {
    /// The probability that a slice is drawn too large, not too small.
    public var overChance: Double
    /// How many times the enlarged mask is eroded or dilated: a whole number of this range per slice.
    public var iterations: Interval
    /// Pixels that each class's mask is enlarged (or shrunk) to, 100...20000.
    public var targetPixels: Int
    /// The classes to change, each once, in this order; empty: all, ascending.
    public var order: [Int]
    /// The probability that a slice is noisy at all.
    public var probability: Double

    public static let iterationsLimits = 0.0...100
    public static let targetPixelsLimits = 100.0...20_000
    private static let maximumPixels = 1 << 20

    public init(
        overChance: Double = 0.5, iterations: Interval = Interval(2, 4), targetPixels: Int = 1000, order: [Int] = [],
        probability: Double = 1
    ) {
        self.overChance = overChance
        self.iterations = iterations
        self.targetPixels = targetPixels
        self.order = order
        self.probability = probability
    }

    public var namedClasses: [Int] { order }

    public func check() throws {
        try requireProbability(overChance, "overChance")
        try requireProbability(probability, "probability")
        try requireInterval(iterations, "iterations", within: Self.iterationsLimits)
        try requireClasses(order, "order")
        guard Self.targetPixelsLimits ~= Double(targetPixels) else {
            throw Diagnostic(
                .badArgument, "\(targetPixels) target pixels are out of range", remedy: "give 100 to 20000")
        }
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size, plane = size.x * size.y
        let least = Int(iterations.lower.rounded()), most = max(least, Int(iterations.upper.rounded()))
        // Drawn before the slices are shared among threads.
        let drawn = (0..<size.z).map { _ in
            (
                isNoisy: random.uniform() < probability, isOver: random.uniform() < overChance,
                iterations: random.int(in: least...most)
            )
        }
        let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { (Int32(clamping: $1), $0) })
        var result = labels.labels
        try result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            try pool.forEach(size.z) { z throws in
                guard drawn[z].isNoisy else { return }
                let slice = UnsafeMutableBufferPointer(rebasing: result[z * plane..<(z + 1) * plane])
                var classes = Self.boxes(slice, size.x, size.y)
                if !order.isEmpty {
                    classes = classes.filter { places[$0.label] != nil }
                        .sorted { places[$0.label, default: 0] < places[$1.label, default: 0] }
                }
                let limit = max(Self.maximumPixels, 4 * plane)
                let budget = min(limit, 16 * limit / max(1, classes.count))
                for (label, box) in classes {
                    try distort(
                        label, in: slice, size.x, size.y, box, budget, over: drawn[z].isOver, drawn[z].iterations)
                }
            }
        }
        return try labels.replaced(by: result)
    }

    /// Columns and rows, the last ones included.
    private typealias Box = (left: Int, right: Int, top: Int, bottom: Int)

    /// The classes of a slice, ascending, with the boxes around them; one pass.
    private static func boxes(
        _ slice: UnsafeMutableBufferPointer<Int32>, _ width: Int, _ height: Int
    ) -> [(label: Int32, box: Box)] {
        var boxes: [Int32: Box] = [:]
        for y in 0..<height {
            var x = 0
            while x < width {
                let label = slice[y &* width &+ x], start = x
                while x < width, slice[y &* width &+ x] == label { x &+= 1 }
                guard label != 0, label != LabelMap.ignoreLabel else { continue }
                let box = boxes[label] ?? (start, x - 1, y, y)
                boxes[label] = (min(box.left, start), max(box.right, x - 1), box.top, y)
            }
        }
        return boxes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// - Parameters:
    ///   - box: where the class lay before other classes were changed: it may have lost pixels since, but gained none.
    ///   - budget: pixels that it may be enlarged to together with its box.
    private func distort(
        _ label: Int32, in slice: UnsafeMutableBufferPointer<Int32>, _ width: Int, _ height: Int, _ box: Box,
        _ budget: Int, over: Bool, _ iterations: Int
    ) throws {
        var left = width, right = -1, top = height, bottom = -1, count = 0
        for y in box.top...box.bottom {
            for x in box.left...box.right where slice[y &* width &+ x] == label {
                (left, right, top, bottom) = (min(left, x), max(right, x), min(top, y), max(bottom, y))
                count &+= 1
            }
        }
        guard count > 0 else { return }
        // Two specks far apart would be enlarged to a picture that no memory holds.
        let area = Double((right - left + 9) * (bottom - top + 9))
        let factor = min(
            (Double(targetPixels) / Double(count)).squareRoot(), max(1, (Double(budget) / area).squareRoot()))
        let across = AxisScale(length: width, factor: factor), down = AxisScale(length: height, factor: factor)
        // Only the surroundings that the class can reach are enlarged, on the grid of the whole slice.
        let x = across.window(left, right, reach: iterations), y = down.window(top, bottom, reach: iterations)
        var mask = [Float](repeating: 0, count: x.count * y.count)
        for row in y {
            for column in x where slice[row &* width &+ column] == label {
                mask[(row - y.lowerBound) * x.count + column - x.lowerBound] = 1
            }
        }
        let largeX = across.enlarged(x), largeY = down.enlarged(y)
        let large = resized(mask, across.enlarging(x, to: largeX), down.enlarging(y, to: largeY))
        let size = GridSize(largeX.count, largeY.count)
        let enlarged = Mask(
            size: size,
            bits: AlignedBuffer(count: large.count) { bits in
                for i in 0..<large.count { bits[i] = large[i] > 0.5 ? 1 : 0 }
            })
        let element = try StructuringElement(.box, radius: .pixels(Double(iterations))).resolved(
            in: Geometry(size: size))
        let changed = over ? enlarged.dilated(by: element, pool: .serial) : enlarged.eroded(by: element, pool: .serial)
        let small = resized(
            changed.bits.withUnsafeBufferPointer { $0.map(Float.init) }, across.shrinking(largeX, to: x),
            down.shrinking(largeY, to: y))
        for row in y {
            for column in x {
                let index = row &* width &+ column
                let isInside = small[(row - y.lowerBound) * x.count + column - x.lowerBound] > 0.5
                if over {
                    if isInside, slice[index] == 0 { slice[index] = label }
                } else if isInside != (slice[index] == label), slice[index] != LabelMap.ignoreLabel {
                    slice[index] = 0
                }
            }
        }
    }

    /// Applies an axis' taps to every row, then the other's to every column.
    private func resized(_ plane: [Float], _ across: CubicTaps, _ down: CubicTaps) -> [Float] {
        let width = across.indices.count, rows = down.length
        var wide = [Float](repeating: 0, count: width * rows)
        var result = [Float](repeating: 0, count: width * down.indices.count)
        for row in 0..<rows {
            for column in 0..<width {
                let at = across.indices[column], weights = across.weights[column]
                var sum: Float = 0
                for tap in 0..<4 where at[tap] >= 0 {
                    sum += weights[tap] * plane[row &* across.length &+ Int(at[tap])]
                }
                wide[row &* width &+ column] = sum
            }
        }
        for row in 0..<down.indices.count {
            let at = down.indices[row], weights = down.weights[row]
            for tap in 0..<4 where at[tap] >= 0 {
                let start = Int(at[tap]) &* width
                for column in 0..<width {
                    result[row &* width &+ column] += weights[tap] * wide[start &+ column]
                }
            }
        }
        return result
    }
}
