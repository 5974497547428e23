import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

/// Balls are stacks of runs where they are small, and a distance where they are large; pixel by pixel says the same.
@Suite struct BallTests {
    @Test(arguments: [
        GridSize(1, 1), GridSize(63, 5), GridSize(64, 9), GridSize(65, 33), GridSize(130, 17), GridSize(71, 12, 6),
    ])
    func `dilation and erosion by balls of any radius are those of their definition`(size: GridSize) throws {
        var random = Mutations(state: UInt64(size.count))
        let geometries = [
            try Geometry(size: size), try Geometry(size: size, spacing: [0.5, 0.7, 1.1], source: .stated(.mm)),
        ]
        for density in [1, 8, 40] {
            let bits = (0..<size.count).map { _ in UInt8(Int.random(in: 0..<64, using: &random) < density ? 1 : 0) }
            let mask = Mask(size: size, bits: AlignedBuffer(bits))
            for (geometry, unit) in zip(geometries, [LengthUnit.px, .mm]) {
                for radius in [0.4, 1, 1.5, 2, 5, 8.3, 20] {
                    let ball = try StructuringElement(.ball, radius: Length(radius, unit)).resolved(in: geometry)
                    let spacing = unit == .px ? SIMD3<Double>(1, 1, 1) : geometry.spacing
                    let expected = Self.dilated(mask, radius, spacing)
                    #expect(mask.dilated(by: ball, pool: .serial) == expected, "\(size), \(radius) \(unit)")
                    #expect(mask.dilated(by: ball, pool: ThreadPool(threads: 2)) == expected)
                    let eroded = Self.dilated(mask.complement, radius, spacing).complement
                    #expect(mask.eroded(by: ball, pool: .serial) == eroded, "\(size), \(radius) \(unit)")
                }
            }
        }
    }

    /// Every pixel with a set one within the radius.
    private static func dilated(_ mask: Mask, _ radius: Double, _ spacing: SIMD3<Double>) -> Mask {
        let size = mask.size, limit = radius * radius * (1 + 1e-9)
        var out = [UInt8](repeating: 0, count: size.count)
        let reach = (0..<3).map { min(size[$0] - 1, Int(radius / spacing[$0] * (1 + 1e-9))) }
        for (index, bit) in mask.bits.array.enumerated() where bit != 0 {
            let x = index % size.x, y = index / size.x % size.y, z = index / size.x / size.y
            for dz in -reach[2]...reach[2] where z + dz >= 0 && z + dz < size.z {
                for dy in -reach[1]...reach[1] where y + dy >= 0 && y + dy < size.y {
                    for dx in -reach[0]...reach[0] where x + dx >= 0 && x + dx < size.x {
                        let step = SIMD3(Double(dx), Double(dy), Double(dz)) * spacing
                        if (step * step).sum() <= limit { out[((z + dz) * size.y + y + dy) * size.x + x + dx] = 1 }
                    }
                }
            }
        }
        return Mask(size: size, bits: AlignedBuffer(out))
    }
}
