import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// A small picture of a case, kept while cases stream by: one plane, at most `side` pixels wide and high, a byte for each of
/// gray level, true class, predicted class and confidence.
struct CaseView: Hashable, Sendable {
    let item: String
    /// How bad the case is; the worst are kept.
    let rank: Double
    let width: Int
    let height: Int
    /// The plane of a volume, from 1; nil for a flat image.
    let plane: Int?
    let image: [UInt8]?
    /// Places among the classes; 255 where nobody judges.
    let truth: [UInt8]
    let prediction: [UInt8]
    /// 0 for the lowest confidence that is possible, 255 for 1.
    let confidence: [UInt8]
    let classes: [String]

    static let side = 144

    init(
        _ item: String, rank: Double, probabilities: ProbabilityMap, truth: PixelTruth, decisions: PixelDecisions,
        image: Image?
    ) {
        let size = probabilities.size, planeCount = size.x * size.y
        let z = Self.worstPlane(size, truth, decisions)
        let longest = max(size.x, size.y), shown = min(longest, Self.side)
        let columns = max(1, size.x * shown / longest), rows = max(1, size.y * shown / longest)
        let lowest = 1 / Float(max(2, probabilities.classes.count))
        func sampled<Value>(_ value: (Int) -> Value) -> [Value] {
            (0..<rows * columns).map { place in
                // The pixel in the middle of what one of the picture's stands for.
                let x = (2 * (place % columns) + 1) * size.x / (2 * columns)
                let y = (2 * (place / columns) + 1) * size.y / (2 * rows)
                return value(z * planeCount + y * size.x + x)
            }
        }
        self.item = item
        self.rank = rank
        (width, height) = (columns, rows)
        plane = size.isPlanar ? nil : z + 1
        self.truth = truth.classes.withUnsafeBufferPointer { values in sampled { values[$0] } }
        prediction = decisions.classes.withUnsafeBufferPointer { values in sampled { values[$0] } }
        confidence = decisions.confidence.withUnsafeBufferPointer { values in
            sampled { UInt8(max(0, min(255, ((values[$0] - lowest) / (1 - lowest) * 255).rounded()))) }
        }
        classes = probabilities.classes
        self.image = image.flatMap { image in
            guard image.size == size else { return nil }
            let colors = image.colorModel == .rgb || image.colorModel == .rgba ? 3 : 1
            let levels = image.pixels.withUnsafeBufferPointer { pixels in
                sampled { index in (0..<colors).reduce(Float(0)) { $0 + pixels[$1 * size.count + index] } }
            }
            return Self.windowed(levels)
        }
    }

    /// The plane in which most pixels are wrong, the middle one if none is.
    private static func worstPlane(_ size: GridSize, _ truth: PixelTruth, _ decisions: PixelDecisions) -> Int {
        guard !size.isPlanar else { return 0 }
        let planeCount = size.x * size.y
        return truth.classes.withUnsafeBufferPointer { truth in
            decisions.classes.withUnsafeBufferPointer { predicted in
                var best = (plane: size.z / 2, errors: 0)
                for z in 0..<size.z {
                    var errors = 0
                    for index in z * planeCount..<(z + 1) * planeCount
                    where truth[index] != predicted[index] && truth[index] != PixelTruth.ignored { errors &+= 1 }
                    if errors > best.errors { best = (z, errors) }
                }
                return best.plane
            }
        }
    }

    /// Levels between the first and the last percent as 0...255.
    static func windowed(_ levels: [Float]) -> [UInt8] {
        let sorted = levels.sorted()
        guard let least = sorted.first, let greatest = sorted.last else { return [] }
        var (low, high) = (sorted[sorted.count / 100], sorted[sorted.count - 1 - sorted.count / 100])
        if high <= low { (low, high) = (least, greatest) }
        guard high > low else { return levels.map { _ in 128 } }
        return levels.map { UInt8(max(0, min(255, (($0 - low) / (high - low) * 255).rounded()))) }
    }

    // MARK: Drawing

