import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// A small picture around a disputed region, kept while cases stream by: one plane, at most `side` pixels wide and high, a byte
/// for each of gray level, given class, suggested class and whether the pixel is of the region.
struct AuditView: Codable, Hashable, Sendable {
    let width: Int
    let height: Int
    /// The plane of a volume, from 1; nil for a flat image.
    let plane: Int?
    let image: [UInt8]?
    /// Places among the classes; 255 where nobody judges.
    let given: [UInt8]
    let suggested: [UInt8]
    let isDisputed: [UInt8]

    static let side = 144
    /// Pixels shown around a region at least, on each side.
    private static let margin = 12

    init(
        _ region: DisputedRegion, probabilities: ProbabilityMap, given: PixelTruth, decisions: PixelDecisions,
        image: Image?
    ) {
        let size = probabilities.size, z = Self.fullestPlane(region, size)
        let reach = max(Self.margin, max(region.extent.x, region.extent.y) / 2)
        let x = max(0, region.origin.x - reach), y = max(0, region.origin.y - reach)
        let columns = min(size.x, region.origin.x + region.extent.x + reach) - x
        let rows = min(size.y, region.origin.y + region.extent.y + reach) - y
        let longest = max(columns, rows), shown = min(longest, Self.side)
        let width = max(1, columns * shown / longest), height = max(1, rows * shown / longest)
        func sampled<Value>(_ value: (Int) -> Value) -> [Value] {
            (0..<width * height).map { place in
                // The pixel in the middle of what one of the picture's stands for.
                let column = x + (2 * (place % width) + 1) * columns / (2 * width)
                let row = y + (2 * (place / width) + 1) * rows / (2 * height)
                return value((z * size.y + row) * size.x + column)
            }
        }
        var disputed = Set<Int>()
        let first = z * size.x * size.y, last = first + size.x * size.y
        region.pixels.forEach { run in
            if run.lowerBound >= first, run.upperBound <= last { disputed.formUnion(run) }
        }
        (self.width, self.height) = (width, height)
        plane = size.isPlanar ? nil : z + 1
        self.given = sampled { given.classes[$0] }
        suggested = sampled { decisions.classes[$0] }
        isDisputed = sampled { disputed.contains($0) ? 1 : 0 }
        self.image = image.flatMap { image in
            guard image.size == size else { return nil }
            let colors = image.colorModel == .rgb || image.colorModel == .rgba ? 3 : 1
            return CaseView.windowed(
                sampled { index in (0..<colors).reduce(Float(0)) { $0 + image.pixels[$1 * size.count + index] } })
        }
    }

    /// The plane that has most of a region.
    private static func fullestPlane(_ region: DisputedRegion, _ size: GridSize) -> Int {
        var counts: [Int: Int] = [:]
        region.pixels.forEach { counts[$0.lowerBound / (size.x * size.y), default: 0] += $0.count }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    }

    // MARK: Drawing

    /// - Parameter encode: writes an 8-bit image as PNG.
    func panels(_ suspect: SuspectAnnotation, encode: (Image) throws -> [UInt8]) throws -> [CasePicture.Panel] {
        let ground = image ?? given.map { _ in 60 }
        var panels: [CasePicture.Panel] = []
        func add(_ caption: String, _ description: String, _ colors: [SIMD3<UInt8>]) throws {
            let planes = (0..<3).flatMap { channel in colors.map { Float($0[channel]) } }
            let picture = try Image(
                geometry: Geometry(size: GridSize(width, height)), colorModel: .rgb, pixels: AlignedBuffer(planes),
                origin: Origin(stored: .uint8))
            panels.append(
                CasePicture.Panel(
                    caption: caption, description: description, png: try encode(picture), width: width, height: height))
        }
        let plain = ground.map { SIMD3(repeating: $0) }
        if image != nil { try add("Image", "The image around the region", plain) }
        try add(
            "Label", "The outlines of the given labels; the region is \(suspect.given)", outlined(plain, by: given))
        try add(
            "Suggested", "The outlines of the model's classes; it takes the tinted region for \(suspect.suggested)",
            outlined(tinted(plain), by: suggested))
        return panels
    }

    /// Pixels of the region halfway to orange.
    private func tinted(_ colors: [SIMD3<UInt8>]) -> [SIMD3<UInt8>] {
        let orange: SIMD3<UInt8> = [255, 140, 26]
        return colors.indices.map { isDisputed[$0] == 1 ? colors[$0] / 2 &+ orange / 2 : colors[$0] }
    }

    /// Pixels of a class beside another one in the colour of their class; background has no outline of its own.
    private func outlined(_ colors: [SIMD3<UInt8>], by classes: [UInt8]) -> [SIMD3<UInt8>] {
        var colors = colors
        for index in classes.indices where classes[index] != 0 && classes[index] != PixelTruth.ignored {
            let x = index % width, y = index / width
            let isBorder =
                (x > 0 && classes[index - 1] != classes[index])
                || (x + 1 < width && classes[index + 1] != classes[index])
                || (y > 0 && classes[index - width] != classes[index])
                || (y + 1 < height && classes[index + width] != classes[index])
            if isBorder { colors[index] = ClassColor.of(Int(classes[index])) }
        }
        return colors
    }
}
