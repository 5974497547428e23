import LucencyFoundation
import LucencyReports
import Testing

@Suite struct MethodRankingTests {
    /// Dice of two methods and two seeds; calibration of one of them with and without scaling.
    private func tables() throws -> [Table] {
        let scores = try Table(
            columns: ["method", "seed", "metric", "mean"].map { .init($0) },
            rows: [
                ["ce", "1", "dice", 0.75], ["ce", "2", "dice", 0.875], ["nacl", "1", "dice", 0.8125],
                ["nacl", "2", "dice", 0.8125], ["ce", "1", "iou", 0.1],
            ])
        let errors = try Table(
            columns: ["method", "scaling", "seed", "metric", "mean"].map { .init($0) },
            rows: [
                ["ce", "none", "1", "ece", 0.25], ["ce", "none", "2", "ece", 0.5], ["ce", "fitted", "1", "ece", 0.125],
                ["ce", "fitted", "2", "ece", nil], ["nacl", "none", "1", "ece", 0.0625],
                ["nacl", "none", "2", "ece", 0.03125], ["nacl", "fitted", "1", "ece", 0.125],
                ["nacl", "fitted", "2", "ece", 0.125],
            ])
        return [scores, errors]
    }

    private let ranking = MethodRanking(
        by: ["method", "scaling"], over: "seed",
        figures: [
            .init("Dice", value: "mean", filter: ["metric": "dice"], better: .higher),
            .init("ECE", value: "mean", filter: ["metric": "ece"], better: .lower),
        ])

    @Test func `means, deviations and ranks over seeds, from tables with and without a column`() throws {
        let table = try ranking(try tables())
        #expect(table.columns.map(\.name).suffix(3) == ["ECE sd", "ECE rank", "mean rank"])
        #expect(table.rows.count == 4)
        let first = table.rows[0]
        #expect(first[0] == "ce" && first[1] == "none" && first[2] == 2)
        func number(_ row: Int, _ name: String) -> Double? { table.cells(of: name)?[row].doubleValue }
        #expect(abs((number(0, "Dice") ?? 0) - 0.8125) < 1e-12)
        #expect(abs((number(0, "Dice sd") ?? 0) - 0.125 / 2.0.squareRoot()) < 1e-12)
        // All four share the Dice: (1 + 2 + 3 + 4) / 4.
        #expect((0..<4).allSatisfy { number($0, "Dice rank") == 2.5 })
        // ECE: 0.375, 0.125 (one seed is undefined), 0.047, 0.125.
        #expect((0..<4).map { number($0, "ECE rank") } == [4, 2.5, 1, 2.5])
        #expect(table.cells(of: "ECE sd")?[1] == .missing)
        #expect(number(2, "mean rank") == 1.75)
    }

    @Test func `an empty text leaves out tables that have the column`() throws {
        var all = try tables()
        all.append(
            try Table(
                columns: ["method", "scaling", "seed", "class", "metric", "mean"].map { .init($0) },
                rows: [
                    ["ce", "none", "1", "cell", "ece", 0.75], ["ce", "none", "1", "", "nll", 2],
                ]))
        #expect { try ranking(all) } throws: { "\($0)".contains("stands twice for") }
        var apart = ranking
        apart.figures[1].filter["class"] = ""
        apart.figures.append(.init("NLL", value: "mean", filter: ["metric": "nll", "class": ""]))
        let table = try apart(all)
        #expect(table.cells(of: "ECE")?.first == 0.375)
        #expect(table.cells(of: "NLL")?.first == 2.0)
    }

    @Test func `what is missing or ambiguous is told`() throws {
        var broken = ranking
        broken.figures[0].filter = ["metric": "dise"]
        #expect {
            try broken(try tables())
        } throws: { "\($0)".contains("no table has 'Dice': a column 'mean' where metric = dise") }
        broken = ranking
        broken.figures[0].filter = ["metric": "dise"]
        broken.figures[0].isOptional = true
        #expect(try !broken(try tables()).columns.contains { $0.name == "Dice" })
        broken = ranking
        broken.figures[0].filter = [:]
        #expect { try broken(try tables()) } throws: { "\($0)".contains("stands twice for") }
        broken = ranking
        broken.by = ["architecture"]
        #expect { try broken(try tables()) } throws: { "\($0)".contains("no table has the columns architecture") }
    }
}
