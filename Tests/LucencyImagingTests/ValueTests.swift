import LucencyFoundation
import LucencyImaging
import Testing

@Suite("Values")
struct ValueTests {
    @Test("A crop keeps its place in the world, also on an oblique, flipped, anisotropic grid")
    func cropKeepsPlace() throws {
        let grid = try Samples.oblique(GridSize(10, 8, 6))
        let crop = try grid.cropped(to: Region(x: 3, y: 2, z: 1, size: GridSize(4, 5, 2)))
        let a = crop.indexToWorld([1, 2, 1]), b = grid.indexToWorld([4, 4, 2])
        #expect(((a - b) * (a - b)).sum() < 1e-20)
        #expect(abs(crop.spacing.y - 0.8) < 1e-12)
        #expect(crop.spacingSource == .stated(.mm))
    }

    @Test(
        "A region that reaches outside is refused",
        arguments: [
            Region(x: -1, y: 0, size: GridSize(2, 2)), Region(x: 9, y: 0, size: GridSize(2, 2)),
            Region(x: 0, y: 0, size: GridSize(0, 2)), Region(x: .max, y: 0, size: GridSize(2, 2)),
            Region(x: 0, y: 0, z: 1, size: GridSize(2, 2)),
        ])
    func regionOutside(region: Region) throws {
        let image = try Samples.image([Float](repeating: 0, count: 80), GridSize(10, 8))
        #expect(refusal { try image.cropped(to: region) }?.code == .regionOutside)
        #expect(refusal { try image.geometry.cropped(to: region) }?.code == .regionOutside)
    }

    @Test("A cropped image holds the region's pixels of every channel and slice")
    func cropPixels() throws {
        let size = GridSize(4, 3, 2)
        let image = try Samples.image((0..<48).map(Float.init), size, .channels(2))
        let crop = try image.cropped(to: Region(x: 1, y: 2, z: 0, size: GridSize(2, 1, 2)))
        #expect(crop.pixels.array == [9, 10, 21, 22, 33, 34, 45, 46])
    }

    @Test("Grids that differ say how")
    func mismatch() throws {
        let grid = try Samples.oblique(GridSize(10, 8, 6))
        #expect(grid.mismatch(with: grid) == nil)
        let other = try Samples.oblique(GridSize(10, 8, 6), spacing: [0.5, 0.9, 3])
        #expect(grid.mismatch(with: other) != nil)
        #expect(grid.mismatch(with: try Samples.oblique(GridSize(10, 8, 5)))?.contains("sizes differ") == true)
        #expect(grid.mismatch(with: try Geometry(size: GridSize(10, 8, 6))) == nil, "an assumed spacing says nothing")
        #expect(refusal { try grid.requireMatch(other, "image and labels") }?.code == .geometryMismatch)
    }

    @Test("Impossible grids are refused")
    func badGeometry() {
        #expect(refusal { try Geometry(size: GridSize(0, 5)) }?.code == .badGeometry)
        #expect(refusal { try Geometry(size: GridSize(.max, .max)) }?.code == .badGeometry)
        #expect(
            refusal { try Geometry(size: GridSize(5, 5), spacing: [1, 0, 1], source: .assumed) }?.code == .badGeometry)
        #expect(
            refusal { try Geometry(size: GridSize(5, 5), spacing: [1, .infinity, 1], source: .assumed) }?.code
                == .badGeometry)
        let flat = Affine3(x: [1, 0, 0], y: [2, 0, 0], z: [0, 0, 1], offset: .zero)
        #expect(
            refusal { try Geometry(size: GridSize(5, 5), indexToWorld: flat, spacingSource: .assumed) }?.code
                == .badGeometry)
    }

    @Test(
        "Lengths are read with their unit",
        arguments: [
            ("64 px", Length(64, .px)), ("0.2mm", Length(0.2, .mm)), ("4 nm", Length(4, .nm)),
            ("1.5 µm", Length(1.5, .um)),
            ("2 pixels", Length(2, .px)), ("-1 cm", Length(-1, .cm)), ("1E3 um", Length(1000, .um)),
        ])
    func lengths(text: String, length: Length) throws {
        #expect(try Length(parsing: text) == length)
    }

    @Test(
        "Texts that are no length say why",
        arguments: [
            ("", Length.ParsingFailure.noNumber), ("mm", .noNumber), ("12", .noUnit),
            ("3 miles", .unknownUnit("miles")),
            ("1..2 mm", .noNumber), ("1E999 mm", .noNumber),
        ])
    func badLengths(text: String, failure: Length.ParsingFailure) {
        #expect(throws: failure) { try Length(parsing: text) }
    }

    @Test("Millimetres on an assumed spacing are refused with a remedy; pixels are not")
    func assumedSpacing() throws {
        let assumed = try Geometry(size: GridSize(5, 5))
        #expect(refusal { try Length(1, .mm).pixels(along: 0, of: assumed) }?.code == .assumedSpacing)
        #expect(refusal { try Length(1, .mm).pixels(along: 0, of: assumed) }?.remedy != nil)
        #expect(try Length(3, .px).pixels(along: 1, of: assumed) == 3)
        let stated = try Geometry(size: GridSize(5, 5), spacing: [0.5, 0.25, 1], source: .stated(.mm))
        #expect(try Length(500, .um).pixels(along: 1, of: stated) == 2)
    }

    @Test("NaN and infinity are refused with their place", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) throws {
        var values = [Float](repeating: 1, count: 2 * 5 * 4 * 3)
        values[60 + 20 + 2 * 5 + 3] = value
        let found = refusal { try Samples.image(values, GridSize(5, 4, 3), .channels(2)) }
        #expect(found?.code == .notFinite)
        #expect(found?.message.contains("(3, 2, 1) of channel 1") == true)
    }

    @Test("Buffers of the wrong length are refused")
    func wrongLength() {
        #expect(refusal { try Samples.image([1, 2, 3], GridSize(2, 2)) }?.code == .sizeMismatch)
        #expect(refusal { try Samples.image([1, 2, 3, 4], GridSize(2, 2), .rgb) }?.code == .sizeMismatch)
        #expect(refusal { try Samples.image([], GridSize(2, 2), .channels(0)) }?.code == .sizeMismatch)
        #expect(
            refusal { try LabelMap(geometry: Geometry(size: GridSize(2, 2)), labels: AlignedBuffer([1])) }?.code
                == .sizeMismatch)
    }

    @Test("Values that are no probabilities are refused with their place")
    func probabilities() throws {
        func map(_ values: [Float], _ kind: ProbabilityMap.Kind = .simplex) throws -> ProbabilityMap {
            try ProbabilityMap(
                geometry: Geometry(size: GridSize(2, 1)), classes: ["a", "b"], kind: kind, values: AlignedBuffer(values)
            )
        }
        #expect(throws: Never.self) { try map([0.25, 1, 0.75, 0]) }
        #expect(refusal { try map([0.25, 1, 0.75, 0.5]) }?.message.contains("(1, 0, 0)") == true)
        #expect(throws: Never.self) { try map([0.25, 1, 0.75, 0.5], .independent) }
        #expect(refusal { try map([0.25, 1.5, 0.75, 0], .independent) }?.message.contains("1.5") == true)
        #expect(refusal { try map([.nan, 1, 0.75, 0], .independent) } != nil)
        #expect(refusal { try map([1, 1, 0]) }?.code == .sizeMismatch)
    }
}
