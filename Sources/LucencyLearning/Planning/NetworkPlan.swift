import LucencyFoundation
import LucencyNetworks

/// What a person has decided; a plan decides only the rest. nil, or an empty patch, is open.
public struct StatedSettings: Hashable, Sendable {
    /// Channels of each level.
    public var channels: [Int]?
    public var norm: Norm.Kind?
    /// To which images are resampled, mm along x, y (and z).
    public var spacing: [Double]?
    /// Extents of the patch, x, y (and z).
    public var patch: [Int] = []
    public var batch: Int?
    public var patchesPerCase: Int?
    public var epochs: Int?
    public var steps: Int?
    public var validationInterval: Int?
    public var normalization: Preprocessing.Normalization?

    public init() {}

    /// Settings with what is stated in place of their own.
    public func applied(to settings: TrainingSettings) -> TrainingSettings {
        var settings = settings
        settings.patch = patch
        settings.batch = batch ?? settings.batch
        settings.patchesPerCase = patchesPerCase ?? settings.patchesPerCase
        settings.epochs = epochs ?? settings.epochs
        settings.steps = steps
        settings.validationInterval = validationInterval ?? settings.validationInterval
        return settings
    }
}

/// A network and its training as derived from a data set, with the reasons. Made by `NetworkPlanner`.
public struct NetworkPlan: Sendable {
    /// One thing that was decided.
    public struct Decision: Codable, Hashable, Sendable {
        /// `patch`.
        public var what: String
        /// `128 × 128`.
        public var value: String
        public var why: String
    }

    public let network: any Network
    /// To which images are resampled, mm along x, y (and z); nil: as they are.
    public let spacing: [Double]?
    /// For each channel.
    public let normalizations: [Preprocessing.Normalization]
    /// The settings that were given, with patch, batch, length and validations filled in.
    public let settings: TrainingSettings
    /// Bytes that training is predicted to take, besides the images.
    public let bytes: Int
    /// Seconds that it takes at the rates of `TrainingRate`, validation included.
    public let seconds: Double
    public let decisions: [Decision]

    /// In a line, for progress messages: `patch 128 × 128, batch 8, 16-32-64 channels, …`.
    public var summary: String {
        decisions.filter {
            ["patch", "channels", "batch", "steps"].contains($0.what) || $0.what == "spacing" && spacing != nil
        }.map { "\($0.what) \($0.value)" }.joined(separator: ", ")
    }
}
