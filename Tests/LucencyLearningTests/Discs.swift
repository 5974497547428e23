import LucencyFoundation
import LucencyImaging
import LucencyLearning

/// Bright discs on a dark ground with noise, and their masks.
enum Discs {
    static func cases(_ range: Range<Int>, size: Int = 48) throws -> [TrainingCase] {
        try range.map { index in
            var random = PhiloxStream(seed: 9, stream: "discs", index: index)
            let x = random.uniform(in: 14...34), y = random.uniform(in: 14...34), r = random.uniform(in: 6...11)
            var pixels: [Float] = [], labels: [Int32] = []
            for row in 0..<size {
                for column in 0..<size {
                    let dx = Double(column) - x, dy = Double(row) - y
                    let inside = dx * dx + dy * dy < r * r
                    labels.append(inside ? 1 : 0)
                    pixels.append(Float((inside ? 0.8 : -0.2) + 0.6 * random.normal()))
                }
            }
            let geometry = try Geometry(size: GridSize(size, size))
            return try TrainingCase(
                name: "disc \(index)", image: Image(geometry: geometry, pixels: AlignedBuffer(pixels)),
                labels: LabelMap(geometry: geometry, labels: AlignedBuffer(labels)))
        }
    }
}
