import LucencyCalibration
import LucencyFoundation
import LucencyReports

extension ClassificationCase {
    /// The case of an item: its probabilities, and from its facts its true class and, where it is there, its patient.
    /// - Parameters:
    ///   - truth: the fact that is the class.
    ///   - patient: the fact that says whom the image is of; nil: `patient` where there is such a fact; empty: none.
    ///   - classes: as in `Table.classProbabilities`.
    /// - Throws: `Diagnostic` when the tables are no rows, a fact is missing, or the true class has no probability.
    static func read(
        _ name: String, _ probabilities: Table, _ facts: Table, truth: String, patient: String?, classes: [String]
    ) throws(Diagnostic) -> (ClassificationCase, classes: [String]) {
        let (names, values) = try probabilities.classProbabilities(of: classes)
        let truth = try facts.fact(truth)
        guard let place = names.firstIndex(of: truth) else {
            throw Diagnostic(
                .badLabel,
                "\"\(name)\" is of the class '\(truth)', and the probabilities are of \(names.joined(separator: ", "))",
                remedy: nearestName(to: truth, in: names).map { "did you mean '\($0)'?" }
                    ?? "take a model that knows the class, or other facts (`truth`)")
        }
        // A fact that is named must be there: images taken for independent by mistake make intervals too narrow.
        let patient =
            switch patient {
            case nil: try facts.fact(ifThere: "patient")
            case "": nil as String?
            case .some(let name): try facts.fact(name)
            }
        return (ClassificationCase(name: name, patient: patient, truth: place, probabilities: values), names)
    }
}

extension Table {
    /// The row's columns that are classes.
    /// - Parameter classes: their names; empty: all columns that hold numbers.
    /// - Throws: `Diagnostic` when the table has not one row, or a class has no number.
    func classProbabilities(of classes: [String]) throws(Diagnostic) -> (names: [String], values: [Double]) {
        guard rows.count == 1 else {
            throw Diagnostic(
                .badArgument, "the probabilities of an item are a table of one row, this one has \(rows.count)",
                remedy: "take the table of a stage that classifies")
        }
        let cells = zip(columns.map(\.name), rows[0])
        guard !classes.isEmpty else {
            let known = cells.compactMap { name, cell in cell.doubleValue.map { (name, $0) } }
            return (known.map(\.0), known.map(\.1))
        }
        var values: [Double] = []
        for name in classes {
            guard let value = cells.first(where: { $0.0 == name })?.1.doubleValue else {
                throw Diagnostic(
                    .badArgument, "the table has no probability of '\(name)'",
                    remedy: "it has \(columns.map(\.name).joined(separator: ", "))")
            }
            values.append(value)
        }
        return (classes, values)
    }
}
