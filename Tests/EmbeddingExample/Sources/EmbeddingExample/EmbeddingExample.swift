import Lucency

/// Separates a bright disc from its background and prints how many pixels it has.
@main
struct EmbeddingExample {
    static func main() throws {
        let side = 64
        let values: [Float] = (0..<side * side).map { index in
            let x = index % side - 32, y = index / side - 32
            return x * x + y * y < 400 ? 200 : 50
        }
        let image = try Image(geometry: Geometry(size: GridSize(side, side)), pixels: AlignedBuffer(values))
        let mask = try Threshold(.otsu)(image)
        print(mask.labels.array.count { $0 != 0 })
    }
}
