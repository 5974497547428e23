import LucencyFoundation

/// What was promised, from how many cases, and on what conditions.
public struct ConformalGuarantee: Hashable, Codable, Sendable {
    /// What is bounded, in words.
    public var statement: String
    /// The bound on the expected loss of a further case.
    public var risk: Double
    /// Cases that the threshold was chosen on.
    public var cases: Int
    /// Cases that had nothing to lose, such as those without the structure; the promise is not about such cases.
    public var leftOut: Int
    /// The mean loss on the cases that it was chosen on; the bound leaves room for the next case.
    public var observed: Double
    /// What must hold, each in a sentence.
    public var conditions: [String]

    init(_ statement: String, risk: Double, cases: Int, leftOut: Int, observed: Double) {
        self.statement = statement
        self.risk = risk
        self.cases = cases
        self.leftOut = leftOut
        self.observed = observed
        conditions = [
            "The cases that it was chosen on and those that it is used for come from one source in no particular order "
                + "(they are exchangeable): the same devices, protocol and mix of patients, one image of each patient.",
            "None of the cases that it was chosen on was used to train the model or to fit a recalibration.",
            "It holds on average over cases and over choices of the cases it was chosen on: not for every single case, and "
                + "not for every group of patients.",
        ]
    }

    /// The fewest cases with which a risk can be promised: 1/(n + 1) may not exceed it.
    public static func minimumCases(risk: Double) -> Int {
        guard risk > 0, risk < 1 else { return .max }
        // The small excess keeps 1/0.05 = 20 from becoming 21 by rounding.
        let least = (1 / risk - 1 - 1e-9).rounded(.up)
        return least < 1e15 ? max(1, Int(least)) : .max
    }

    /// - Throws: `Diagnostic` when the risk is not between 0 and 1, or there are too few cases to promise it.
    static func require(risk: Double, cases: Int, of what: String) throws(Diagnostic) {
        guard risk > 0, risk < 1 else {
            throw Diagnostic(
                .badArgument, "\(what) of at most \(risk) cannot be promised", remedy: "give a number between 0 and 1")
        }
        let least = minimumCases(risk: risk)
        guard cases >= least else {
            throw Diagnostic(
                .undefinedResult,
                "\(cases) case(s) are too few to promise \(what) of at most \(risk): at least \(least) are needed",
                remedy: "give more labelled cases that the model was not trained on, or promise less")
        }
    }
}
