import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Looks for annotations that a model confidently contradicts: connected regions where its surest class is not the label.
///
/// In the spirit of confident learning (Northcutt et al. 2021, "Confident learning: estimating uncertainty in dataset labels",
/// JAIR 70), which ranks labels by the margin p(suggested) - p(given), here summed over regions. One threshold of confidence
/// stands for the one of each class there, because a class that the annotator left out of an image has no labelled pixels to
/// take it from.
///
/// It means something only for models that did not learn from the labels in question: use cross-validation.
public struct LabelAudit: Sendable {
    /// Least probability of the class that the model would give, 0 to 1.
    public var confidence = 0.7
    /// Regions that are thinner everywhere are left out: where a border runs is a matter of taste. Metric, or in pixels.
    public var thickness = Length.pixels(3)
    /// The label of each class; empty takes the labels that the table gives to the classes' names, or 0, 1, 2, ….
    public var labels: [Int32] = []
    /// Pixels with this label are not looked at.
    public var ignoredLabel: Int32? = LabelMap.ignoreLabel
    /// Of a case and model, the strongest regions that are kept.
    public static let regionsPerCase = 100

    public init() {}

    /// What one model says against the labels of one case.
    package struct Finding: Codable, Sendable {
        package let classes: [String]
        package let size: SIMD3<Int>
        /// What the map from pixel indices to millimetres does to the origin and to a step along each axis; nil where nothing
        /// is stated.
        package let world: World?
        /// Of thicknesses.
        package let unit: String
        /// The strongest first.
        package let regions: [DisputedRegion]
        /// Regions with labels that are wrong, as the reference tells; nil without one.
        package let errors: [PixelRuns]?
    }

    /// A map from pixel indices to millimetres.
    package struct World: Codable, Hashable, Sendable {
        package let origin: SIMD3<Double>
        package let steps: [SIMD3<Double>]
        package let spacing: SIMD3<Double>

        package func callAsFunction(_ index: SIMD3<Double>) -> SIMD3<Double> {
            origin + steps[0] * index.x + steps[1] * index.y + steps[2] * index.z
        }
    }

