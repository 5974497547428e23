import LucencyFoundation
import LucencyImaging
import Testing

@Suite("Overlays")
struct OverlayTests {
    private func color(_ image: Image, _ x: Int, _ y: Int, _ z: Int = 0) -> [Float] {
        (0..<3).map { image.pixels[(($0 * image.size.z + z) * image.size.y + y) * image.size.x + x] }
    }

    @Test("Background shows the image in its window, as whole values 0...255")
    func background() throws {
        let image = try Samples.image([[0, 50, 100, 200]])
        let labels = try Samples.labels([[0, 0, 0, 0]])
        let out = try Overlay(window: .fixed(low: 0, high: 100))(image, labels)
        #expect(out.colorModel == .rgb)
        #expect(out.pixels.array == [0, 128, 255, 255, 0, 128, 255, 255, 0, 128, 255, 255])
        #expect(out.origin?.stored == .uint8)
        let ignored = try Samples.labels([[LabelMap.ignoreLabel, -1, 0, 0]])
        #expect(try Overlay(window: .fixed(low: 0, high: 100))(image, ignored) == out, "nor are ignored pixels drawn")
        let flat = try Overlay()(Samples.image([[7, 7, 7, 7]]), labels)
        #expect(color(flat, 0, 0) == [128, 128, 128], "a constant image is gray")
    }

    @Test("Labels are filled in part and outlined fully, inside themselves")
    func fill() throws {
        let image = try Samples.image([[Float]](repeating: [Float](repeating: 0, count: 7), count: 7))
        var rows = [[Int32]](repeating: [Int32](repeating: 0, count: 7), count: 7)
        for y in 1..<6 { for x in 1..<6 { rows[y][x] = 1 } }
        let overlay = Overlay(window: .fixed(low: 0, high: 1), opacity: 0.5)
        let out = try overlay(image, Samples.labels(rows))
        #expect(color(out, 0, 0) == [0, 0, 0])
        #expect(color(out, 1, 3) == [230, 159, 0], "Okabe and Ito's orange")
        #expect(color(out, 3, 3) == [115, 80, 0])
        let thick = try Overlay(window: .fixed(low: 0, high: 1), opacity: 0, outline: 2)(image, Samples.labels(rows))
        #expect(color(thick, 2, 3) == [230, 159, 0])
        #expect(color(thick, 3, 3) == [0, 0, 0])
        #expect(
            color(
                try Overlay(window: .fixed(low: 0, high: 1), opacity: 0, outline: 0)(image, Samples.labels(rows)), 1, 1)
                == [0, 0, 0])
    }

    @Test("The table's colours come first; other labels take turns, negative ones too")
    func colors() throws {
        let table: [Int32: LabelClass] = [2: LabelClass(name: "cell", color: [1, 2, 3])]
        #expect(Palette.color(of: 2, in: table) == [1, 2, 3])
        #expect(Palette.color(of: 1, in: table) == Palette.okabeIto[0])
        #expect(Palette.color(of: 8, in: table) == Palette.okabeIto[0])
        #expect(Palette.color(of: 7, in: table) == Palette.okabeIto[6])
        #expect(Palette.color(of: -1, in: table) == Palette.okabeIto[5])
        #expect(Palette.okabeIto.contains(Palette.color(of: .min, in: table)))
        #expect(Palette.okabeIto.contains(Palette.color(of: .max, in: table)))
    }

    @Test("A reference is drawn on top, so that false positives and negatives show")
    func reference() throws {
        let image = try Samples.image([[0, 0, 0, 0, 0, 0]])
        let out = try Overlay(window: .fixed(low: 0, high: 1), opacity: 1, outline: 0)(
            image, Samples.labels([[1, 1, 1, 0, 0, 0]]), reference: Samples.labels([[0, 0, 1, 1, 1, 0]]))
        #expect(color(out, 0, 0) == [230, 159, 0], "false positive: fill alone")
        #expect(color(out, 2, 0) == [255, 0, 255])
        #expect(color(out, 3, 0) == [0, 0, 0], "inside the reference, missed")
        #expect(color(out, 4, 0) == [255, 0, 255])
    }

    @Test("Volumes are outlined slice by slice; colours of the image are kept")
    func volume() throws {
        let size = GridSize(3, 3, 2)
        let image = try Samples.image(
            [Float](repeating: 0, count: 18) + [Float](repeating: 1, count: 18) + [Float](repeating: 2, count: 18),
            size, .rgb)
        var labels = [Int32](repeating: 1, count: 18)
        labels[9] = 0
        let map = try LabelMap(geometry: image.geometry, labels: AlignedBuffer(labels))
        let overlay = Overlay(window: .fixed(low: 0, high: 2), opacity: 0)
        let out = try overlay(image, map)
        #expect(color(out, 1, 1, 0) == [0, 128, 255], "no outline in a slice that is all one label")
        #expect(color(out, 1, 0, 1) == [230, 159, 0])
        #expect(color(out, 1, 1, 1) == [0, 128, 255])
        #expect(try overlay(image, map, pool: ThreadPool(threads: 3)) == out)
    }

    @Test("Other grids and settings out of range are refused")
    func refusals() throws {
        let image = try Samples.image([[0, 1]])
        let labels = try Samples.labels([[0, 1]])
        let other = try Samples.labels([[0, 1, 1]])
        #expect(refusal { try Overlay()(image, other) }?.code == .geometryMismatch)
        #expect(refusal { try Overlay()(image, labels, reference: other) }?.code == .geometryMismatch)
        for wrong in [
            Overlay(opacity: 1.5), Overlay(opacity: .nan), Overlay(outline: -1), Overlay(outline: 33),
            Overlay(referenceOutline: 0), Overlay(window: .fixed(low: 1, high: 1)),
            Overlay(window: .percentile(lower: 9, upper: 8)),
        ] { #expect(refusal { try wrong(image, labels) }?.code == .badArgument) }
    }
}
