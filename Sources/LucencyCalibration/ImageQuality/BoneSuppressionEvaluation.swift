import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// When a nodule counts as lost, and a spot as invented. Both are told by `BlobResponse` at stated scales.
///
/// - A nodule of the mask is **visible** when the truth's largest response within it is at least `contrast` of the data range.
/// - A visible nodule is **lost** when the answer's largest response within it is below `kept` of the truth's.
/// - A **spot** of the answer is a local maximum, over space and scale, of at least `contrast` of the data range (in the lungs
///   where they are given). It is **invented** when the truth's largest response at any scale within the spot's own σ is below
///   `kept` of the spot's.
/// - An invented spot is **unsupported** when that holds for the film as well: then it is no bone that was left over, but a
///   structure that nothing in the input stands for.
public struct NoduleRule: Hashable, Codable, Sendable {
    /// σ in pixels. A round nodule of diameter d answers most at 0.35 d.
    public var scales: [Double] = [2, 3, 4.5, 6.5]
    /// Least response, in parts of the data range. A Gaussian spot answers with half its height, a disc with 0.74 of it.
    public var contrast = 0.02
    public var kept = 0.5
    /// The ring by which a nodule's contrast is measured, from its border, in pixels.
    public var gap = 2.0
    public var ring = 10.0

    public init() {}

    func check() throws(Diagnostic) {
        let isAscending = zip(scales, scales.dropFirst()).allSatisfy { $0 < $1 }
        guard !scales.isEmpty, scales.count <= 16, isAscending, scales.allSatisfy({ $0 >= 0.5 && $0 <= 100 }) else {
            throw Diagnostic(
                .badArgument, "the scales \(scales) cannot be used",
                remedy: "take 1 to 16 ascending ones of 0.5 to 100 px")
        }
        guard contrast > 0, contrast <= 1, kept > 0, kept <= 1, gap >= 0, ring > gap, ring <= 200 else {
            throw Diagnostic(
                .badArgument, "this rule of nodules cannot be used",
                remedy: "take `contrast` and `kept` above 0 and up to 1, and `ring` above `gap` and up to 200 px")
        }
    }
}

/// Judges a soft-tissue image that was made of a chest film by the true one, each number beside that of the unprocessed film.
///
/// Numbers are in double precision of the values as they are (nothing wraps around at bytes), in a declared range.
public struct BoneSuppressionEvaluation: Hashable, Sendable {
    /// Range, clamping, and SSIM's conventions.
    public var quality = ImageQuality()
    public var nodules = NoduleRule()

    public init() {}

    /// Lungs of the film, found in it and in the answer, and where they truly are.
    public struct Lungs: Sendable {
        public var before: LabelMap?
        public var after: LabelMap?
        public var truth: LabelMap?

        public init(before: LabelMap? = nil, after: LabelMap? = nil, truth: LabelMap? = nil) {
            (self.before, self.after, self.truth) = (before, after, truth)
        }
    }

