import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Which weights are validated and kept.
public enum JudgedNetwork: String, Codable, Hashable, Sendable, CaseIterable {
    case teacher, student
}

/// What a strategy makes of images without labels. Batches, the passes of teacher and student, and checkpoints are the same
/// for all of them: `UnlabelledRun`.
protocol UnlabelledLesson {
    /// What records call its loss.
    var name: String { get }
    /// λ: of its loss beside the objective.
    var weight: Double { get }
    /// Whether the student sees strongly augmented copies of the images that the teacher sees.
    var isStrong: Bool { get }
    var judged: JudgedNetwork { get }

    /// Puts the loss of the student's logits on the tape, as a scalar.
    mutating func record(on tape: Tape, logits: Value) throws -> Value
    /// The part of the weight that counts in a step.
    func ramp(step: Int) -> Double
    /// The tensors of the inputs that it recorded.
    /// - Parameters:
    ///   - told: the teacher's probabilities: N, C, spatial.
    ///   - counted: N, spatial; -1 where pixels do not count.
    ///   - present: N, spatial; -1 beyond an image. The teacher sees what was cut out for the student.
    mutating func inputs(step: Int, told: Tensor, counted: Tensor, present: Tensor) throws -> [Value: Tensor]
    /// How much of the teacher's own weights remains after a step: 0 follows the student at once, 1 not at all.
    func keeping(step: Int) -> Float
    /// What becomes of the teacher's running statistics where some of its weights remain.
    var buffers: TeacherBufferForm { get }
    /// Whether a step is one of supervised training, which leaves out the passes of teacher and student.
    func isIdle(step: Int) -> Bool
    /// What the record says of the epoch.
    mutating func finishEpoch() -> [String: JSONValue]
    /// What it remembers from epoch to epoch; nil: nothing.
    var memory: Double? { get set }
}

extension UnlabelledLesson {
    func ramp(step: Int) -> Double { 1 }
    var buffers: TeacherBufferForm { .copied }
    func isIdle(step: Int) -> Bool { false }
    func finishEpoch() -> [String: JSONValue] { [:] }
    var memory: Double? {
        get { nil }
        set {}
    }
}

/// Learning from images without labels in one training: in each step a teacher looks at a batch of them, and the student, in a
/// second pass on the same tape, is held to its word.
final class UnlabelledRun: StrategyRun {
    private var lesson: any UnlabelledLesson
    private let training: StrategyTraining
    private let batches: UnlabelledBatches
    /// Begins as a copy of the student.
    private var teacher: Teacher?
    private var ramps = EpochMeans()
    private var recorded: (images: Value, ramp: Value)?

    /// - Returns: nil where there is nothing without labels, or it weighs nothing: then training is supervised training, with
    ///   no further pass that would change running statistics, and no teacher to be judged.
    static func of(_ lesson: any UnlabelledLesson, _ training: StrategyTraining) throws -> UnlabelledRun? {
        training.unlabelled.isEmpty || lesson.weight == 0 ? nil : try UnlabelledRun(lesson, training)
    }

    private init(_ lesson: any UnlabelledLesson, _ training: StrategyTraining) throws {
        (self.lesson, self.training) = (lesson, training)
        batches = try UnlabelledBatches(training, isStrong: lesson.isStrong)
    }

    func begin() throws {
        teacher = try Teacher(
            training.network, shape: training.batchShape, parameters: training.parameters, kernels: training.kernels,
            pool: training.pool)
    }

    func idleTerms(step: Int) -> [String]? { lesson.isIdle(step: step) ? [lesson.name] : nil }

    func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
        let images = scene.tape.input("unlabelled.images", scene.images.shape)
        let ramp = scene.tape.input("unlabelled.ramp", .scalar)
        guard let logits = try training.network(images, Scope(scene.tape)).first else {
            throw Diagnostic(.badArgument, "the network has no result")
        }
        recorded = (images, ramp)
        let loss = try lesson.record(on: scene.tape, logits: logits)
        return [
            .init(name: lesson.name, weight: lesson.weight, value: try scene.tape.multiply(ramp, loss))
        ]
    }

    func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] {
        guard let recorded, let teacher else { return [:] }
        let unlabelled = try batches(step: step, pool: training.pool)
        let told = try teacher(unlabelled.images)
        guard told.buffer.withUnsafeBufferPointer({ $0.reduce(0, +) }).isFinite else {
            throw Diagnostic(
                .undefinedResult, "the teacher's probabilities in step \(step) are no numbers",
                remedy: "lower the learning rate; are the images without labels normalised?")
        }
        var inputs = try lesson.inputs(step: step, told: told, counted: unlabelled.counted, present: unlabelled.present)
        inputs[recorded.images] = unlabelled.spoilt
        inputs[recorded.ramp] = Tensor(Float(lesson.ramp(step: step)))
        return inputs
    }

    func finishStep(_ step: Int, _ workspace: Workspace) throws {
        ramps.add(["ramp": lesson.isIdle(step: step) ? 0 : lesson.ramp(step: step)])
        switch lesson.keeping(step: step) {
        case 0: teacher?.follow(training.parameters)
        case 1: break
        case let keep: teacher?.follow(training.parameters, keeping: keep, buffers: lesson.buffers)
        }
    }

    func finishEpoch(_ epoch: Int) throws -> [String: JSONValue] {
        [lesson.name: .object(lesson.finishEpoch().merging(ramps.finish()) { $1 })]
    }

    var judged: Parameters? { lesson.judged == .teacher ? teacher?.parameters : nil }

    private static let teacherName = "teacher.safetensors", memoryName = "memory.json"

    func save(to folder: String, prefix: String) throws {
        try teacher?.write(to: FileSystem.join(folder, prefix + Self.teacherName))
        guard let memory = lesson.memory else { return }
        try FileSystem.write(JSONValue.number(memory).text, to: FileSystem.join(folder, prefix + Self.memoryName))
    }

    func restore(from folder: String, prefix: String) throws {
        try teacher?.read(FileSystem.join(folder, prefix + Self.teacherName))
        guard lesson.memory != nil else { return }
        let text = try FileSystem.text(FileSystem.join(folder, prefix + Self.memoryName), limit: 1 << 10)
        guard let memory = try JSONValue(parsing: text).doubleValue else {
            throw Diagnostic(.damagedFile, "the strategy's state is no number")
        }
        lesson.memory = memory
    }

    func bytes(threads: Int) throws -> Int {
        try Teacher.bytes(
            training.network, shape: training.batchShape, kernels: training.kernels, threads: threads)
    }
}

extension Strategy {
    /// Problems of settings that strategies for images without labels share.
    func problems(weight: Double, numbers: [(name: String, value: Double, range: ClosedRange<Double>)]) -> [Diagnostic]
    {
        var problems = numbers.filter { !$0.range.contains($0.value) }.map { name, value, range in
            problem("\(name) must be in \(range.lowerBound)...\(range.upperBound), found \(value)")
        }
        if !(weight >= 0 && weight.isFinite) {
            problems.append(problem("the weight must not be negative, found \(weight)", remedy: "give 0 or more"))
        }
        return problems
    }
}
