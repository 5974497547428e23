/// By which conventions numbers were made. Only numbers of equal conventions are merged.
public struct CalibrationConventions: Hashable, Codable, Sendable {
    /// Equal-width bins.
    public var bins: Int
    /// The width of the boundary band, as it was given.
    public var boundary: String
    /// Names of the classes, in the order of the planes, and their labels in references.
    public var classes: [String]
    public var labels: [Int32]
    /// The plane of background.
    public var background: Int
    public var ignoredLabel: Int32?
    public var regions: [CalibrationRegion]
    /// Whether the true probabilities were given.
    public var hasPosterior: Bool
    /// Whether the probabilities of the cases without noise were given.
    public var hasClean: Bool
}

/// The calibration of one case.
public struct CalibrationCase: Hashable, Codable, Sendable {
    /// Unique among the cases that are merged.
    public var name: String
    public var conventions: CalibrationConventions
    /// In the order of the conventions' regions.
    public var regions: [RegionCalibration]
    /// In the order of the classes, over all pixels.
    public var sizes: [SizeEstimate]
    /// For each reference class (rows) and answer: pixels.
    public var confusion: [Int]
    public var confidence: CaseConfidence

    public subscript(region: CalibrationRegion) -> RegionCalibration? { regions.first { $0.region == region } }

    /// Dice of one class, undefined where neither has it.
    public func dice(_ plane: Int) -> Score {
        guard sizes.indices.contains(plane), confusion.count == sizes.count * sizes.count else { return .undefined }
        return .ratio(2 * confusion[plane * sizes.count + plane], sizes[plane].predicted + sizes[plane].reference)
    }

    /// Mean Dice of the classes but background that the prediction or the reference has.
    public var dice: Score {
        let values = sizes.indices.filter { $0 != conventions.background }.compactMap { dice($0).value }
        return Score(values.isEmpty ? nil : values.reduce(0, +) / Double(values.count))
    }
}

/// What one case adds to a summary: its numbers, and the histograms from which those of all cases together are made.
public struct CalibrationMeasurement: Hashable, Codable, Sendable {
    public var result: CalibrationCase
    /// In the order of the conventions' regions.
    public var histograms: [RegionHistograms]
}
