import LucencyFoundation
import LucencyReports
import Testing

@Suite struct TableTests {
    private func objects() throws -> Table {
        try Table(
            title: "Objects", columns: [.init("image"), .init("count"), .init("area", unit: "mm²")],
            rows: [["a.png", 12, 0.1], ["b, \"c\".png", 3, nil]])
    }

    @Test func `CSV quotes commas, quotes and line breaks, and leaves missing values empty`() throws {
        #expect(try objects().csv == "image,count,area (mm²)\na.png,12,0.1\n\"b, \"\"c\"\".png\",3,\n")
        let breaks = try Table(columns: [.init("a"), .init("b")], rows: [["x\ny", "x\r\ny"], [" pad", ""]])
        #expect(breaks.csv == "a,b\n\"x\ny\",\"x\r\ny\"\n\" pad\",\"\"\n")
    }

    @Test func `CSV for spreadsheets keeps texts from being formulas and numbers as they are`() throws {
        let table = try Table(
            columns: [.init("=name"), .init("n")],
            rows: [["=cmd|' /C calc'!A0", -1.5], ["+1", 2], ["-x", 3], ["@SUM(A1)", 4], ["\tx", 5], ["a=b", -6]])
        #expect(
            table.spreadsheetCSV
                == "'=name,n\n'=cmd|' /C calc'!A0,-1.5\n'+1,2\n'-x,3\n'@SUM(A1),4\n'\tx,5\na=b,-6\n")
        #expect(table.csv.contains("\n+1,2\n"))
    }

    @Test func `CSV numbers are the shortest that read back equal`() throws {
        let values: [Double] = [
            1, -0.0, 0.1, 1.0 / 3, 1e300, .leastNonzeroMagnitude, 123_456_789, 1e15, 1e17, .nan, .infinity, -.infinity,
        ]
        let table = try Table(columns: [.init("v")], rows: values.map { [.number($0)] })
        let fields = table.csv.split(separator: "\n").dropFirst().map(String.init)
        #expect(
            fields == [
                "1", "-0", "0.1", "0.3333333333333333", "1e+300", "5e-324", "123456789", "1000000000000000", "1e+17",
                "nan", "inf", "-inf",
            ])
        for (field, value) in zip(fields, values) where !value.isNaN { #expect(Double(field) == value) }
    }

    @Test func `a line of one missing value is not blank`() throws {
        #expect(try Table(columns: [.init("v")], rows: [[nil]]).csv == "v\n\"\"\n")
    }

    @Test func `texts that look like formulas are left as they are`() throws {
        #expect(try Table(columns: [.init("v")], rows: [["=1+1"]]).csv == "v\n=1+1\n")
    }

    @Test func `plain text is aligned, numbers to the right`() throws {
        #expect(
            try objects().text() == """
                Objects
                image       count  area (mm²)
                ──────────  ─────  ──────────
                a.png          12         0.1
                b, "c".png      3           –

                """)
    }

    @Test func `plain text rounds to significant digits without cutting whole numbers`() throws {
        let table = try Table(
            columns: [.init("v")], rows: [[12345.678], [0.000123456], [1.0], [1e20], [.number(.nan)]])
        let shown = table.text().split(separator: "\n").dropFirst(2).map { $0.filter { $0 != " " } }
        #expect(shown == ["12346", "0.0001235", "1", "1e+20", "nan"])
        #expect(table.text(digits: nil).contains("12345.678"))
    }

    @Test func `Markdown escapes pipes and marks number columns`() throws {
        let table = try Table(title: "T", columns: [.init("name"), .init("v")], rows: [["a|b", 1], ["c\nd", nil]])
        #expect(
            table.markdown() == """
                **T**

                | name |   v |
                | ---- | --: |
                | a\\|b |   1 |
                | c d  |     |

                """)
    }

    @Test func `JSON keeps the order of columns and rows`() throws {
        #expect(
            try objects().json.text
                == #"{"columns":[{"name":"image","unit":null},{"name":"count","unit":null},{"name":"area","unit":"mm²"}],"#
                + #""rows":[["a.png",12,0.1],["b, \"c\".png",3,null]],"title":"Objects"}"#)
    }

    @Test func `tables with the same columns are joined in order`() throws {
        let table = try objects()
        let joined = try Table.joined([table, table, table], title: "All")
        #expect(joined.rows.count == 6)
        #expect(joined.title == "All")
        #expect(try table.appending(table).cells(of: "count") == [12, 3, 12, 3])
        #expect(table.cells(of: "nothing") == nil)
    }

    @Test func `a column of one value can be put in front`() throws {
        let table = try objects().prefixed(by: .init("stem"), value: "a")
        #expect(table.columns.map(\.name) == ["stem", "image", "count", "area"])
        #expect(table.cells(of: "stem") == ["a", "a"])
    }

    @Test func `joining refuses other columns and says which`() throws {
        let table = try objects()
        let pixels = try Table(columns: [.init("image"), .init("count"), .init("area", unit: "px")])
        let error = #expect(throws: Diagnostic.self) { try table.appending(pixels) }
        #expect(error?.message == "tables cannot be joined: column 3 is area (mm²) in one and area (px) in the other")
        let fewer = try Table(columns: [.init("image"), .init("count")])
        let error2 = #expect(throws: Diagnostic.self) { try Table.joined([table, fewer]) }
        #expect(error2?.message == "tables cannot be joined: one has 3 columns, the other 2")
        let error3 = #expect(throws: Diagnostic.self) { try Table.joined([]) }
        #expect(error3?.code == .badArgument)
    }

    @Test func `rows of the wrong length and repeated columns are refused`() throws {
        var table = try objects()
        let error = #expect(throws: Diagnostic.self) { try table.append(["a"]) }
        #expect(error?.code == .sizeMismatch)
        let error2 = #expect(throws: Diagnostic.self) { try Table(columns: [.init("a"), .init("a")]) }
        #expect(error2?.code == .badArgument)
        let error3 = #expect(throws: Diagnostic.self) { try table.prefixed(by: .init("area"), value: 1) }
        #expect(error3?.code == .badArgument)
    }
}
