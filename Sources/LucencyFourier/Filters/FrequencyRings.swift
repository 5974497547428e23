import LucencyImaging

/// Frequencies of a grid sorted by their distance from 0, in steps of one cycle over the grid's longest side.
struct FrequencyRings: Sendable {
    let size: GridSize
    let count: Int
    /// Squared frequency along each axis, in steps.
    private let tables: [[Double]]

    init(_ size: GridSize) {
        self.size = size
        let longest = Double(max(size.x, size.y, size.z))
        tables = (0..<3).map { axis in
            let n = size[axis]
            return (0..<n).map { index in
                let steps = Double(min(index, n - index)) / Double(n) * longest
                return steps * steps
            }
        }
        count = Int(tables.map { $0.max() ?? 0 }.reduce(0, +).squareRoot().rounded(.up)) + 2
    }

    /// Distance from frequency 0, in steps.
    @inline(__always)
    func distance(_ x: Int, _ y: Int, _ z: Int) -> Double {
        (tables[0][x] + tables[1][y] + tables[2][z]).squareRoot()
    }
}
