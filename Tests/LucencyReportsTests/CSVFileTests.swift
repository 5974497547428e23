import LucencyFoundation
import LucencyReports
import Testing

@Suite struct CSVFileTests {
    private func texts(_ text: String) throws -> [[String]] {
        let file = try CSVFile(parsing: text, name: "t.csv")
        return [file.header] + file.records.map { $0.fields.map(\.text) }
    }

    @Test func `quotes, line ends of all systems, a byte order mark and empty lines are understood`() throws {
        #expect(try texts("a,b\n1,2\n") == [["a", "b"], ["1", "2"]])
        #expect(try texts("\u{FEFF}a,b\r\n1,2\r\n\r\n3,4") == [["a", "b"], ["1", "2"], ["3", "4"]])
        #expect(try texts("a,b\r1,2\r\r3,4\r") == [["a", "b"], ["1", "2"], ["3", "4"]])
        #expect(
            try texts("a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n,\n") == [
                ["a", "b"], ["x, \"y\"", "two\nlines"], ["", ""],
            ])
        #expect(try texts("a\n\"\"\nä\n") == [["a"], [""], ["ä"]])
        #expect(try texts("\n\na") == [["a"]])
    }

    @Test func `records know their lines`() throws {
        let file = try CSVFile(parsing: "a,b\n\"x\ny\",2\n\n3,4\r\n5,6\n", name: "t.csv")
        #expect(file.records.map(\.line) == [2, 5, 6])
    }

    @Test(arguments: [
        ("", 0, "the table is empty"),
        ("\n\n", 0, "the table is empty"),
        ("a,b\n1\n", 2, "the line has 1 fields, the header 2"),
        ("a\n1,2\n", 2, "the line has 2 fields, the header 1"),
        ("a\n1\n\"2\n3", 3, "is never closed"),
        ("a\n\"2\"3\n", 2, "follows a closing quote"),
        ("a,a\n", 1, "two columns are called 'a'"),
        ("a;b\n1;2\n", 1, "separated by semicolons"),
        ("a\tb\n1\t2\n", 1, "separated by tabs"),
    ])
    func `what is no table is refused with its line`(text: String, line: Int, message: String) throws {
        let error = #expect(throws: Diagnostic.self) { try CSVFile(parsing: text, name: "t.csv") }
        #expect(error?.message.contains(message) == true && error?.place?.line == line, "\(String(describing: error))")
        #expect(error?.place?.file == "t.csv")
    }

    @Test func `too many columns are refused`() throws {
        let header = (0...CSVFile.maximumColumns).map { "c\($0)" }.joined(separator: ",")
        #expect(throws: Diagnostic.self) { try CSVFile(parsing: header, name: "t.csv") }
    }

    @Test func `a table reads back as it was written`() throws {
        let table = try Table(
            columns: [.init("image"), .init("count"), .init("area", unit: "mm²"), .init("note")],
            rows: [
                ["000001", 12, 0.1, "b, \"c\""], ["000002", nil, .number(.infinity), ""], ["000017", -3, nil, nil],
                ["000018", 0, -1e-300, "two\nlines"],
            ])
        #expect(try Table(CSVFile(parsing: table.csv, name: "t.csv")) == table)
    }

    @Test func `a column is of numbers only if all of it is, and if nothing would be lost`() throws {
        func column(_ fields: String...) throws -> [Table.Cell] {
            let text = "x,v\n" + fields.map { "a,\($0)\n" }.joined()
            return try Table(CSVFile(parsing: text, name: "t.csv")).rows.map { $0[1] }
        }
        #expect(try column("1", "2.5", "") == [1, 2.5, nil])
        #expect(try column("1", "b") == ["1", "b"])
        #expect(try column("01", "2") == ["01", "2"])
        #expect(try column("\"1\"", "2") == ["1", "2"])
        #expect(try column("-inf", "1e-3") == [.number(-.infinity), 0.001])
        #expect(try column("0x10", "1") == ["0x10", "1"])
        #expect(try column("1-2", "1") == ["1-2", "1"])
        #expect(try column("-0")[0].doubleValue?.sign == .minus)
    }

    @Test func `columns are found by name, with or without their unit`() throws {
        let file = try CSVFile(parsing: "case,hd95 (mm),f(x)\na,1,2\n", name: "t.csv")
        #expect(try file.index(of: "hd95") == 1 && file.index(of: "hd95 (mm)") == 1 && file.index(of: "f(x)") == 2)
        let table = try Table(file)
        #expect(try table.index(of: "hd95") == 1 && table.columns[1].unit == "mm" && table.columns[2].unit == nil)
        let error = #expect(throws: Diagnostic.self) { try file.index(of: "cas") }
        #expect(error?.remedy == "did you mean 'case'?")
        let other = #expect(throws: Diagnostic.self) { try table.index(of: "patients") }
        #expect(other?.remedy == "it has: case, hd95, f(x)")
    }
}
