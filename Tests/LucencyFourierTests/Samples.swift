import LucencyFoundation
import LucencyImaging
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Small images that tests start from.
enum Samples {
    /// A gray image with a spacing in mm along x, y, z; nil leaves it assumed.
    static func image(_ size: GridSize, spacing: SIMD3<Double>? = nil, _ value: (Int, Int, Int) -> Double) throws
        -> Image
    {
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        var values: [Float] = []
        for z in 0..<size.z { for y in 0..<size.y { for x in 0..<size.x { values.append(Float(value(x, y, z))) } } }
        return try Image(geometry: geometry, pixels: AlignedBuffer(values))
    }

    /// Values in 0..<253 without a pattern.
    static func noise(_ size: GridSize, spacing: SIMD3<Double>? = nil) throws -> Image {
        try image(size, spacing: spacing) { x, y, z in
            let index = (z * size.y + y) * size.x + x
            let mixed = index * 7919 + (index / 7) * 104_729
            return Double(mixed % 1009) / 4
        }
    }

    /// A wave along an axis, of amplitude 1 around a mean.
    static func wave(_ size: GridSize, length: Double, along axis: Int, mean: Double = 0, spacing: SIMD3<Double>? = nil)
        throws -> Image
    {
        try image(size, spacing: spacing) { x, y, z in
            mean + cos(2 * .pi * Double(axis == 0 ? x : axis == 1 ? y : z) / length)
        }
    }
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