    /// - Parameters:
    ///   - label: the annotation in question.
    ///   - reference: the truth, where it is known, to count how many regions are right.
    /// - Throws: `Diagnostic` when grids differ, a label has no class, classes may overlap, or a setting is not possible.
    package func callAsFunction(
        _ probabilities: ProbabilityMap, label: LabelMap, reference: LabelMap? = nil, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> Finding {
        try check()
        try CalibrationEvaluation.require(probabilities)
        try label.geometry.requireMatch(probabilities.geometry, "the probabilities and the label")
        if let reference { try label.geometry.requireMatch(reference.geometry, "the label and its reference") }
        let labels = PixelTruth.labels(labels, of: probabilities.classes, in: label)
        let given = try PixelTruth(label, labels: labels, ignoring: ignoredLabel)
        let truth = try reference.map { reference throws(Diagnostic) in
            try PixelTruth(reference, labels: labels, ignoring: ignoredLabel)
        }
        let scale = try DistanceScale(thickness.unit == .px ? .px : .mm, of: label.geometry)
        let least = try scale.value(of: thickness, in: label.geometry)
        let decisions = PixelDecisions(probabilities, pool: pool)
        let contradictions = try components(given, geometry: label.geometry) { index, given in
            decisions.classes[index] != given && Double(decisions.confidence[index]) >= confidence
                ? decisions.classes[index] : nil
        }
        let regions = contradictions.compactMap { region -> DisputedRegion? in
            let shape = RegionShape(region.pixels, in: label.size, scale: scale)
            guard shape.thickness >= least else { return nil }
            return Self.region(region, shape, probabilities, given, truth)
        }
        let errors = try truth.map { truth throws(Diagnostic) in
            try components(given, geometry: label.geometry) { index, given in
                truth.classes[index] != given && truth.classes[index] != PixelTruth.ignored ? truth.classes[index] : nil
            }.map(\.pixels).filter { RegionShape($0, in: label.size, scale: scale).thickness >= least }
        }
        let map = label.geometry.indexToWorld, size = label.size
        return Finding(
            classes: probabilities.classes, size: [size.x, size.y, size.z],
            world: label.geometry.spacingSource == .assumed
                ? nil : World(origin: map.offset, steps: [map.x, map.y, map.z], spacing: label.geometry.spacing),
            unit: scale.unit.rawValue,
            regions: Array(
                regions.sorted { ($0.margin, $1.pixels.first) > ($1.margin, $0.pixels.first) }
                    .prefix(Self.regionsPerCase)),
            errors: errors)
    }

    /// The annotation as places among classes.
    package func given(_ label: LabelMap, classes: [String]) throws(Diagnostic) -> PixelTruth {
        try PixelTruth(label, labels: PixelTruth.labels(labels, of: classes, in: label), ignoring: ignoredLabel)
    }

    /// - Throws: `Diagnostic` naming a setting that is not possible.
    package func check() throws(Diagnostic) {
        guard confidence >= 0, confidence <= 1 else {
            throw Diagnostic(.badArgument, "a confidence of \(confidence) is not possible", remedy: "give 0 to 1")
        }
        guard thickness.value >= 0, thickness.value.isFinite else {
            throw Diagnostic(
                .badArgument, "a thickness of \(thickness) is not possible",
                remedy: "give a length such as 3 px or 2 mm; 0 px keeps every pixel")
        }
    }

    private struct Component {
        let given: Int
        let suggested: Int
        let pixels: PixelRuns
    }

    /// Connected pixels with one given class and one other.
    /// - Parameter other: the class that contradicts the given one; nil where none does.
    private func components(
        _ given: PixelTruth, geometry: Geometry, _ other: (_ index: Int, _ given: UInt8) -> UInt8?
    ) throws(Diagnostic) -> [Component] {
        let codes = AlignedBuffer<Int32>(count: given.classes.count) { codes in
            given.classes.withUnsafeBufferPointer { given in
                for index in codes.indices {
                    let here = given[index]
                    let found = here == PixelTruth.ignored ? nil : other(index, here)
                    codes[index] = found.map { Int32(here) << 8 | Int32($0) + 1 } ?? 0
                }
            }
        }
        let found = try ComponentRuns(LabelMap(geometry: geometry, labels: codes), .labels, .full)
        var runs = [[ComponentRuns.Run]](repeating: [], count: found.count)
        for (run, component) in zip(found.runs, found.components) { runs[Int(component) - 1].append(run) }
        return zip(found.values, runs).map { code, runs in
            Component(given: Int(code >> 8), suggested: Int(code & 255) - 1, pixels: PixelRuns(runs))
        }
    }

    private static func region(
        _ component: Component, _ shape: RegionShape, _ probabilities: ProbabilityMap, _ given: PixelTruth,
        _ truth: PixelTruth?
    ) -> DisputedRegion {
        var suggested = 0.0, doubted = 0.0, wrong = 0
        let pixels = probabilities.size.count
        component.pixels.forEach { run in
            for index in run {
                suggested += Double(probabilities.values[component.suggested * pixels + index])
                doubted += Double(probabilities.values[component.given * pixels + index])
                if let truth, truth.classes[index] != given.classes[index], truth.classes[index] != PixelTruth.ignored {
                    wrong += 1
                }
            }
        }
        let size = shape.box.size
        return DisputedRegion(
            given: component.given, suggested: component.suggested, pixels: component.pixels,
            count: component.pixels.count, margin: suggested - doubted, confidence: suggested,
            origin: [shape.box.x, shape.box.y, shape.box.z], extent: [size.x, size.y, size.z], centre: shape.centre,
            thickness: shape.thickness, wrong: truth == nil ? nil : wrong)
    }
}
