import LucencyImaging

/// The pixels of a phantom in the body's coordinates, mm: the grid's centre lies at (0, 0, level).
struct OrganGrid: Sendable {
    let size: GridSize
    let spacing: SIMD3<Double>
    let level: Double

    func x(_ column: Int) -> Double { (Double(column) - Double(size.x - 1) / 2) * spacing.x }
    func y(_ row: Int) -> Double { (Double(row) - Double(size.y - 1) / 2) * spacing.y }
    func z(_ slice: Int) -> Double { level + (Double(slice) - Double(size.z - 1) / 2) * spacing.z }

    /// The columns between two places.
    func columns(from lower: Double, to upper: Double) -> Range<Int> {
        let middle = Double(size.x - 1) / 2
        let first = min(max((lower / spacing.x + middle).rounded(.up), 0), Double(size.x))
        let last = min(max((upper / spacing.x + middle).rounded(.down), -1), Double(size.x - 1))
        return first <= last ? Int(first)..<Int(last) + 1 : 0..<0
    }

    /// The box of all places at which slices of some thickness are sampled.
    func bounds(thickness: Double) -> (lower: SIMD3<Double>, upper: SIMD3<Double>) {
        (
            SIMD3(x(0), y(0), z(0) - thickness / 2),
            SIMD3(x(size.x - 1), y(size.y - 1), z(size.z - 1) + thickness / 2)
        )
    }
}
