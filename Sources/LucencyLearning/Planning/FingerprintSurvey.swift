import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Goes through a data set case by case and comes to its `Fingerprint`.
///
/// What it holds does not grow with the size of images: some facts per case, and counts of intensities. Surveys of parts of a
/// data set merge to that of the whole; counts do not depend on the order at all, means and deviations not beyond rounding.
public struct FingerprintSurvey: Codable, Hashable, Sendable {
    /// What is kept of each case by itself.
    private struct Case: Codable, Hashable {
        let name: String
        let size: [Int]
        /// mm along x, y, z; nil where it is only assumed.
        let spacing: [Double]?
        let stored: String
        /// Of each channel, over all pixels and over the foreground.
        let means: [Double]
        let foregroundMeans: [Double?]

        var isPlanar: Bool { size[2] == 1 }
    }

    private struct Channel: Codable, Hashable {
        var values: ValueHistogram
        var foreground: ValueHistogram
        var moments: RunningMoments
        var foregroundMoments: RunningMoments
    }

    private struct LabelClass: Codable, Hashable {
        var name: String?
        var cases = 0
        var pixels = 0
        var objects = 0
        /// Sizes of connected parts, in pixels, and in mm² or mm³ where those are known.
        var objectPixels = ValueHistogram()
        var objectSizes = ValueHistogram()

        mutating func merge(_ other: LabelClass) {
            name = name ?? other.name
            cases += other.cases
            pixels += other.pixels
            objects += other.objects
            objectPixels.merge(other.objectPixels)
            objectSizes.merge(other.objectSizes)
        }
    }

    /// Labels above this are numbers of objects, not of classes.
    private static let highestClass: Int32 = 255

    private var measuresObjects: Bool
    private var cases: [Case] = []
    private var color: String?
    private var names: [String] = []
    private var channels: [Channel] = []
    private var classes: [Int: LabelClass] = [:]

    /// - Parameter measuresObjects: whether connected parts are counted, which takes about as long as all the rest.
    public init(measuresObjects: Bool = true) {
        self.measuresObjects = measuresObjects
    }

    /// Whether it can be the result of looking at cases: one that was read from a file may be anything.
    public var isPossible: Bool {
        names.count == channels.count && (color == nil) == cases.isEmpty
            && cases.allSatisfy { item in
                item.size.count == 3 && item.size.allSatisfy { (1...1 << 31).contains($0) }
                    && item.spacing?.count ?? 3 == 3 && item.means.count == channels.count
                    && item.foregroundMeans.count == channels.count
            }
            && channels.allSatisfy { $0.values.isPossible && $0.foreground.isPossible }
            && classes.values.allSatisfy { $0.objectPixels.isPossible && $0.objectSizes.isPossible }
    }

    /// Looks at a case.
    /// - Throws: `Diagnostic` when the labels lie on another grid or are none of 0...255 (or ignored), or the case has other
    ///   channels than those before.
    public mutating func add(_ name: String, _ image: Image, _ labels: LabelMap?) throws {
        if let labels { try image.geometry.requireMatch(labels.geometry, "image and label of '\(name)'") }
        var survey = FingerprintSurvey(measuresObjects: measuresObjects)
        if let labels { try survey.look(at: labels, of: name) }
        survey.color = image.colorModel.name
        survey.names = image.colorModel.channelNames
        for number in 0..<image.channels {
            survey.channels.append(
                image.withChannel(number) { values in
                    guard let labels else {
                        return Channel(
                            values: ValueHistogram(values), foreground: ValueHistogram(),
                            moments: RunningMoments(values), foregroundMoments: RunningMoments())
                    }
                    return labels.labels.withUnsafeBufferPointer { labels in
                        Channel(
                            values: ValueHistogram(values), foreground: ValueHistogram(values, where: labels),
                            moments: RunningMoments(values), foregroundMoments: RunningMoments(values, where: labels))
                    }
                })
        }
        survey.cases = [
            Case(
                name: name, size: [image.size.x, image.size.y, image.size.z],
                spacing: Self.statedSpacing(image.geometry),
                stored: image.origin?.stored.description ?? "unknown", means: survey.channels.map(\.moments.mean),
                foregroundMeans: survey.channels.map {
                    $0.foregroundMoments.count > 0 ? $0.foregroundMoments.mean : nil
                })
        ]
        try merge(survey)
    }

