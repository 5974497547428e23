import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Distances between the borders of a prediction and a reference of one class, and the metrics that follow.
///
/// A border pixel has a face neighbour (4 in 2-D, 6 in 3-D) outside its mask; outside the image counts as outside. From
/// each border pixel of one mask the exact Euclidean distance to the nearest border pixel of the other is taken, between
/// pixel centres. If one mask is empty, distances are infinite and the surface Dice is 0; if both are, all is undefined.
public struct SurfaceDistances: Sendable {
    /// How the two directions become one Hausdorff distance.
    public enum HausdorffForm: String, CaseIterable, Hashable, Codable, Sendable {
        /// The larger of the two percentiles (MONAI, most challenges).
        case maximum
        /// The percentile of both directions' distances together (MedPy).
        case pooled
    }

    /// How the two directions become one mean distance.
    public enum MeanForm: String, CaseIterable, Hashable, Codable, Sendable {
        /// The mean of both directions' distances together (MONAI, MedPy ≥ 0.5).
        case pooled
        /// The mean of the two means (older MedPy).
        case meanOfMeans = "mean-of-means"
    }

    public let presence: Presence
    /// The unit of all distances.
    public let unit: LengthUnit
    /// One distance per border pixel of the prediction, ascending; empty unless both are present.
    public let predictionToReference: [Double]
    /// One distance per border pixel of the reference, ascending.
    public let referenceToPrediction: [Double]

    /// - Parameter unit: nil measures in millimetres where the spacing is stated, else in pixels.
    /// - Throws: `Diagnostic` when the maps lie on different grids, or the unit is metric and the spacing only assumed.
    public init(
        of label: Int32, prediction: LabelMap, reference: LabelMap, ignoring: Int32? = nil, unit: LengthUnit? = nil,
        pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        let pair = try MaskPair(label, prediction: prediction, reference: reference, ignoring: ignoring)
        self.init(pair, scale: try DistanceScale(unit, of: reference.geometry), pool: pool)
    }

    package init(_ pair: MaskPair, scale: DistanceScale, pool: ThreadPool) {
        unit = scale.unit
        let predicted = pair.prediction.border(), reference = pair.reference.border()
        presence = Presence(prediction: !predicted.pixels.isEmpty, reference: !reference.pixels.isEmpty)
        guard presence == .both else {
            predictionToReference = []
            referenceToPrediction = []
            return
        }
        func distances(_ pixels: [Int], to target: Mask) -> [Double] {
            let squared = DistanceTransform.squared(to: target, spacing: scale.spacing, pool: pool)
            return squared.withUnsafeBufferPointer { squared in pixels.map { squared[$0].squareRoot() } }.sorted()
        }
        predictionToReference = distances(predicted.pixels, to: reference.mask)
        referenceToPrediction = distances(reference.pixels, to: predicted.mask)
    }

    /// The value for masks of which at least one is empty, or nil.
    private func exception(oneEmpty: Score) -> Score? {
        presence == .both ? nil : presence == .neither ? .undefined : oneEmpty
    }

    /// The Hausdorff distance, or its percentile (100 is the distance itself, 95 is HD95), by linear interpolation at
    /// rank q (n − 1).
    public func hausdorff(percentile: Double = 100, _ form: HausdorffForm = .maximum) -> Score {
        if let exception = exception(oneEmpty: .infinite) { return exception }
        let share = max(0, min(1, percentile / 100))
        switch form {
        case .maximum:
            return .value(
                max(Self.quantile(predictionToReference, share), Self.quantile(referenceToPrediction, share)))
        case .pooled:
            return .value(Self.quantile((predictionToReference + referenceToPrediction).sorted(), share))
        }
    }

    /// Mean distance from the prediction's border to the reference's.
    public var averageDistance: Score {
        exception(oneEmpty: .infinite) ?? .value(Self.mean(predictionToReference))
    }

    /// Average symmetric surface distance.
    public func symmetricAverageDistance(_ form: MeanForm = .pooled) -> Score {
        if let exception = exception(oneEmpty: .infinite) { return exception }
        switch form {
        case .pooled: return .value(Self.mean(predictionToReference + referenceToPrediction))
        case .meanOfMeans: return .value((Self.mean(predictionToReference) + Self.mean(referenceToPrediction)) / 2)
        }
    }

    /// Normalized surface distance (surface Dice): the share of border pixels within a tolerance, inclusive, in `unit`.
    public func surfaceDice(tolerance: Double) -> Score {
        if let exception = exception(oneEmpty: .value(0)) { return exception }
        // The excess keeps "within three pixels of 0.2 mm" true of three pixels, whatever rounding says.
        let limit = tolerance * (1 + 1e-9)
        let within = [predictionToReference, referenceToPrediction].map { distances in
            distances.firstIndex { $0 > limit } ?? distances.count
        }
        return .ratio(within[0] + within[1], predictionToReference.count + referenceToPrediction.count)
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// Of ascending values.
    static func quantile(_ values: [Double], _ share: Double) -> Double {
        let rank = share * Double(values.count - 1)
        let low = Int(rank), high = min(values.count - 1, low + 1)
        return values[low] + (values[high] - values[low]) * (rank - Double(low))
    }
}

extension Mask {
    /// Set pixels with a face neighbour that is not set or outside, as a mask and as ascending indices.
    package func border() -> (mask: Mask, pixels: [Int]) {
        var border = Mask(size: size, bits: AlignedBuffer(repeating: 0, count: bits.count))
        var pixels: [Int] = []
        let plane = size.x * size.y
        border.bits.withUnsafeMutableBufferPointer { out in
            bits.withUnsafeBufferPointer { bits in
                for row in 0..<size.y * size.z {
                    let y = row % size.y, z = row / size.y, first = row &* size.x
                    let outer = y == 0 || y == size.y - 1 || (size.z > 1 && (z == 0 || z == size.z - 1))
                    for index in first..<first &+ size.x where bits[index] != 0 {
                        let inner =
                            !outer && index > first && index < first &+ size.x &- 1
                            && bits[index &- 1] & bits[index &+ 1] & bits[index &- size.x] & bits[index &+ size.x] != 0
                            && (size.z == 1 || bits[index &- plane] & bits[index &+ plane] != 0)
                        guard !inner else { continue }
                        out[index] = 1
                        pixels.append(index)
                    }
                }
            }
        }
        return (border, pixels)
    }
}
