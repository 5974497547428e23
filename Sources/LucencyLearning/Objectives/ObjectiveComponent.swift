import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// A part of an objective: a value that puts one scalar on a tape. A new one is a file that conforms to `ObjectiveTarget` or
/// `ObjectiveTerm`, and a line in `ObjectivePart.kinds`.
public protocol ObjectiveComponent: Codable, Hashable, Sendable {
    /// What pipelines and records call it: `cross-entropy`.
    static var name: String { get }

    /// What is wrong with its settings.
    /// - Parameter classes: how many the network tells apart; nil where that is not known yet.
    func problems(classes: Int?) -> [Diagnostic]

    /// The tape inputs that it needs besides labels, of the logits' shape: soft labels, priors, distances. By names that no
    /// other component uses.
    var additionalInputs: [String] { get }

    /// The numbers of an additional input for one image, C × z × y × x.
    /// - Parameters:
    ///   - labels: class numbers, and -1 for pixels that do not count.
    ///   - image: what the network sees of them, channels × z × y × x; nil where that is not at hand.
    ///   - classes: C.
    /// - Throws: `Diagnostic` when the label map lacks what is needed, such as a stated spacing.
    func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float>

    /// Puts its scalar on the tape, without a weight. Labels of -1 do not count.
    func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value
}

extension ObjectiveComponent {
    public var additionalInputs: [String] { [] }

    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        throw Diagnostic(.badArgument, "\(Self.name) has no input '\(name)'")
    }

    var name: String { Self.name }

    /// A problem with a setting, as the error of this component.
    func problem(_ what: String, remedy: String? = nil) -> Diagnostic {
        Diagnostic(.badArgument, "objective \(name): \(what)", remedy: remedy)
    }

    func problems(weights: [Float], classes: Int?) -> [Diagnostic] {
        guard !weights.isEmpty else { return [] }
        var problems: [Diagnostic] = []
        if let classes, weights.count != classes {
            problems.append(
                problem(
                    "\(weights.count) class weights for \(classes) classes", remedy: "give one weight for each, or none"
                ))
        }
        if !weights.allSatisfy({ $0 >= 0 && $0.isFinite }) || !weights.contains(where: { $0 > 0 }) {
            problems.append(problem("class weights must not be negative, and one at least must be positive"))
        }
        return problems
    }
}

/// What the network's probabilities are compared with. An objective has exactly one, with the weight 1.
public protocol ObjectiveTarget: ObjectiveComponent {}

/// What is added to a target, times a weight.
public protocol ObjectiveTerm: ObjectiveComponent {
    /// Its factor in the total; the default is that of the paper.
    var weight: Double { get set }
    /// Whether it makes sense beside `dice` without any target.
    static var goesWithoutTarget: Bool { get }
}

extension ObjectiveTerm {
    public static var goesWithoutTarget: Bool { false }
}