    private static func statedSpacing(_ geometry: Geometry) -> [Double]? {
        guard geometry.spacingSource != .assumed else { return nil }
        return [geometry.spacing.x, geometry.spacing.y, geometry.spacing.z]
    }

    private mutating func look(at labels: LabelMap, of name: String) throws {
        for (value, entry) in labels.table where (0...Self.highestClass).contains(value) && !entry.name.isEmpty {
            classes[Int(value), default: LabelClass()].name = entry.name
        }
        var counts = [Int](repeating: 0, count: Int(Self.highestClass) + 1), stranger: Int32?
        labels.labels.withUnsafeBufferPointer { labels in
            for label in labels where label != LabelMap.ignoreLabel {
                if label >= 0, label <= Self.highestClass { counts[Int(label)] &+= 1 } else { stranger = label }
            }
        }
        if let stranger {
            throw Diagnostic(
                .badLabel, "the label \(stranger) of '\(name)' is no class number of 0...\(Self.highestClass)",
                remedy: "say what stored values mean: `classes: {background: 0, cell: 255}` on the source")
        }
        for (value, count) in counts.enumerated() where count > 0 {
            classes[value, default: LabelClass()].cases = 1
            classes[value, default: LabelClass()].pixels = count
        }
        guard measuresObjects else { return }
        let found = try ComponentRuns(labels, .labels, .full)
        let pixelSize = Self.statedSpacing(labels.geometry).map { $0.prefix(labels.size.dimensions).reduce(1, *) }
        for (value, sizes) in Dictionary(grouping: found.values.indices, by: { found.values[$0] }) where value > 0 {
            let pixels = sizes.map { Float(found.pixelCounts[$0]) }
            classes[Int(value), default: LabelClass()].objects = pixels.count
            classes[Int(value), default: LabelClass()].objectPixels = ValueHistogram(pixels)
            guard let pixelSize else { continue }
            classes[Int(value), default: LabelClass()].objectSizes = ValueHistogram(
                sizes.map { Float(Double(found.pixelCounts[$0]) * pixelSize) })
        }
    }

    /// Takes in what another survey saw.
    /// - Throws: `Diagnostic` when their images have other channels.
    public mutating func merge(_ other: FingerprintSurvey) throws(Diagnostic) {
        guard let color, let known = cases.first else {
            self = other
            return
        }
        guard let first = other.cases.first else { return }
        guard other.color == color, other.channels.count == channels.count else {
            throw Diagnostic(
                .channelMismatch,
                "'\(first.name)' has the channels \(other.names.joined(separator: ", ")), '\(known.name)' has "
                    + names.joined(separator: ", "),
                remedy: "bring them to the same first, as `gray` does")
        }
        cases += other.cases
        for number in channels.indices {
            channels[number].values.merge(other.channels[number].values)
            channels[number].foreground.merge(other.channels[number].foreground)
            channels[number].moments.merge(other.channels[number].moments)
            channels[number].foregroundMoments.merge(other.channels[number].foregroundMoments)
        }
        for (value, entry) in other.classes { classes[value, default: LabelClass()].merge(entry) }
    }

