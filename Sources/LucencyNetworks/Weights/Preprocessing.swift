import LucencyFoundation

/// What was done to images before the network saw them, and must be done again.
public struct Preprocessing: Codable, Hashable, Sendable {
    /// How intensities are brought to a common scale. Type-tagged in JSON: `{"uses": "z-score"}`,
    /// `{"uses": "window", "with": {"low": -100, "high": 300}}`.
    public enum Normalization: Hashable, Sendable {
        case none
        /// Mean 0 and standard deviation 1 of each image.
        case zScore
        /// Percentiles (0...100) of each image become 0 and 1; what lies beyond is cut.
        case percentile(lower: Double, upper: Double)
        /// `low` becomes 0 and `high` 1; what lies beyond is cut.
        case window(low: Double, high: Double)
        /// Cut to `low...high`, then `mean` is subtracted and divided by `deviation`: those of the training set, as for CT.
        case standard(mean: Double, deviation: Double, low: Double, high: Double)
    }

    /// An input channel of the network.
    public struct Channel: Codable, Hashable, Sendable {
        public var name: String
        public var normalization: Normalization
        /// Lowest and highest intensity of the images the network was trained with, before normalization; nil: not known.
        public var range: [Double]?

        public init(name: String, normalization: Normalization = .none, range: [Double]? = nil) {
            self.name = name
            self.normalization = normalization
            self.range = range
        }
    }

    /// Distance of grid points along x, y (and z), in mm, to which images are resampled; nil: as they are.
    public var spacing: [Double]?
    /// The direction in which x, y, z grow, such as `LPS`, to which volumes are turned; nil: as they are.
    public var orientation: String?
    /// The channels that the network takes, in order.
    public var channels: [Channel]

    public init(spacing: [Double]? = nil, orientation: String? = nil, channels: [Channel]) {
        self.spacing = spacing
        self.orientation = orientation
        self.channels = channels
    }

    /// - Throws: `Diagnostic` naming the part that is not possible.
    public func validate() throws(Diagnostic) {
        func bad(_ reason: String) -> Diagnostic { Diagnostic(.badValue, "preprocessing: \(reason)") }
        if let spacing {
            guard (2...3).contains(spacing.count), spacing.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw bad("the spacing \(spacing) is not two or three lengths in mm")
            }
        }
        if let orientation {
            let axes = orientation.compactMap { letter in ["RL", "AP", "SI"].firstIndex { $0.contains(letter) } }
            guard orientation.count == 3, Set(axes).count == 3 else {
                throw bad("the orientation '\(orientation)' is not three of R or L, A or P, S or I")
            }
        }
        guard !channels.isEmpty else { throw bad("there is no channel") }
        guard Set(channels.map(\.name)).count == channels.count else { throw bad("two channels have the same name") }
        for channel in channels {
            if let range = channel.range {
                guard range.count == 2, range.allSatisfy(\.isFinite), range[0] <= range[1] else {
                    throw bad("the range \(range) of channel '\(channel.name)' is not a lowest and a highest number")
                }
            }
            guard channel.normalization.isPossible else {
                throw bad("the normalization of channel '\(channel.name)' has an empty range")
            }
        }
    }
}

extension Preprocessing.Normalization: Codable {
    fileprivate var isPossible: Bool {
        switch self {
        case .none, .zScore: true
        case .percentile(let lower, let upper): lower >= 0 && lower < upper && upper <= 100
        case .window(let low, let high): low < high && (high - low).isFinite
        case .standard(let mean, let deviation, let low, let high):
            mean.isFinite && deviation > 0 && deviation.isFinite && low < high && (high - low).isFinite
        }
    }

    private enum Key: String, CodingKey { case uses, with }
    private enum Kind: String, Codable { case none, zScore = "z-score", percentile, window, standard }
    private enum Setting: String, CodingKey { case lower, upper, low, high, mean, deviation }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func number(_ key: Setting) throws -> Double {
            try container.nestedContainer(keyedBy: Setting.self, forKey: .with).decode(Double.self, forKey: key)
        }
        switch try container.decode(Kind.self, forKey: .uses) {
        case .none: self = .none
        case .zScore: self = .zScore
        case .percentile: self = .percentile(lower: try number(.lower), upper: try number(.upper))
        case .window: self = .window(low: try number(.low), high: try number(.high))
        case .standard:
            self = .standard(
                mean: try number(.mean), deviation: try number(.deviation), low: try number(.low),
                high: try number(.high))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        func write(_ kind: Kind, _ settings: [(Setting, Double)] = []) throws {
            try container.encode(kind, forKey: .uses)
            guard !settings.isEmpty else { return }
            var nested = container.nestedContainer(keyedBy: Setting.self, forKey: .with)
            for (key, value) in settings { try nested.encode(value, forKey: key) }
        }
        switch self {
        case .none: try write(.none)
        case .zScore: try write(.zScore)
        case .percentile(let lower, let upper): try write(.percentile, [(.lower, lower), (.upper, upper)])
        case .window(let low, let high): try write(.window, [(.low, low), (.high, high)])
        case .standard(let mean, let deviation, let low, let high):
            try write(.standard, [(.mean, mean), (.deviation, deviation), (.low, low), (.high, high)])
        }
    }
}
