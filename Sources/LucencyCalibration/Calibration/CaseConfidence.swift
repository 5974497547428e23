import LucencyFoundation
import LucencyImaging

/// How the confidences of a case's pixels become one number, without a reference.
public enum CaseAggregation: String, CaseIterable, Hashable, Codable, Sendable {
    case mean
    case foreground
    case boundary
    case patchMinimum = "patch-minimum"
    case classMean = "class-mean"
    case expectedDice = "expected-dice"

    /// The exact definition, for tables and reports; c is the largest probability of a pixel.
    public var definition: String {
        switch self {
        case .mean: "mean c of all pixels"
        case .foreground: "mean c of the pixels predicted as anything but background"
        case .boundary: "mean c of the pixels beside a change of the predicted class"
        case .patchMinimum: "lowest mean c of patches of 16 pixels a side"
        case .classMean: "mean c of the pixels of each predicted class but background, averaged over those classes"
        case .expectedDice:
            "2 Σ p over the predicted pixels / (Σ p over all + predicted pixels), averaged over the predicted classes but "
                + "background"
        }
    }
}

/// A case's confidence in its own segmentation, by every aggregation. Higher is more confident, all in 0...1; undefined
/// where nothing but background is predicted and the aggregation looks at nothing else.
public struct CaseConfidence: Hashable, Codable, Sendable {
    /// In the order of `CaseAggregation.allCases`.
    public var scores: [Score]

    public subscript(aggregation: CaseAggregation) -> Score {
        CaseAggregation.allCases.firstIndex(of: aggregation).flatMap { scores.indices.contains($0) ? scores[$0] : nil }
            ?? .undefined
    }

    /// - Parameter background: the plane of background.
    /// - Throws: `Diagnostic` when the map has one class, more than 255, or classes that may overlap.
    public init(
        _ probabilities: ProbabilityMap, background: Int = 0, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        try CalibrationEvaluation.require(probabilities)
        self.init(probabilities, PixelDecisions(probabilities, pool: pool), background: background)
    }

    init(_ map: ProbabilityMap, _ decisions: PixelDecisions, background: Int) {
        let count = map.size.count, planes = map.classes.count
        var pixels = Array(repeating: 0, count: planes), sums = Array(repeating: 0.0, count: planes)
        var patches = Patches(map.size)
        var expected = Array(repeating: 0.0, count: planes)
        var edge = (count: 0, sum: 0.0)
        decisions.classes.withUnsafeBufferPointer { classes in
            let changes = BoundaryBand.changes(classes, size: map.size, ignoring: nil)
            decisions.confidence.withUnsafeBufferPointer { confidence in
                // Runs of one class are summed apart, which keeps the sum in a register.
                var start = 0
                while start < count {
                    let plane = classes[start]
                    var index = start, sum = 0.0
                    while index < count, classes[index] == plane {
                        sum += Double(confidence[index])
                        index &+= 1
                    }
                    pixels[Int(plane)] &+= index &- start
                    sums[Int(plane)] += sum
                    start = index
                }
                patches.add(confidence)
                changes.bits.withUnsafeBufferPointer { changes in
                    for index in 0..<count where changes[index] != 0 {
                        edge.count &+= 1
                        edge.sum += Double(confidence[index])
                    }
                }
            }
        }
        map.values.withUnsafeBufferPointer { values in
            for plane in 0..<planes where plane != background && pixels[plane] > 0 {
                // Several sums side by side, since each addition waits for the one before.
                var lanes = SIMD8<Double>.zero
                let first = plane &* count
                for block in 0..<count / 8 {
                    for lane in 0..<8 { lanes[lane] += Double(values[first &+ 8 &* block &+ lane]) }
                }
                var sum = lanes.sum()
                for index in first &+ count / 8 * 8..<first &+ count { sum += Double(values[index]) }
                expected[plane] = sum
            }
        }
        let found = (0..<planes).filter { $0 != background && pixels[$0] > 0 }
        func mean(_ values: [Double]) -> Score {
            Score(values.isEmpty ? nil : values.reduce(0, +) / Double(values.count))
        }
        let inside = found.reduce(0) { $0 + pixels[$1] }
        scores = CaseAggregation.allCases.map { aggregation in
            switch aggregation {
            case .mean: .value(sums.reduce(0, +) / Double(count))
            case .foreground: Score(inside == 0 ? nil : found.reduce(0) { $0 + sums[$1] } / Double(inside))
            case .boundary: Score(edge.count == 0 ? nil : edge.sum / Double(edge.count))
            case .patchMinimum: Score(patches.minimum)
            case .classMean: mean(found.map { sums[$0] / Double(pixels[$0]) })
            // Within its predicted pixels a class has the largest probability, so its Σ p there is that of c.
            case .expectedDice: mean(found.map { 2 * sums[$0] / (expected[$0] + Double(pixels[$0])) })
            }
        }
    }

    /// Sums over patches of 16 pixels a side; the last along an axis takes the rest.
    private struct Patches {
        static let side = 16
        let size: GridSize
        let counts: (x: Int, y: Int, z: Int)
        var sums: [Double]
        var pixels: [Int]

        init(_ size: GridSize) {
            self.size = size
            counts = (max(1, size.x / Self.side), max(1, size.y / Self.side), max(1, size.z / Self.side))
            sums = Array(repeating: 0, count: counts.x * counts.y * counts.z)
            pixels = Array(repeating: 0, count: sums.count)
        }

        mutating func add(_ confidence: UnsafeBufferPointer<Float>) {
            for row in 0..<size.y * size.z {
                let y = min(row % size.y / Self.side, counts.y - 1), z = min(row / size.y / Self.side, counts.z - 1)
                for x in 0..<counts.x {
                    let start = row &* size.x
                    let range = x * Self.side..<(x == counts.x - 1 ? size.x : (x + 1) * Self.side)
                    var sum = 0.0
                    for column in range { sum += Double(confidence[start &+ column]) }
                    let patch = (z * counts.y + y) * counts.x + x
                    sums[patch] += sum
                    pixels[patch] += range.count
                }
            }
        }

        var minimum: Double? { zip(sums, pixels).map { $0 / Double($1) }.min() }
    }
}
