import LucencyFoundation
import LucencyImaging

/// Measures how far a case's probabilities can be believed, in every region in one pass over its pixels.
public struct CalibrationEvaluation: Sendable {
    /// Equal-width bins, 1 to 100: 15 in most papers, 10 in some.
    public var bins = 15
    /// The label of each plane of the probabilities; empty takes the labels that the reference's table gives to the classes'
    /// names, or 0, 1, 2, … where it does not name them all.
    public var labels: [Int32] = []
    /// The label of background, for the regions and scores that look at foreground.
    public var background: Int32 = 0
    /// Pixels whose reference has this label are left out of everything.
    public var ignoredLabel: Int32?
    /// How wide the boundary region is.
    public var boundary: Length = .pixels(2)

    public init() {}

    /// - Parameters:
    ///   - name: unique among the cases that will be merged.
    ///   - probabilities: classes that exclude each other, at least two.
    ///   - mask: the region `mask`, where it is not 0; nil measures no such region.
    ///   - posterior: the true probabilities of the same classes, where they are known.
    ///   - clean: what is predicted where the same case is rendered without noise; its distance to the true probabilities
    ///     is that of a prediction which noise did not disturb.
    /// - Throws: `Diagnostic` when the maps lie on different grids, a label has no class, there is one class or more than
    ///   255, classes may overlap, the number of bins is not possible, or the boundary is metric on assumed spacing.
    public func callAsFunction(
        _ name: String, probabilities: ProbabilityMap, reference: LabelMap, mask: LabelMap? = nil,
        posterior: ProbabilityMap? = nil, clean: ProbabilityMap? = nil, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> CalibrationMeasurement {
        var conventions = try conventions(of: probabilities, reference)
        conventions.regions = CalibrationRegion.allCases.filter { $0 != .mask || mask != nil }
        (conventions.hasPosterior, conventions.hasClean) = (posterior != nil, clean != nil)
        try reference.geometry.requireMatch(probabilities.geometry, "the probabilities and the reference")
        if let mask { try reference.geometry.requireMatch(mask.geometry, "the mask and the reference") }
        if let posterior { try Self.require(posterior, like: probabilities, named: "true") }
        if let clean {
            guard posterior != nil else {
                throw Diagnostic(
                    .badArgument,
                    "probabilities of the case without noise are compared with true ones, which are missing",
                    remedy: "give the posterior too")
            }
            try Self.require(clean, like: probabilities, named: "noiseless")
        }
        let band = try BoundaryBand(width: boundary)(reference, ignoring: ignoredLabel, pool: pool)
        let truth = try PixelTruth(reference, labels: conventions.labels, ignoring: ignoredLabel)
        let decisions = PixelDecisions(probabilities, pool: pool)
        let marks = Self.marks(band, mask)
        let tally = tally(probabilities, truth, decisions, marks, background: conventions.background, pool: pool)
        /// Of the same cells of pixels, whichever map is measured.
        func distances(_ map: ProbabilityMap, _ posterior: ProbabilityMap) -> [PosteriorDistance] {
            truth.classes.withUnsafeBufferPointer { truth in
                decisions.classes.withUnsafeBufferPointer { predicted in
                    marks.withUnsafeBufferPointer { marks in
                        PosteriorDistance.measure(
                            map, posterior,
                            cells: { index in
                                guard truth[index] != PixelTruth.ignored else { return nil }
                                let isForeground = Int(truth[index]) != conventions.background
                                let isFound = Int(predicted[index]) != conventions.background
                                return (isForeground ? 0 : isFound ? 1 : 2) &+ Int(marks[index])
                            }, cellCount: CalibrationTally.cells)
                    }
                }
            }
        }
        let fromPosterior = posterior.map { distances(probabilities, $0) }
        let cleanFromPosterior = clean.flatMap { clean in posterior.map { distances(clean, $0) } }
        let classCount = conventions.classes.count
        var histograms: [RegionHistograms] = []
        var regions: [RegionCalibration] = []
        for region in conventions.regions {
            let cells = region.cells
            let counted = RegionHistograms(
                top: tally.histogram(0, cells: cells), foreground: tally.histogram(1, cells: cells),
                classes: (0..<classCount).map { tally.histogram(2 + $0, cells: cells) })
            let total = Int(counted.top.total)
            let brier = counted.classes.enumerated().map { plane, histogram in
                tally.brier(plane, cells: cells, total: total, positives: Int(histogram.hits))
            }
            let losses = cells.reduce(into: LogLoss()) { $0.merge(tally.losses[$1]) }
            func distance(_ distances: [PosteriorDistance]?) -> PosteriorDistance? {
                distances.map { distances in cells.reduce(into: PosteriorDistance()) { $0.merge(distances[$1]) } }
            }
            histograms.append(counted)
            regions.append(
                RegionCalibration(
                    region, counted, brier: brier, background: conventions.background, logLoss: losses,
                    posterior: distance(fromPosterior), clean: distance(cleanFromPosterior)))
        }
        let confusion = tally.confusion
        let sizes = (0..<classCount).map { plane in
            SizeEstimate(
                expected: histograms[0].classes[plane].confidenceSum,
                predicted: (0..<classCount).reduce(0) { $0 + confusion[$1 * classCount + plane] },
                reference: (0..<classCount).reduce(0) { $0 + confusion[plane * classCount + $1] })
        }
        return CalibrationMeasurement(
            result: CalibrationCase(
                name: name, conventions: conventions, regions: regions, sizes: sizes, confusion: confusion,
                confidence: CaseConfidence(probabilities, decisions, background: conventions.background)),
            histograms: histograms)
    }

    private func conventions(
        of map: ProbabilityMap, _ reference: LabelMap
    ) throws(Diagnostic) -> CalibrationConventions {
        try Self.require(map)
        guard (1...ConfidenceScale.maximumBins).contains(bins) else {
            throw Diagnostic(
                .badArgument, "\(bins) bins are not possible",
                remedy: "give 1 to \(ConfidenceScale.maximumBins); 15 is usual")
        }
        let labels = PixelTruth.labels(labels, of: map.classes, in: reference)
        guard labels.count == map.classes.count, Set(labels).count == labels.count else {
            throw Diagnostic(
                .badArgument, "\(labels.count) labels do not name \(map.classes.count) classes, each its own")
        }
        if let ignoredLabel, labels.contains(ignoredLabel) {
            throw Diagnostic(.badLabel, "label \(ignoredLabel) is both a class and ignored")
        }
        guard let plane = labels.firstIndex(of: background) else {
            throw Diagnostic(
                .badLabel, "no class has the label \(background) of background",
                remedy: "say which label is background: \(labels.map(String.init).joined(separator: ", "))")
        }
        return CalibrationConventions(
            bins: bins, boundary: boundary.description, classes: map.classes, labels: labels, background: plane,
            ignoredLabel: ignoredLabel, regions: [], hasPosterior: false, hasClean: false)
    }

    /// - Throws: `Diagnostic` unless the classes exclude each other and are at least two.
    package static func require(_ map: ProbabilityMap) throws(Diagnostic) {
        guard map.kind == .simplex else {
            throw Diagnostic(
                .badArgument, "the classes may overlap: their probabilities do not sum to 1",
                remedy: "measure each class by itself, as two classes of probabilities 1 − p and p")
        }
        guard map.classes.count >= 2 else {
            throw Diagnostic(
                .badArgument, "a single class cannot be right or wrong",
                remedy: "give two classes of probabilities 1 − p and p")
        }
        guard map.classes.count < Int(PixelTruth.ignored) else {
            throw Diagnostic(.tooLarge, "\(map.classes.count) classes are more than 254")
        }
    }

    private static func require(
        _ posterior: ProbabilityMap, like map: ProbabilityMap, named name: String
    ) throws(Diagnostic) {
        try map.geometry.requireMatch(posterior.geometry, "the probabilities and the \(name) ones")
        guard posterior.kind == .simplex, posterior.classes.count == map.classes.count else {
            throw Diagnostic(
                .channelMismatch,
                "the \(name) probabilities have \(posterior.classes.count) classes and the predicted \(map.classes.count)"
            )
        }
        if posterior.classes != map.classes, Set(posterior.classes) == Set(map.classes) {
            throw Diagnostic(
                .channelMismatch,
                "the \(name) probabilities have the classes in another order: \(posterior.classes.joined(separator: ", "))"
            )
        }
    }

    private static func marks(_ band: AlignedBuffer<UInt8>, _ mask: LabelMap?) -> AlignedBuffer<UInt8> {
        AlignedBuffer(count: band.count) { out in
            band.withUnsafeBufferPointer { band in
                for index in 0..<band.count { out[index] = band[index] &* 3 }
            }
            mask?.labels.withUnsafeBufferPointer { mask in
                for index in 0..<mask.count { out[index] &+= mask[index] != 0 ? 6 : 0 }
            }
        }
    }

    /// Slabs are cut by the size of the case, counted apart and added in order.
    private func tally(
        _ map: ProbabilityMap, _ truth: PixelTruth, _ decisions: PixelDecisions, _ marks: AlignedBuffer<UInt8>,
        background: Int, pool: ThreadPool
    ) -> CalibrationTally {
        let scales = CalibrationTally.Scales(bins: bins), count = map.size.count, classCount = map.classes.count
        let bytes = CalibrationTally.bytes(scales, classCount: classCount)
        let slabs = max(1, min(8, (count + (1 << 17) - 1) >> 17, (1 << 28) / bytes))
        let tallies = (0..<slabs).map { _ in CalibrationTally(scales: scales, classCount: classCount) }
        map.values.withUnsafeBufferPointer { values in
            truth.classes.withUnsafeBufferPointer { truth in
                decisions.classes.withUnsafeBufferPointer { predicted in
                    decisions.confidence.withUnsafeBufferPointer { confidence in
                        marks.withUnsafeBufferPointer { marks in
                            let pixels = CalibrationTally.Pixels(
                                count: count, values: values, truth: truth, predicted: predicted,
                                confidence: confidence, marks: marks, background: UInt8(background))
                            pool.forEach(slabs) { (slab: Int) in
                                tallies[slab].add(pixels, in: count * slab / slabs..<count * (slab + 1) / slabs)
                            }
                        }
                    }
                }
            }
        }
        for tally in tallies.dropFirst() { tallies[0].merge(tally) }
        return tallies[0]
    }
}

extension CalibrationRegion {
    /// The cells of `CalibrationTally` that it consists of.
    var cells: [Int] {
        (0..<CalibrationTally.cells).filter { cell in
            switch self {
            case .all: true
            case .foreground: cell % 3 == 0
            case .foregroundUnion: cell % 3 < 2
            case .boundary: cell / 3 % 2 == 1
            case .interior: cell / 3 % 2 == 0
            case .mask: cell >= 6
            }
        }
    }
}