    /// - Parameters:
    ///   - name: of the case.
    ///   - film: gray, one slice.
    ///   - answer: what was made of it.
    ///   - truth: the true soft tissue.
    ///   - nodules: connected pixels of one label are a nodule; nil where nobody knows of any.
    /// - Throws: `Diagnostic` when images are not gray planes of the same grid, no range is known, the film is equal to the truth
    ///   (there is no bone), only some of the three lungs' maps needed for Dice are there, or the rule cannot be used.
    public func callAsFunction(
        _ name: String, film: Image, answer: Image, truth: Image, nodules: LabelMap? = nil, lungs: Lungs = Lungs(),
        pool: ThreadPool = .serial
    ) throws -> BoneSuppressionResult {
        try self.nodules.check()
        for (image, what) in [(film, "film"), (answer, "answer"), (truth, "truth")] {
            guard image.channels == 1, image.size.z == 1 else {
                throw Diagnostic(
                    .channelMismatch,
                    "the \(what) has \(image.channels) channel(s) and \(image.size.z) slice(s): bone suppression is judged on gray planes",
                    remedy: "make it gray first (`gray`)")
            }
            try image.geometry.requireMatch(truth.geometry, "the \(what) and the true soft tissue")
        }
        for map in [nodules, lungs.before, lungs.after, lungs.truth].compactMap({ $0 }) {
            try map.geometry.requireMatch(truth.geometry, "the labels and the true soft tissue")
        }
        guard (lungs.before == nil) == (lungs.after == nil), lungs.before == nil || lungs.truth != nil else {
            throw Diagnostic(
                .missingInput,
                "to judge lungs takes those found in the film, those found in the answer, and the true ones",
                remedy: "give all three, or only the true ones")
        }
        let before = try quality(name, image: film, reference: truth, pool: pool)
        let after = try quality(name, image: answer, reference: truth, pool: pool)
        let conventions = BoneSuppressionConventions(quality: after.conventions, nodules: self.nodules)
        func plane(_ image: Image) -> QualityPlane {
            var plane = image.qualityPlane(channel: 0, slice: 0)
            guard quality.clamp else { return plane }
            let low = quality.low, high = low + after.conventions.range
            plane.values = plane.values.map { min(max($0, low), high) }
            return plane
        }
        let c = plane(film), o = plane(answer), s = plane(truth)
        let ratio = try BoneSuppressionRatio(radiograph: c, softTissue: s, output: o)
        let idle = try BoneSuppressionRatio(radiograph: c, softTissue: s, output: c)
        var values: [BoneSuppressionMetric: BesideDoingNothing] = [
            .bsr: .init(.value(ratio.ratio), film: .value(ratio.unsuppressed)),
            .bsr2: .init(.value(ratio.twoSided), film: .value(idle.twoSided)),
            .mse: .init(after.mse, film: before.mse), .psnr: .init(after.psnr, film: before.psnr),
            .ssim: .init(after.ssim, film: before.ssim), .gmsd: .init(after.gmsd, film: before.gmsd),
        ]
        let chest = lungs.truth.map(Self.lungs)
        let responses = (
            film: BlobResponse(c, scales: self.nodules.scales, pool: pool),
            answer: BlobResponse(o, scales: self.nodules.scales, pool: pool),
            truth: BlobResponse(s, scales: self.nodules.scales, pool: pool)
        )
        let threshold = self.nodules.contrast * after.conventions.range
        let found = spots(responses.answer, responses, threshold, chest)
        let left = spots(responses.film, responses, threshold, chest)
        values[.inventedSpots] = .init(.value(Double(found.invented)), film: .value(Double(left.invented)))
        values[.unsupportedSpots] = .init(.value(Double(found.unsupported)), film: .value(Double(left.unsupported)))
        let objects = try nodules.map(Self.objects) ?? []
        let visible = objects.filter { responses.truth.largest(at: $0) >= threshold }
        if !visible.isEmpty {
            func lost(_ response: BlobResponse) -> Score {
                .ratio(
                    visible.count {
                        response.largest(at: $0) < self.nodules.kept * responses.truth.largest(at: $0)
                    }, visible.count)
            }
            values[.lostNodules] = .init(lost(responses.answer), film: lost(responses.film))
        }
        if !objects.isEmpty {
            let rings = self.rings(objects, c.width, c.height, chest)
            func contrast(_ plane: QualityPlane) -> Score {
                let values = zip(objects, rings).compactMap { Self.contrast(plane, $0, $1) }
                return Score(values.isEmpty ? nil : values.reduce(0, +) / Double(values.count))
            }
            values[.noduleContrast] = .init(contrast(o), film: contrast(c), truth: contrast(s))
        }
        if let before = lungs.before, let after = lungs.after, let chest {
            values[.lungDice] = .init(
                Self.dice(Self.lungs(after), chest), film: Self.dice(Self.lungs(before), chest))
        }
        return BoneSuppressionResult(
            name: name, conventions: conventions, nodules: objects.count, visibleNodules: visible.count,
            values: Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) }))
    }

    /// Spots of an image that the truth does not show, and those of them that the film does not show either.
    private func spots(
        _ response: BlobResponse, _ all: (film: BlobResponse, answer: BlobResponse, truth: BlobResponse),
        _ threshold: Double, _ chest: [Bool]?
    ) -> (invented: Int, unsupported: Int) {
        var invented = 0, unsupported = 0
        for peak in response.peaks(above: threshold) {
            if let chest, !chest[peak.y * response.width + peak.x] { continue }
            let least = nodules.kept * peak.response, radius = nodules.scales[peak.scale]
            guard all.truth.largest(nearX: peak.x, y: peak.y, radius: radius) < least else { continue }
            invented += 1
            if all.film.largest(nearX: peak.x, y: peak.y, radius: radius) < least { unsupported += 1 }
        }
        return (invented, unsupported)
    }

    /// Which pixels are lung: classes with "lung" in their name, or where no class has it all above the background.
    private static func lungs(_ map: LabelMap) -> [Bool] {
        let named = Set(map.table.filter { $0.value.name.lowercased().contains("lung") }.keys)
        return map.labels.array.map { named.isEmpty ? $0 > 0 : named.contains($0) }
    }

    private static func dice(_ a: [Bool], _ b: [Bool]) -> Score {
        var both = 0, sum = 0
        for (a, b) in zip(a, b) {
            if a { sum += 1 }
            if b { sum += 1 }
            if a && b { both += 1 }
        }
        return .ratio(2 * both, sum)
    }

    /// The pixels of each connected object (by sides and corners) of one label.
    private static func objects(_ map: LabelMap) throws(Diagnostic) -> [[Int]] {
        let found = try ComponentRuns(map, .labels, .full)
        var objects = [[Int]](repeating: [], count: found.count)
        for (run, component) in zip(found.runs, found.components) where run.value > 0 {
            objects[Int(component) - 1] += run.start..<run.end
        }
        return objects.filter { !$0.isEmpty }
    }

    /// For each object the pixels around it that belong to none.
    private func rings(_ objects: [[Int]], _ width: Int, _ height: Int, _ chest: [Bool]?) -> [[Int]] {
        var isTaken = [Bool](repeating: false, count: width * height)
        for object in objects { for pixel in object { isTaken[pixel] = true } }
        let reach = Int(nodules.ring.rounded(.up)), gap = nodules.gap * nodules.gap, ring = nodules.ring * nodules.ring
        return objects.map { object in
            var nearest: [Int: Double] = [:]
            for pixel in object {
                let (x, y) = (pixel % width, pixel / width)
                for row in max(0, y - reach)...min(height - 1, y + reach) {
                    for column in max(0, x - reach)...min(width - 1, x + reach) {
                        let place = row * width + column
                        if isTaken[place] || chest?[place] == false { continue }
                        let (dx, dy) = (Double(column - x), Double(row - y))
                        nearest[place] = min(nearest[place] ?? .infinity, dx * dx + dy * dy)
                    }
                }
            }
            return nearest.filter { $0.value > gap && $0.value <= ring }.keys.sorted()
        }
    }

    /// nil where there are fewer than two pixels around, or they are all the same.
    private static func contrast(_ plane: QualityPlane, _ object: [Int], _ ring: [Int]) -> Double? {
        guard !object.isEmpty, ring.count > 1 else { return nil }
        let inside = object.reduce(0) { $0 + plane.values[$1] } / Double(object.count)
        let around = ring.reduce(0) { $0 + plane.values[$1] } / Double(ring.count)
        let squares = ring.reduce(0) { $0 + (plane.values[$1] - around) * (plane.values[$1] - around) }
        let deviation = (squares / Double(ring.count - 1)).squareRoot()
        return deviation > 0 ? (inside - around) / deviation : nil
    }
}