    /// - Parameter encode: writes an 8-bit image as PNG.
    func picture(run: String, encode: (Image) throws -> [UInt8]) throws -> CasePicture {
        var panels: [CasePicture.Panel] = []
        func add(_ caption: String, _ description: String, _ planes: [[UInt8]]) throws {
            let geometry = try Geometry(size: GridSize(width, height))
            let image = try Image(
                geometry: geometry, colorModel: planes.count == 1 ? .gray : .rgb,
                pixels: AlignedBuffer(planes.joined().map(Float.init)), origin: Origin(stored: .uint8))
            panels.append(
                CasePicture.Panel(
                    caption: caption, description: description, png: try encode(image), width: width, height: height))
        }
        let judged = truth.indices.filter { truth[$0] != PixelTruth.ignored }
        let wrong = judged.filter { truth[$0] != prediction[$0] }
        let share = NumberText.percent(Double(wrong.count) / Double(max(1, judged.count)), 1)
        if let image { try add("Image", "The image of \(item)", [image]) }
        try add("Truth", "The reference labels: \(words(truth))", colored(truth))
        try add("Prediction", "The predicted labels: \(words(prediction))", colored(prediction))
        try add("Confidence", "The confidence of the prediction, dark where it is low", [confidence])
        try add("Errors", "Where the prediction is wrong: \(share) of the pixels shown", errors)
        return CasePicture(run: run, item: item, note: plane.map { "plane \($0)" }, panels: panels)
    }

    /// The classes that occur, by name.
    private func words(_ labels: [UInt8]) -> String {
        let present = Set(labels).sorted().compactMap { Int($0) < classes.count ? classes[Int($0)] : nil }
        return present.prefix(8).joined(separator: ", ")
    }

    private func colored(_ labels: [UInt8]) -> [[UInt8]] {
        let colors = labels.map { label -> SIMD3<UInt8> in
            label == 0 ? [24, 26, 29] : label == PixelTruth.ignored ? [110, 110, 110] : ClassColor.of(Int(label))
        }
        return (0..<3).map { channel in colors.map { $0[channel] } }
    }

    /// Wrong pixels in orange over a dim image, the stronger the surer the model was.
    private var errors: [[UInt8]] {
        let orange: SIMD3<Float> = [255, 140, 26]
        let colors = truth.indices.map { index -> SIMD3<Float> in
            let ground = SIMD3<Float>(repeating: image.map { Float($0[index]) * 0.45 + 12 } ?? 40)
            guard truth[index] != PixelTruth.ignored, truth[index] != prediction[index] else { return ground }
            let strength = 0.35 + 0.65 * Float(confidence[index]) / 255
            return ground * (1 - strength) + orange * strength
        }
        return (0..<3).map { channel in colors.map { UInt8(max(0, min(255, $0[channel].rounded()))) } }
    }
}

/// The colour of a class in pictures and their key.
enum ClassColor {
    /// Seven colours, then the same paler, then darker.
    /// - Parameter place: among the classes, from 1; 0 is background.
    static func of(_ place: Int) -> SIMD3<UInt8> {
        let color = Palette.color(of: Int32(place), in: [:])
        let mix: (part: Double, with: Double)
        switch (place - 1) / Palette.okabeIto.count % 3 {
        case 1: mix = (0.5, 255)
        case 2: mix = (0.45, 0)
        default: return color
        }
        let mixed = SIMD3<Double>(color) * (1 - mix.part) + mix.with * mix.part
        return SIMD3(UInt8(mixed.x), UInt8(mixed.y), UInt8(mixed.z))
    }

    /// The colours of the classes in pictures.
    static func key(_ classes: [String]) -> Markup {
        .tag(
            "ul", ["class": "key", "aria-label": "Colours of the classes"],
            classes.enumerated().dropFirst().prefix(24).map { place, name in
                let color = of(place)
                return .tag(
                    "li",
                    [
                        .tag(
                            "svg", ["viewBox": "0 0 10 10", "aria-hidden": "true"],
                            [
                                .tag(
                                    "rect",
                                    ["width": "10", "height": "10", "fill": "rgb(\(color.x),\(color.y),\(color.z))"])
                            ]), .name(name),
                    ])
            })
    }
}
