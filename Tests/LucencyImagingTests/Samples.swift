import LucencyFoundation
import LucencyImaging
import Testing

/// Small images and grids that tests start from.
enum Samples {
    /// A gray image from rows of values, of assumed spacing.
    static func image(_ rows: [[Float]]) throws -> Image {
        try Image(
            geometry: Geometry(size: GridSize(rows[0].count, rows.count)), pixels: AlignedBuffer(rows.flatMap { $0 }))
    }

    static func image(
        _ values: [Float], _ size: GridSize, _ model: ColorModel = .gray, stored: SampleType? = nil
    ) throws -> Image {
        try Image(
            geometry: Geometry(size: size), colorModel: model, pixels: AlignedBuffer(values),
            origin: stored.map { Origin(stored: $0) })
    }

    static func labels(_ rows: [[Int32]]) throws -> LabelMap {
        try LabelMap(
            geometry: Geometry(size: GridSize(rows[0].count, rows.count)), labels: AlignedBuffer(rows.flatMap { $0 }))
    }

    /// A grid turned about z by 30 degrees with its y axis flipped and unequal spacings: oblique, flipped, anisotropic.
    static func oblique(_ size: GridSize, spacing: SIMD3<Double> = [0.5, 0.8, 3]) throws -> Geometry {
        let c = 0.75.squareRoot(), s = 0.5
        return try Geometry(
            size: size,
            indexToWorld: Affine3(
                x: SIMD3(c, s, 0) * spacing.x, y: SIMD3(s, -c, 0) * spacing.y, z: [0, 0, spacing.z],
                offset: [-20, 35, 7]),
            spacingSource: .stated(.mm))
    }

    /// Values without a pattern that depend on nothing but their number.
    static func noise(_ count: Int) -> [Float] {
        (0..<count).map { (index: Int) -> Float in
            let mixed = index * 7919 + (index / 7) * 104_729
            return Float(mixed % 1009) / 4
        }
    }
}

/// The greatest difference of two vectors.
func distance(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double {
    let d = a - b
    return max(abs(d.x), abs(d.y), abs(d.z))
}

/// The diagnostic that a call throws.
func refusal<R>(_ body: () throws -> R) -> Diagnostic? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? Diagnostic
    }
}

func expectClose(
    _ actual: [Float], _ expected: [Double], _ tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(actual.count) values instead of \(expected.count)", sourceLocation: sourceLocation)
        return
    }
    var worst = 0.0, at = 0
    for (index, (a, b)) in zip(actual, expected).enumerated() where !(abs(Double(a) - b) <= worst) {
        worst = abs(Double(a) - b)
        at = index
    }
    #expect(worst <= tolerance, "value \(at): \(actual.isEmpty ? 0 : actual[at])", sourceLocation: sourceLocation)
}
