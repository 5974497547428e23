import LucencyFoundation
import LucencyImaging

extension CasePicture {
    /// A case before and after its labels were changed, at most 144 pixels wide and high; of a volume the plane with the most
    /// changes.
    /// - Parameters:
    ///   - image: one channel, z × y × x.
    ///   - before, after: z × y × x class numbers; what is below 0 does not count.
    ///   - encode: writes an 8-bit image as PNG.
    public init(
        changes item: String, size: GridSize, image: AlignedBuffer<Float>, before: AlignedBuffer<Int32>,
        after: AlignedBuffer<Int32>, encode: (Image) throws -> [UInt8]
    ) throws {
        let plane = size.x * size.y
        func isChanged(_ index: Int) -> Bool { before[index] != after[index] }
        let counts = (0..<size.z).map { z in (z * plane..<(z + 1) * plane).count { isChanged($0) } }
        let z = counts.indices.max { (counts[$0], $1) < (counts[$1], $0) } ?? 0
        let longest = max(size.x, size.y), shown = min(longest, CaseView.side)
        let columns = max(1, size.x * shown / longest), rows = max(1, size.y * shown / longest)
        let places = (0..<rows * columns).map { place in
            // The pixel in the middle of what one of the picture's stands for.
            let x = (2 * (place % columns) + 1) * size.x / (2 * columns)
            let y = (2 * (place / columns) + 1) * size.y / (2 * rows)
            return z * plane + y * size.x + x
        }
        let levels = CaseView.windowed(places.map { image[$0] })
        func colored(_ labels: AlignedBuffer<Int32>) -> [SIMD3<UInt8>] {
            places.map { index in
                let label = labels[index]
                return label == 0 ? [24, 26, 29] : label < 0 ? [110, 110, 110] : ClassColor.of(Int(label))
            }
        }
        let changed = places.indices.map { place -> SIMD3<UInt8> in
            let dim = UInt8(Double(levels[place]) * 0.45 + 12)
            return isChanged(places[place]) ? [255, 140, 26] : SIMD3(repeating: dim)
        }
        func panel(_ caption: String, _ description: String, _ colors: [SIMD3<UInt8>]) throws -> Panel {
            let planes = (0..<3).flatMap { channel in colors.map { Float($0[channel]) } }
            let picture = try Image(
                geometry: Geometry(size: GridSize(columns, rows)), colorModel: .rgb, pixels: AlignedBuffer(planes),
                origin: Origin(stored: .uint8))
            return Panel(
                caption: caption, description: description, png: try encode(picture), width: columns, height: rows)
        }
        let share = NumberText.percent(Double(counts[z]) / Double(max(1, plane)), 1)
        self.init(
            run: "", item: item,
            note: (size.isPlanar ? "" : "plane \(z + 1), ") + "\(share) of the pixels shown changed",
            panels: [
                try panel("Image", "The image of \(item)", levels.map { SIMD3(repeating: $0) }),
                try panel("Before", "The labels as they were given", colored(before)),
                try panel("After", "The labels as the strategy left them", colored(after)),
                try panel("Changes", "Where labels differ: \(share) of the pixels shown", changed),
            ])
    }
}
