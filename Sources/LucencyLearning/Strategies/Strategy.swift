import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// How a training learns otherwise than from labels as they are: the settings. A new one is a file that conforms to this, and a
/// line in `TrainingStrategy.kinds`. What it does while a network is trained is a `StrategyRun`.
package protocol Strategy: Codable, Hashable, Sendable {
    /// What pipelines and records call it: `cw-bass`.
    static var name: String { get }
    /// Whether it learns from images without labels too; false where these weigh nothing.
    var usesUnlabelled: Bool { get }

    /// Its teacher, where that is a moving average.
    var averagedTeacher: AveragedTeacher? { get }
    /// Whose weights are kept.
    var judged: JudgedNetwork { get }
    /// Whether it learns from strongly augmented copies of images without labels.
    var isStrong: Bool { get }
    /// What its user should know of a training of so many epochs that cannot be seen from the settings alone.
    func notes(classes: Int, epochs: Int) -> [String]

    /// What is wrong with its settings.
    /// - Parameter classes: how many the network tells apart; nil where that is not known yet.
    func problems(classes: Int?) -> [Diagnostic]

    /// What it does in one training; nil where it has nothing to do.
    func run(in training: StrategyTraining) throws -> (any StrategyRun)?
}

extension Strategy {
    package var usesUnlabelled: Bool { false }
    package var averagedTeacher: AveragedTeacher? { nil }
    package var judged: JudgedNetwork { .student }
    package var isStrong: Bool { false }
    package func notes(classes: Int, epochs: Int) -> [String] { [] }
    package var name: String { Self.name }

    /// A problem with a setting, as the error of this strategy.
    package func problem(_ what: String, remedy: String? = nil) -> Diagnostic {
        Diagnostic(.badArgument, "strategy \(name): \(what)", remedy: remedy)
    }
}

/// A component of an objective that remembers something from step to step, as a strategy does.
package protocol RememberingComponent: ObjectiveComponent {
    func run(in training: StrategyTraining) throws -> (any StrategyRun)?
}

/// The training in which a strategy works.
package struct StrategyTraining {
    package let network: any Network
    package let classes: Int
    package let settings: TrainingSettings
    /// With labels.
    package let cases: [TrainingCase]
    /// Their labels are all -1.
    package let unlabelled: [TrainingCase]
    package let sampler: PatchSampler
    /// Steps in all.
    package let steps: Int
    package let stepsPerEpoch: Int
    /// What is learnt: read it, never change it.
    package let parameters: Parameters
    package let kernels: Kernels
    package let pool: ThreadPool
    /// Where files of the training lie; nil where nothing is kept.
    package let folder: String?

    /// Of a batch of images: N, C, spatial.
    package var batchShape: Shape {
        get throws { try Shape([settings.batch, network.inputChannels] + settings.patch.reversed()) }
    }
}

/// The tape of a training step, with the network and the objective of the labelled images on it.
package struct StepScene {
    package let tape: Tape
    /// N, C, spatial.
    package let images: Value
    /// Logits for them, at full size first; with deep supervision, then those at coarser scales.
    package let outputs: [Value]
    /// What the classifier at full size reads; nil where the network does not tell.
    package let features: Value?
    /// What the objective reads, for each output.
    package let inputs: [ObjectiveInputs]
}

/// A strategy at work in one training. The trainer calls `begin`, `restore` and `record` once, then in each epoch `cases`, for each step
/// `inputs` and `finishStep`, and in the end `finishEpoch` and `save`. Where some strategy is idle for a part of the training,
/// `record` is called again, with another tape, before the first step with other company.
///
/// Everything it remembers from one epoch to the next is in its files, so that training that goes on ends with the same bytes
/// as training that never stopped.
package protocol StrategyRun: AnyObject {
    /// Takes the memory that it works in, before anything is learnt. Not called where only `bytes` are asked for.
    func begin() throws
    /// Puts terms on the tape that are added to the objective, each with its factor. Other passes of the network may be
    /// recorded too; parameters of the same name are shared.
    func record(_ scene: StepScene) throws -> [ObjectiveValues.Part]
    /// Names of its terms in a step for which it has none, so that the step is made without it: neither `record` nor `inputs`
    /// is called. nil where it takes part.
    func idleTerms(step: Int) -> [String]?
    /// Whether what it records stands instead of the objective; it then records that itself, in whatever way it wants.
    var replacesObjective: Bool { get }
    /// Values whose tensors it reads after a step. Asked for after `record`.
    var watched: [Value] { get }
    /// Takes up what `save` wrote.
    func restore(from folder: String, prefix: String) throws
    /// The cases of the coming epoch, whose labels it may have changed.
    func cases(_ original: [TrainingCase]) throws -> [TrainingCase]
    /// The tensors of the inputs that it recorded, and of those of the objective that it replaces.
    /// - Parameters:
    ///   - step: from 0.
    ///   - batch: the labelled images of the step.
    ///   - tensors: of the objective's inputs.
    func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor]
    /// Looks at what a step gave; the weights are changed already.
    func finishStep(_ step: Int, _ workspace: Workspace) throws
    /// - Parameter epoch: from 1.
    /// - Returns: what the training record says of the epoch besides the losses.
    func finishEpoch(_ epoch: Int) throws -> [String: JSONValue]
    /// Writes what it remembers, as files whose names begin with `prefix`, into a folder.
    func save(to folder: String, prefix: String) throws
    /// The weights that are validated and kept; nil: those that are learnt, or their moving average.
    var judged: Parameters? { get }
    /// Labels as they are now, where they were changed.
    var changedLabels: [ChangedLabels] { get }
    /// Bytes that it takes besides the plan of the step.
    func bytes(threads: Int) throws -> Int
}

extension StrategyRun {
    package func begin() throws {}
    package func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] { [] }
    package func idleTerms(step: Int) -> [String]? { nil }
    package var replacesObjective: Bool { false }
    package var watched: [Value] { [] }
    package func restore(from folder: String, prefix: String) throws {}
    package func cases(_ original: [TrainingCase]) throws -> [TrainingCase] { original }
    package func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] { [:] }
    package func finishStep(_ step: Int, _ workspace: Workspace) throws {}
    package func finishEpoch(_ epoch: Int) throws -> [String: JSONValue] { [:] }
    package func save(to folder: String, prefix: String) throws {}
    package var judged: Parameters? { nil }
    package var changedLabels: [ChangedLabels] { [] }
    package func bytes(threads: Int) throws -> Int { 0 }
}

/// What a strategy made of the labels of a case: z × y × x class numbers, -1 where pixels do not count.
public struct ChangedLabels: Sendable {
    public let name: String
    public let before: AlignedBuffer<Int32>
    public let after: AlignedBuffer<Int32>

    package init(name: String, before: AlignedBuffer<Int32>, after: AlignedBuffer<Int32>) {
        self.name = name
        self.before = before
        self.after = after
    }
}
