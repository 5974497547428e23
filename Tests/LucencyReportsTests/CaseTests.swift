import LucencyCalibration
import LucencyFoundation
import LucencyReports
import Testing

@Suite struct CaseTests {
    private func table(_ rows: [(String, String, Table.Cell, Table.Cell)]) throws -> Table {
        try Table(
            columns: [.init("case"), .init("class"), .init("presence"), .init("dice"), .init("hd95", unit: "mm")],
            rows: rows.map { [.text($0.0), .text($0.1), "present", $0.2, $0.3] })
    }

    private func value(_ table: Table, _ row: Int, _ column: String) throws -> Table.Cell {
        table.rows[row][try table.index(of: column)]
    }

    private func pair() throws -> (Table, Table) {
        (
            try table([
                ("x", "lung", 0.5, 10), ("x", "heart", 0.25, 4), ("y", "lung", 0.75, 8), ("y", "heart", 0.5, 6),
                ("z", "lung", 0.5, .number(.infinity)), ("only A", "lung", 0.5, 1),
            ]),
            try table([
                ("z", "lung", 0.5, 3), ("y", "heart", 0.25, 7), ("x", "heart", 0.75, 2), ("x", "lung", 0.75, 8),
                ("y", "lung", 1, 8), ("only B", "heart", 0.5, 1),
            ])
        )
    }

    @Test func `classes of a case are averaged, and less distance is better`() throws {
        let (a, b) = try pair()
        let result = try CaseComparison()(a, b)
        #expect(result.onlyA == ["only A, lung"] && result.onlyB == ["only B, heart"])
        #expect(result.summary.cells(of: "metric") == ["dice", "hd95"])
        #expect(result.summary.cells(of: "cases") == [3, 2])
        // Dice: x +0.375, y 0, z 0.
        #expect(try value(result.summary, 0, "difference") == 0.125)
        #expect(try value(result.summary, 0, "a") == .number((0.375 + 0.625 + 0.5) / 3))
        #expect(result.summary.cells(of: "better") == [1, 1] && result.summary.cells(of: "equal") == [2, 0])
        #expect(result.summary.cells(of: "worse") == [0, 1] && result.summary.cells(of: "left_out") == [0, 1])
        // HD95: x −2, y +0.5; z has no finite distance in A.
        #expect(try value(result.summary, 1, "difference") == -0.75 && value(result.summary, 1, "unit") == "mm")
        #expect(result.differences.rows.count == 10)
        #expect(try value(result.differences, 0, "difference") == 0.25)
    }

    @Test func `classes are compared apart where that is asked for`() throws {
        let (a, b) = try pair()
        var comparison = CaseComparison()
        comparison.by = ["class"]
        comparison.values = ["dice"]
        let summary = try comparison(a, b).summary
        #expect(summary.cells(of: "class") == ["lung", "heart"])
        #expect(summary.cells(of: "cases") == [3, 2])
        #expect(try value(summary, 0, "difference") == .number(0.5 / 3) && value(summary, 1, "difference") == 0.125)
    }

    @Test func `cases of a group count together`() throws {
        let (a, b) = try pair()
        var comparison = CaseComparison()
        comparison.values = ["dice"]
        comparison.groups = ["x": "p", "y": "p", "z": "q"]
        let summary = try comparison(a, b).summary
        #expect(summary.cells(of: "groups") == [2] && summary.cells(of: "cases") == [3])
        comparison.groups = ["x": "p"]
        let error = #expect(throws: Diagnostic.self) { try comparison(a, b) }
        #expect(error?.message == "the group of the case 'y' is not known")
    }

    @Test func `rows that cannot be told apart, other cases and other units are refused`() throws {
        let (a, b) = try pair()
        let twice = try a.appending(a)
        #expect(throws: Diagnostic.self) { try CaseComparison()(twice, b) }
        let others = try table([("w", "lung", 1, 1)])
        let error = #expect(throws: Diagnostic.self) { try CaseComparison()(a, others, names: ("a.csv", "w.csv")) }
        #expect(error?.code == .unmatchedFiles && error?.message.contains("'w.csv'") == true)
        let pixels = try Table(
            columns: [.init("case"), .init("class"), .init("hd95", unit: "px")], rows: [["x", "lung", 1]])
        #expect(throws: Diagnostic.self) { try CaseComparison()(a, pixels) }
        var comparison = CaseComparison()
        comparison.values = ["presence"]
        #expect(throws: Diagnostic.self) { try comparison(a, b) }
        comparison.values = ["dise"]
        #expect(throws: Diagnostic.self) { try comparison(a, b) }
        #expect(throws: Diagnostic.self) { try CaseComparison()(Table(columns: [.init("x")], rows: [[1]]), b) }
    }

    private func folds(_ rows: [(fold: String, item: String, dice: Table.Cell)]) throws -> Table {
        try Table(
            columns: [.init("fold"), .init("case"), .init("class"), .init("dice")],
            rows: rows.map { [.text($0.fold), .text($0.item), "cell", $0.dice] })
    }

    // Means and deviations by hand; the interval is Bootstrap's, which has tests of its own.
    @Test func `folds are summarized one by one, over their means, and over all cases`() throws {
        let cases = try folds([
            ("1", "a", 0.5), ("1", "b", 0.75), ("2", "c", 0.25), ("3", "d", 1), ("3", "e", nil), ("3", "f", 0.5),
        ])
        let (summary, folds) = try CrossValidation()(cases)
        #expect(folds.cells(of: "fold") == ["1", "2", "3"])
        #expect(folds.cells(of: "mean") == [0.625, 0.25, 0.75] && folds.cells(of: "left_out") == [0, 0, 1])
        #expect(try value(folds, 1, "sd") == nil)
        #expect(try value(summary, 0, "class") == "cell" && value(summary, 0, "folds") == 3)
        #expect(try value(summary, 0, "fold_mean") == .number(1.625 / 3))
        let deviation = try #require(value(summary, 0, "fold_sd").doubleValue)
        #expect(abs(deviation - 0.2602082499332666) < 1e-12)
        #expect(
            try value(summary, 0, "cases") == 5 && value(summary, 0, "mean") == 0.6
                && value(summary, 0, "left_out") == 1)
        let interval = try #require(try Bootstrap().interval(of: [0.5, 0.75, 0.25, 1, 0.5]))
        #expect(try value(summary, 0, "lower") == .number(interval.lower))
        #expect(try value(summary, 0, "upper") == .number(interval.upper))
    }

    @Test func `further variants are summarized apart, and a case in two folds is refused`() throws {
        let one = try folds([("1", "a", 0.5), ("2", "b", 0.75)]), two = try folds([("1", "a", 0.25), ("2", "b", 0.5)])
        let both = try one.prefixed(by: .init("method"), value: "x").appending(
            two.prefixed(by: .init("method"), value: "y"))
        let (summary, _) = try CrossValidation()(both)
        #expect(summary.cells(of: "method") == ["x", "y"] && summary.cells(of: "mean") == [0.625, 0.375])
        let error = #expect(throws: Diagnostic.self) {
            try CrossValidation()(folds([("1", "a", 0.5), ("2", "a", 0.75)]))
        }
        #expect(error?.message == "the case 'a' was tested in fold 1 and in fold 2")
        #expect(throws: Diagnostic.self) { try CrossValidation()(folds([("1", "a", 0.5), ("1", "a", 0.75)])) }
        var other = CrossValidation()
        other.fold = "round"
        #expect(throws: Diagnostic.self) { try other(one) }
    }
}
