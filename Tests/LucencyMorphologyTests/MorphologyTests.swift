import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct MorphologyTests {
    private typealias Case = (labels: LabelMap, element: StructuringElement, entry: JSONValue)

    private func cases() throws -> [Case] {
        try (Fixture.json("morphology.json")["elements"]?.arrayValue ?? []).flatMap { group in
            try (group["results"]?.arrayValue ?? []).map { entry in
                let spacing = entry["spacing"]?.arrayValue?.compactMap(\.doubleValue)
                let shape = try #require(StructuringElement.Shape(rawValue: entry["shape"]?.stringValue ?? ""))
                let radius = try #require(entry["radius"]?.doubleValue)
                let element = StructuringElement(shape, radius: Length(radius, spacing == nil ? .px : .mm))
                return (try Fixture.labels(group["mask"], spacing: spacing), element, entry)
            }
        }
    }

    @Test func operationsMatchScikitImageForEveryElement() throws {
        let cases = try cases()
        #expect(cases.count == 16)
        for (labels, element, entry) in cases {
            let operations: [(String, Morphology.Operation)] = [
                ("erode", .erode(element)), ("dilate", .dilate(element)), ("open", .open(element)),
                ("close", .close(element)),
            ]
            for (name, operation) in operations {
                let result = try Morphology(operation)(labels)
                let expected = (entry[name]?.tensorData ?? []).map { Int32($0) }
                #expect(result.labels.array == expected, "\(name) by a \(element.shape) of \(element.radius)")
                #expect(try result == Morphology(operation)(labels, pool: ThreadPool(threads: 3)))
            }
        }
    }

    @Test func erosionIsTheDualOfDilationAndOpeningAndClosingAreIdempotent() throws {
        for (labels, element, _) in try cases() {
            let flipped = try LabelMap(
                geometry: labels.geometry, labels: AlignedBuffer(labels.labels.array.map { 1 - $0 }))
            let eroded = try Morphology(.erode(element))(labels), grown = try Morphology(.dilate(element))(flipped)
            #expect(zip(eroded.labels.array, grown.labels.array).allSatisfy { $0 + $1 == 1 })
            for operation in [Morphology.Operation.open(element), .close(element)] {
                let once = try Morphology(operation)(labels)
                #expect(try Morphology(operation)(once) == once)
            }
        }
    }

    @Test func objectsAndHolesMatchSciPy() throws {
        let cases = try Fixture.json("morphology.json")["objects"]?.arrayValue ?? []
        #expect(cases.count == 3)
        for entry in cases {
            let labels = try Fixture.labels(entry["mask"])
            func check(_ name: String, _ operation: Morphology.Operation, _ connectivity: Connectivity = .full) throws {
                let expected = (entry[name]?.tensorData ?? []).map { Int32($0) }
                let result = try Morphology(operation, connectivity: connectivity)(labels)
                #expect(result.labels.array == expected, "\(name)")
            }
            let minimum = ObjectSize.pixels(entry["minimum"]?.doubleValue ?? 0)
            try check("fillHoles", .fillHoles)
            try check("fillHolesFace", .fillHoles, .face)
            try check("removeSmallObjects", .removeSmallObjects(minimum: minimum))
            try check("removeSmallHoles", .removeSmallHoles(minimum: .pixels(entry["minimumHole"]?.doubleValue ?? 0)))
            try check("largest", .largestComponent)
        }
    }

    @Test func labelsKeepApart() throws {
        let labels = try Fixture.drawn("1....2", "......", "......")
        let box = StructuringElement(.box, radius: .pixels(3))
        // Both reach columns 2 and 3; the lower label takes them.
        #expect(try Morphology(.dilate(box))(labels).drawing == ["111122", "111122", "111122"])
        let pair = try Fixture.drawn("111222", "111222", "111222")
        let cross = StructuringElement(.cross, radius: .pixels(1))
        #expect(try Morphology(.erode(cross))(pair).drawing == ["11..22", "11..22", "11..22"])
        #expect(try Morphology(.dilate(cross))(pair) == pair)
        #expect(try Morphology(.open(cross))(pair) == pair)
        #expect(try Morphology(.close(cross))(Fixture.drawn("1.1.2.2")).drawing == ["111.222"])
    }

    @Test func aHoleTakesTheLabelAroundIt() throws {
        let labels = try Fixture.drawn("1111111", "1.22221", "112..21", "1122221", "1111111")
        #expect(
            try Morphology(.fillHoles)(labels).drawing == ["1111111", "1122221", "1122221", "1122221", "1111111"])
        #expect(
            try Morphology(.removeSmallHoles(minimum: .pixels(2)))(labels).drawing
                == ["1111111", "1122221", "112..21", "1122221", "1111111"])
        // Two faces of each: the lower label.
        #expect(try Morphology(.fillHoles)(Fixture.drawn("11222", "11.22", "11222")).drawing[1] == "11222")
        #expect(try Morphology(.fillHoles)(Fixture.drawn(".221.", "22.11", ".221.")).drawing[1] == "22211")
    }

    @Test func diagonalWallsEncloseOnlyUnderFullConnectivity() throws {
        let ring = try Fixture.drawn(".....", "..1..", ".1.1.", "..1..", ".....")
        #expect(try Morphology(.fillHoles)(ring).drawing[2] == ".111.")
        #expect(try Morphology(.fillHoles, connectivity: .face)(ring) == ring)
    }

    @Test func theLargestOfEqualsIsTheFirst() throws {
        let labels = try Fixture.drawn("11.22.1", ".....11", "2..11..")
        #expect(try Morphology(.largestComponent)(labels).drawing == ["...22.1", ".....11", "...11.."])
        #expect(try Morphology(.largestComponent)(Fixture.drawn("1.1")).drawing == ["1.."])
    }

    @Test func tableOriginAndGeometryAreKept() throws {
        let drawn = try Fixture.drawn("1..", spacing: [0.5, 0.5, 1])
        let labels = try LabelMap(
            geometry: drawn.geometry, labels: drawn.labels, table: [1: LabelClass(name: "nerve")],
            origin: Origin(fileName: "a.png", stored: .uint8))
        let result = try Morphology(.dilate(StructuringElement(radius: .millimetres(0.5))))(labels)
        #expect(result.drawing == ["11."])
        #expect(result.table == labels.table && result.origin == labels.origin && result.geometry == labels.geometry)
    }

    @Test func impossibleRadiiAreRefusedAndHugeOnesAreNot() throws {
        let labels = try Fixture.drawn("..1..", ".....")
        for radius in [Length.pixels(-1), .pixels(.nan), .pixels(.infinity)] {
            #expect(code { try Morphology(.dilate(StructuringElement(radius: radius)))(labels) } == .badArgument)
        }
        #expect(
            code { try Morphology(.erode(StructuringElement(radius: .millimetres(1))))(labels) } == .assumedSpacing)
        #expect(
            code { try Morphology(.removeSmallObjects(minimum: .area(1, .mm)))(labels) } == .assumedSpacing)
        for shape in StructuringElement.Shape.allCases {
            let huge = StructuringElement(shape, radius: .pixels(1e300))
            let grown = try Morphology(.dilate(huge))(labels)
            #expect(grown.drawing == (shape == .cross ? ["11111", "..1.."] : ["11111", "11111"]))
            #expect(try Morphology(.erode(huge))(labels).drawing == [".....", "....."])
            #expect(try Morphology(.dilate(StructuringElement(shape, radius: .pixels(0))))(labels) == labels)
        }
    }

    @Test func emptyAndFullMapsAreLeftAlone() throws {
        for labels in [try Fixture.drawn("...", "..."), try Fixture.drawn("111", "111")] {
            let element = StructuringElement()
            let operations: [Morphology.Operation] = [
                .erode(element), .dilate(element), .open(element), .close(element), .fillHoles, .largestComponent,
                .removeSmallObjects(minimum: .pixels(3)), .removeSmallHoles(minimum: .pixels(3)),
            ]
            for operation in operations { #expect(try Morphology(operation)(labels) == labels) }
        }
    }
}
