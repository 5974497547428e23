import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct ComponentsTests {
    @Test func numbersAreThoseOfScikitImageAndSciPy() throws {
        let cases = try Fixture.json("components.json").arrayValue ?? []
        #expect(cases.count == 5)
        for entry in cases {
            let labels = try Fixture.labels(entry["labels"])
            func expected(_ name: String) -> [Int32] { (entry[name]?.tensorData ?? []).map { Int32($0) } }
            #expect(try Components(connectivity: .face)(labels).labels.array == expected("face"))
            #expect(try Components(connectivity: .full)(labels).labels.array == expected("full"))
            #expect(
                try Components(connectivity: .face, perClass: false)(labels).labels.array == expected("foregroundFace"))
            #expect(
                try Components(connectivity: .full, perClass: false)(labels).labels.array == expected("foregroundFull"))
        }
    }

    @Test func smallObjectsAreLeftOutBeforeNumbering() throws {
        let labels = try Fixture.drawn("1.22.3", "..22.3", "1...33", spacing: [0.5, 0.5, 1])
        #expect(try Components(minimumSize: .pixels(4))(labels).drawing == ["..11.2", "..11.2", "....22"])
        #expect(try Components(minimumSize: .area(1, .mm))(labels).drawing == ["..11.2", "..11.2", "....22"])
        #expect(try Components()(labels).drawing == ["1.22.3", "..22.3", "4...33"])
    }

    @Test func objectsCarryTheNameOfTheirClass() throws {
        let drawn = try Fixture.drawn("7.7.4")
        let labels = try LabelMap(
            geometry: drawn.geometry, labels: drawn.labels, table: [7: LabelClass(name: "cell", color: [1, 2, 3])])
        let objects = try Components()(labels)
        #expect(objects.drawing == ["1.2.3"])
        #expect(objects.table == [1: LabelClass(name: "cell"), 2: LabelClass(name: "cell")])
    }

    @Test func negativeLabelsAreObjects() throws {
        let map = try LabelMap(geometry: Geometry(size: GridSize(3, 1)), labels: AlignedBuffer([-2, 0, .min]))
        #expect(try Components()(map).labels.array == [1, 0, 2])
    }

    @Test func sizesAreReadWithTheirUnitsAndChecked() throws {
        #expect(try ObjectSize(parsing: "50 px") == .pixels(50))
        #expect(try ObjectSize(parsing: "0.5 mm²") == .area(0.5, .mm))
        #expect(try ObjectSize(parsing: "0.5mm2") == .area(0.5, .mm))
        #expect(try ObjectSize(parsing: "20 mm^3") == .volume(20, .mm))
        #expect(ObjectSize.volume(20, .um).description == "20 um³")
        #expect(throws: Length.ParsingFailure.self) { try ObjectSize(parsing: "5 mm") }
        #expect(throws: Length.ParsingFailure.self) { try ObjectSize(parsing: "5 px2") }
        #expect(throws: Length.ParsingFailure.self) { try ObjectSize(parsing: "5") }
        let plane = try Geometry(size: GridSize(4, 4), spacing: [0.5, 0.25, 1], source: .stated(.mm))
        #expect(try ObjectSize.area(1, .mm).pixels(of: plane) == 8)
        #expect(code { try ObjectSize.volume(1, .mm).pixels(of: plane) } == .badArgument)
        #expect(code { try ObjectSize.pixels(-1).pixels(of: plane) } == .badArgument)
        #expect(code { try ObjectSize.pixels(.nan).pixels(of: plane) } == .badArgument)
        #expect(code { try ObjectSize.area(1, .mm).pixels(of: Geometry(size: GridSize(4, 4))) } == .assumedSpacing)
        let volume = try Geometry(size: GridSize(4, 4, 4), spacing: [0.5, 0.25, 2], source: .stated(.mm))
        #expect(try ObjectSize.volume(1, .mm).pixels(of: volume) == 4)
        #expect(code { try ObjectSize.area(1, .mm).pixels(of: volume) } == .badArgument)
    }
}
