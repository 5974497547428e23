import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct ObjectBordersTests {
    @Test func `touching objects have a border between them, and none at the image's edge`() throws {
        let objects = try Fixture.drawn("1112222", "1112222", "1112222", ".......")
        let classes = try ObjectBorders()(objects)
        #expect(classes.drawing == ["1122111", "1122111", "2222222", "......."])
        #expect(classes.table[1]?.name == "inside" && classes.table[2]?.name == "border")
    }

    @Test func `a wider border leaves less inside, and what is ignored stays so`() throws {
        let objects = try Fixture.drawn("........", ".333333.", ".333333.", ".333333.", ".333333.", "........")
        #expect(try ObjectBorders(width: .pixels(2))(objects).labels.array.count { $0 == 1 } == 0)
        #expect(try ObjectBorders(width: .pixels(1))(objects).labels.array.count { $0 == 1 } == 8)
        let ignored = try LabelMap(geometry: Geometry(size: GridSize(2, 1)), labels: AlignedBuffer([-1, 0]))
        #expect(try ObjectBorders()(ignored).labels.array == [-1, 0])
        #expect(throws: (any Error).self) { try ObjectBorders(width: .pixels(-1))(objects) }
    }
}
