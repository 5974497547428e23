import LucencyFoundation
import LucencyTensor

/// What training makes small: a target with the weight 1, and terms that are added to it, each with its own weight.
public struct Objective: Codable, Hashable, Sendable {
    public var parts: [ObjectivePart]
    /// A label whose pixels do not count, besides -1, which never does.
    public var ignored: Int?

    public init(_ components: [any ObjectiveComponent], ignoring ignored: Int? = nil) {
        parts = components.map(ObjectivePart.init)
        self.ignored = ignored
    }

    /// The parts that cost something: a term of weight 0 is left out of tapes and inputs.
    var used: [ObjectivePart] { parts.filter { $0.weight != 0 } }

    /// Everything that contradicts or is out of range, so that one check reports it all.
    /// - Parameter classes: how many the network tells apart; nil where that is not known yet.
    public func problems(classes: Int? = nil) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        func add(_ what: String, _ remedy: String) {
            problems.append(Diagnostic(.badArgument, "objective: \(what)", remedy: remedy))
        }
        let targets = parts.filter(\.isTarget).map(\.name)
        let terms = parts.filter { !$0.isTarget }
        if targets.count > 1 {
            add("\(targets.joined(separator: " and ")) are targets, of which there is exactly one", "take one of them")
        }
        if targets.isEmpty {
            if !terms.contains(where: { $0.component is DiceTerm }) {
                add("there is no target", "add `cross-entropy`; only `dice` does without")
            }
            for term in terms where !term.goesWithoutTarget {
                add("\(term.name) is added to a target, and there is none", "add `cross-entropy`")
            }
        }
        for (index, term) in terms.enumerated() {
            if terms[..<index].contains(where: { $0.name == term.name }) {
                add("\(term.name) is given twice", "give it once, with the sum of the weights")
            }
            if !(term.weight >= 0 && term.weight.isFinite) {
                add("the weight of \(term.name) must not be negative, found \(term.weight)", "give 0 or more")
            }
        }
        if let classes, classes < 2 {
            add("there must be two classes or more, found \(classes)", "let the network tell the background apart")
        }
        return problems + parts.flatMap { $0.component.problems(classes: classes) }
    }
}

/// The scalars of an objective on a tape.
public struct ObjectiveValues: Hashable, Sendable {
    public struct Part: Hashable, Sendable {
        public let name: String
        /// Its factor in the total.
        public let weight: Double
        /// Its scalar, without the factor.
        public let value: Value

        package init(name: String, weight: Double, value: Value) {
            (self.name, self.weight, self.value) = (name, weight, value)
        }
    }

    /// Σ weight · value: what gradients are taken of.
    public let total: Value
    /// In the order of the objective; terms of weight 0 are left out.
    public let parts: [Part]
}

extension Objective {
    /// Puts the objective on a tape.
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - inputs: what `inputs(on:logits:)` declared.
    /// - Throws: `Diagnostic`: the first of `problems`, or shapes that do not fit.
    public func record(
        on tape: Tape, logits: Value, inputs: ObjectiveInputs
    ) throws(Diagnostic) -> ObjectiveValues {
        let classes = logits.shape.rank > 1 ? logits.shape[1] : 1
        if let problem = problems(classes: classes).first { throw problem }
        var total: Value?
        var values: [ObjectiveValues.Part] = []
        for part in used {
            let value = try part.component.record(on: tape, logits: logits, inputs: inputs)
            values.append(ObjectiveValues.Part(name: part.name, weight: part.weight, value: value))
            let weighted = part.weight == 1 ? value : try tape.scale(value, by: Float(part.weight))
            if let sum = total { total = try tape.add(sum, weighted) } else { total = weighted }
        }
        guard let total else { throw Diagnostic(.badArgument, "objective: all weights are 0") }
        return ObjectiveValues(total: total, parts: values)
    }
}