    /// The fingerprint of all cases seen.
    /// - Throws: `Diagnostic` when there was none.
    public func fingerprint() throws(Diagnostic) -> Fingerprint {
        guard let color, !cases.isEmpty else { throw Diagnostic(.noItems, "there is no case to take a fingerprint of") }
        let planar = cases.count { $0.isPlanar }
        let axes = planar == cases.count ? 2 : 3
        let stated = cases.filter { $0.spacing != nil }
        func spreads(_ value: (Case, Int) -> Double) -> [Fingerprint.Spread] {
            (0..<axes).compactMap { axis in Fingerprint.Spread(stated.map { value($0, axis) }) }
        }
        let anisotropic = stated.count { item in
            let own = (item.spacing ?? []).prefix(item.isPlanar ? 2 : 3)
            return (own.max() ?? 1) >= 3 * (own.min() ?? 1)
        }
        let types = Dictionary(grouping: cases, by: \.stored).mapValues(\.count)
        return Fingerprint(
            cases: cases.count, planar: planar,
            sizes: (0..<axes).compactMap { axis in Fingerprint.Spread(cases.map { Double($0.size[axis]) }) },
            pixels: cases.reduce(0) { $0 + $1.size.reduce(1, *) },
            spacings: Fingerprint.Spacings(
                stated: stated.count, assumed: cases.count - stated.count, anisotropic: anisotropic,
                axes: spreads { $0.spacing?[$1] ?? 1 },
                extents: spreads { ($0.spacing?[$1] ?? 1) * Double($0.size[$1]) }),
            color: color,
            stored: Fingerprint.Stored(
                types: types, minimum: Double(channels.compactMap(\.values.minimum).min() ?? 0),
                maximum: Double(channels.compactMap(\.values.maximum).max() ?? 0)),
            channels: channels.enumerated().map { number, channel in
                Fingerprint.Channel(
                    name: names[number],
                    all: Self.intensities(channel.values, channel.moments, cases.map { $0.means[number] }),
                    foreground: channel.foreground.count == 0
                        ? nil
                        : Self.intensities(
                            channel.foreground, channel.foregroundMoments,
                            cases.compactMap { $0.foregroundMeans[number] }))
            },
            classes: classSizes(isStated: stated.count == cases.count, planar: planar))
    }

    private static func intensities(
        _ values: ValueHistogram, _ moments: RunningMoments, _ means: [Double]
    ) -> Fingerprint.Intensities {
        let mean = means.reduce(0, +) / Double(max(1, means.count))
        let between = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, means.count))
        func quantile(_ fraction: Double) -> Double { (values.quantile(fraction) ?? 0).rounded(digits: 6) }
        return Fingerprint.Intensities(
            pixels: moments.count, mean: moments.mean.rounded(digits: 6),
            deviation: moments.deviation.rounded(digits: 6),
            low: quantile(0.005), median: quantile(0.5), high: quantile(0.995), isExact: values.isExact,
            betweenCases: between.squareRoot().rounded(digits: 6))
    }

    private func classSizes(isStated: Bool, planar: Int) -> [Fingerprint.ClassSize] {
        let total = classes.values.reduce(0) { $0 + $1.pixels }
        // Areas and volumes have no common median.
        let unit = !isStated ? nil : planar == cases.count ? "mm²" : planar == 0 ? "mm³" : nil
        return classes.sorted { $0.key < $1.key }.map { value, entry in
            let isMeasured = measuresObjects && value > 0
            let size = unit == nil ? nil : entry.objectSizes.quantile(0.5)
            return Fingerprint.ClassSize(
                name: entry.name ?? (value == 0 ? "background" : "class \(value)"), value: value, cases: entry.cases,
                pixels: entry.pixels,
                fraction: total > 0 ? (Double(entry.pixels) / Double(total)).rounded(digits: 6) : 0,
                objects: isMeasured ? entry.objects : nil,
                medianPixels: isMeasured ? entry.objectPixels.quantile(0.5) : nil,
                medianSize: isMeasured ? size.map { $0.rounded(digits: 6) } : nil,
                unit: isMeasured && size != nil ? unit : nil)
        }
    }
}

extension ColorModel {
    /// `gray`, `rgb`; `3 channels` where they are no colours.
    var name: String {
        switch self {
        case .gray: "gray"
        case .grayAlpha: "gray and alpha"
        case .rgb: "rgb"
        case .rgba: "rgba"
        case .channels(let count): "\(count) channels"
        }
    }

    /// A name for each channel.
    package var channelNames: [String] {
        switch self {
        case .gray: ["gray"]
        case .grayAlpha: ["gray", "alpha"]
        case .rgb: ["red", "green", "blue"]
        case .rgba: ["red", "green", "blue", "alpha"]
        case .channels(let count): (1...max(1, count)).map { "channel \($0)" }
        }
    }
}
