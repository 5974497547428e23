import LucencyFoundation
import LucencyImaging
import Testing

@Suite("Restoring")
struct RestoreTests {
    @Test("Matching grids give the same values back, untouched")
    func identity() throws {
        let grid = try Samples.oblique(GridSize(5, 4, 3))
        let image = try Image(geometry: grid, pixels: AlignedBuffer(Samples.noise(60)))
        #expect(try Restore()(image, onto: grid) == image)
        // A map that says nothing about its place takes the target's when the sizes agree.
        let labels = try LabelMap(geometry: Geometry(size: grid.size), labels: AlignedBuffer((0..<60).map(Int32.init)))
        let restored = try Restore()(labels, onto: grid)
        #expect(restored.geometry == grid && restored.labels == labels.labels)
    }

    @Test("Crops go back to their exact pixels with background around, or with their edge repeated")
    func pad() throws {
        let grid = try Samples.oblique(GridSize(6, 5, 3))
        let whole = try Image(geometry: grid, pixels: AlignedBuffer(Samples.noise(90).map { $0 + 1 }))
        let crop = try whole.cropped(to: Region(x: 1, y: 2, z: 1, size: GridSize(3, 2, 1)))
        for interpolation in Interpolation.allCases {
            let back = try Restore(background: -5, interpolation: interpolation)(crop, onto: grid)
            #expect(back.geometry == grid)
            for z in 0..<3 {
                for y in 0..<5 {
                    for x in 0..<6 {
                        let i = (z * 5 + y) * 6 + x
                        let inside = (1..<4).contains(x) && (2..<4).contains(y) && z == 1
                        #expect(back.pixels[i] == (inside ? whole.pixels[i] : -5))
                    }
                }
            }
        }
        let edge = try Restore(outside: .edge, interpolation: .nearest)(crop, onto: grid)
        #expect(edge.pixels[0] == crop.pixels[0])
        #expect(edge.pixels[89] == crop.pixels[5])
    }

    @Test("A larger grid is cropped exactly")
    func crop() throws {
        let grid = try Samples.oblique(GridSize(6, 5, 3))
        let region = Region(x: 2, y: 1, z: 1, size: GridSize(3, 3, 2))
        let whole = try LabelMap(geometry: grid, labels: AlignedBuffer((0..<90).map(Int32.init)))
        let expected = try whole.cropped(to: region)
        for labels in LabelInterpolation.allCases {
            #expect(try Restore(labels: labels)(whole, onto: expected.geometry) == expected)
        }
    }

    @Test("Labels made at a coarser spacing return to the source's grid and place")
    func resampled() throws {
        let grid = try Samples.oblique(GridSize(12, 12))
        let labels = (0..<144).map { Int32($0 % 12 < 6 ? 1 : 2) }
        let map = try LabelMap(geometry: grid, labels: AlignedBuffer(labels))
        let small = try Resample(factor: [0.5])(map)
        #expect(try Restore()(small, onto: grid).labels.array == labels)
        // The same on a grid whose spacing is assumed.
        let plain = try LabelMap(geometry: Geometry(size: grid.size), labels: map.labels)
        #expect(try Restore()(Resample(factor: [0.5])(plain), onto: plain.geometry).labels.array == labels)
    }

    @Test("Outside a probability map stands its background class")
    func probabilities() throws {
        let grid = try Geometry(size: GridSize(4, 1), spacing: [1, 1, 1], source: .stated(.mm))
        let part = try grid.cropped(to: Region(x: 1, y: 0, size: GridSize(2, 1)))
        let map = try ProbabilityMap(
            geometry: part, classes: ["a", "b"], values: AlignedBuffer([0.25, 0.5, 0.75, 0.5]))
        #expect(try Restore()(map, onto: grid).values.array == [1, 0.25, 0.5, 1, 0, 0.75, 0.5, 0])
        #expect(try Restore(backgroundClass: 1)(map, onto: grid).values.array == [0, 0.25, 0.5, 0, 1, 0.75, 0.5, 1])
        let free = try ProbabilityMap(geometry: part, classes: ["a", "b"], kind: .independent, values: map.values)
        #expect(try Restore()(free, onto: grid).values.array == [0, 0.25, 0.5, 0, 0, 0.75, 0.5, 0])
        #expect(refusal { try Restore(backgroundClass: 2)(map, onto: grid) }?.code == .badArgument)
    }

    @Test("Grids that are turned, flipped, apart or unrelated are refused")
    func refusals() throws {
        let grid = try Geometry(size: GridSize(6, 6), spacing: [1, 1, 1], source: .stated(.mm))
        let image = try Image(geometry: grid, pixels: AlignedBuffer(Samples.noise(36)))
        #expect(refusal { try Restore()(image, onto: Samples.oblique(GridSize(6, 6))) }?.code == .geometryMismatch)
        let flipped = try Geometry(
            size: GridSize(5, 6),
            indexToWorld: Affine3(x: [-1, 0, 0], y: [0, 1, 0], z: [0, 0, 1], offset: [5, 0, 0]),
            spacingSource: .stated(.mm))
        #expect(refusal { try Restore()(image, onto: flipped) }?.code == .geometryMismatch)
        let away = try Geometry(
            size: GridSize(6, 6), indexToWorld: Affine3(scale: [1, 1, 1], offset: [100, 0, 0]),
            spacingSource: .stated(.mm))
        #expect(refusal { try Restore()(image, onto: away) }?.message.contains("overlap") == true)
        #expect(refusal { try Restore()(image, onto: Geometry(size: GridSize(7, 6))) }?.code == .assumedSpacing)
    }
}
