import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Reads the segmentation fixtures and draws small maps.
enum MaskFixture {
    static func json(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyCalibrationTests", "segmetrics/\(name)"))
    }

    static func labels(_ tensor: JSONValue?, spacing: [Double]? = nil) throws -> LabelMap {
        let tensor = try #require(tensor)
        let shape = tensor.tensorShape.reversed() + [1]
        let size = GridSize(shape[0], shape[1], shape[2])
        let steps = spacing.map { Array($0.reversed()) + [1] }
        let geometry =
            try steps.map {
                try Geometry(size: size, spacing: [$0[0], $0[1], $0[2]], source: .stated(.mm))
            } ?? Geometry(size: size)
        return try LabelMap(geometry: geometry, labels: AlignedBuffer(tensor.tensorData.map { Int32($0) }))
    }

    static func drawn(_ rows: String..., spacing: SIMD3<Double>? = nil) throws -> LabelMap {
        let size = GridSize(rows[0].count, rows.count)
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try LabelMap(
            geometry: geometry, labels: AlignedBuffer(rows.joined().map { Int32($0.wholeNumberValue ?? 0) }))
    }

    /// Overlapping ellipsoids at places that depend on the seed.
    static func blobs(_ size: GridSize, seed: UInt64, spacing: SIMD3<Double>? = nil) throws -> LabelMap {
        var state = seed &* 2 &+ 1
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
        let sides = SIMD3(Double(size.x), Double(size.y), Double(size.z))
        let balls = (0..<4).map { _ in
            (
                center: SIMD3(random(), random(), size.isPlanar ? 0 : random()) * sides,
                radius: sides * (0.1 + 0.2 * random())
            )
        }
        let labels = (0..<size.count).map { index -> Int32 in
            let place = SIMD3(
                Double(index % size.x), Double(index / size.x % size.y), Double(index / (size.x * size.y)))
            return balls.contains { ball in
                let gap = (place - ball.center) / ball.radius
                return (gap * gap).sum() < 1
            } ? 1 : 0
        }
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try LabelMap(geometry: geometry, labels: AlignedBuffer(labels))
    }
}

/// Whether a score is a fixture's number.
func close(_ score: Score, _ expected: JSONValue?, _ tolerance: Double = 1e-6) -> Bool {
    guard let value = score.value, let expected = expected?.doubleValue else { return false }
    return abs(value - expected) <= tolerance
}

/// The code of the diagnostic that a closure throws.
func code(_ body: () throws -> some Any) -> DiagnosticCode? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? Diagnostic)?.code
    }
}
