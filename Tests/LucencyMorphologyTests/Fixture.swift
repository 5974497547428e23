import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

/// Reads the arrays of this target's fixtures.
enum Fixture {
    static func json(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyMorphologyTests", name))
    }

    static func size(_ shape: [Int]) -> GridSize {
        shape.count == 2 ? GridSize(shape[1], shape[0]) : GridSize(shape[2], shape[1], shape[0])
    }

    /// z, y, x as written, or y, x.
    static func spacing(_ values: [Double]) -> SIMD3<Double> {
        values.count == 2 ? [values[1], values[0], 1] : [values[2], values[1], values[0]]
    }

    static func geometry(_ tensor: JSONValue, spacing: [Double]? = nil) throws -> Geometry {
        guard let spacing else { return try Geometry(size: size(tensor.tensorShape)) }
        return try Geometry(size: size(tensor.tensorShape), spacing: Self.spacing(spacing), source: .stated(.mm))
    }

    static func labels(_ tensor: JSONValue?, spacing: [Double]? = nil) throws -> LabelMap {
        let tensor = try #require(tensor)
        return try LabelMap(
            geometry: geometry(tensor, spacing: spacing), labels: AlignedBuffer(tensor.tensorData.map { Int32($0) }))
    }

    static func image(_ tensor: JSONValue?, spacing: [Double]? = nil) throws -> Image {
        let tensor = try #require(tensor)
        return try Image(
            geometry: geometry(tensor, spacing: spacing), pixels: AlignedBuffer(tensor.tensorData.map { Float($0) }))
    }

    /// A planar label map drawn with digits and dots, a string per row.
    static func drawn(_ rows: String..., spacing: SIMD3<Double>? = nil) throws -> LabelMap {
        let size = GridSize(rows[0].count, rows.count)
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try LabelMap(
            geometry: geometry, labels: AlignedBuffer(rows.joined().map { Int32($0.wholeNumberValue ?? 0) }))
    }
}

extension LabelMap {
    /// The map as `Fixture.drawn` takes it.
    var drawing: [String] {
        (0..<size.y).map { y in
            (0..<size.x).map { x in labels[y * size.x + x] == 0 ? "." : "\(labels[y * size.x + x])" }.joined()
        }
    }
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
