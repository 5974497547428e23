import LucencyFoundation
import LucencyImaging

/// What a reader of the docs wants to know about a stage, collector, source or writer.
public struct StageAbout: Sendable {
    public let id: String
    public let summary: String
    /// Paper, book or program that defines the method, where there is one.
    public let source: String?
    /// Raised whenever the result for equal inputs changes; part of every key.
    public let revision: Int
    /// Whether results depend on the family of numeric kernels.
    public let usesKernels: Bool

    init(id: String, summary: String, source: String?, revision: Int, usesKernels: Bool = false) {
        self.id = id
        self.summary = summary
        self.source = source
        self.revision = revision
        self.usesKernels = usesKernels
    }
}

/// One way to call a stage: input and output ports with the function behind them.
///
/// Port types come from the function's own signature, so that declaration and code cannot drift apart.
public struct StageForm<Algorithm: Sendable>: Sendable {
    let inputs: [Port]
    let outputs: [Port]
    let call: @Sendable (Algorithm, [(any PortValue)?], StageContext) throws -> [(any PortValue)?]

    /// - Parameters:
    ///   - inputs: a name for each argument of `apply`.
    ///   - outputs: a name for each of its results.
    public init<each I: PortInput, each O: PortOutput>(
        inputs: [String], outputs: [String],
        apply: @escaping @Sendable (Algorithm, StageContext) -> (repeat each I) throws -> (repeat each O)
    ) {
        var types: [(type: PortType, isOptional: Bool, isList: Bool)] = []
        repeat types.append(((each I).portType, (each I).isOptional, (each I).isList))
        self.inputs = zip(inputs, types).map { Port($0, $1.type, isOptional: $1.isOptional, isList: $1.isList) }
        var results: [PortType] = []
        repeat results.append((each O).outputType)
        self.outputs = zip(outputs, results).map { Port($0, $1) }
        call = { algorithm, values, context in
            var next = 0
            func take<T: PortInput>(_: T.Type) throws -> T {
                defer { next += 1 }
                guard let value = T.isList ? T.from(all: values.dropFirst(next)) : T.from(values[next]) else {
                    throw Diagnostic.miswired(inputs[next])
                }
                return value
            }
            let results = try apply(algorithm, context)(repeat try take((each I).self))
            var list: [(any PortValue)?] = []
            repeat list.append((each results).portValue)
            return list
        }
    }
}

extension Diagnostic {
    /// Wiring is checked before running, so this is a defect of ours; it still must not crash.
    static func miswired(_ port: String) -> Diagnostic {
        Diagnostic(.stageFailed, "the port '\(port)' received a value of another kind (a defect in lucency)")
    }
}

/// What is known before a stage runs.
public struct CostContext: Sendable {
    /// One for each input port; nil for empty ports and values of which nothing is known.
    public var inputs: [ValueEstimate?]
    /// Threads that will work on it together.
    public var threads: Int
    public var kernels: KernelFamily
    /// Output ports that something reads; nil where all of them are wanted.
    public var wanted: Set<String>?

    public init(
        inputs: [ValueEstimate?], threads: Int = 1, kernels: KernelFamily = .portable, wanted: Set<String>? = nil
    ) {
        self.inputs = inputs
        self.threads = threads
        self.kernels = kernels
        self.wanted = wanted
    }

    /// The first input.
    public var main: ValueEstimate { inputs.first.flatMap { $0 } ?? ValueEstimate(size: GridSize(1, 1)) }
}

/// How large a stage's results and scratch memory are, from what is known before it runs.
public struct StageCost: Sendable {
    public var outputs: [ValueEstimate]
    public var scratchBytes: Int

    public init(outputs: [ValueEstimate], scratchBytes: Int = 0) {
        self.outputs = outputs
        self.scratchBytes = scratchBytes
    }
}

/// A stage: declared once; decoding, checking, help, schema and docs are derived from it.
public struct StageDescriptor: Sendable {
    public let about: StageAbout
    public let parameters: [ParameterDescription]
    /// The ways to call it; most stages have one, `resample` has one per kind of value.
    public let forms: [(inputs: [Port], outputs: [Port])]
    /// Whether results depend on the seed and the item's name.
    public let isRandom: Bool
    /// A port whose values should have come through the same item stages as those that the model at another port was
    /// trained with.
    let trainedInput: (port: String, model: String)?
    let configure: @Sendable (LocatedYAML?, Diagnostic.Place?, inout Decoding) -> ConfiguredStage

    /// - Parameters:
    ///   - prototype: the algorithm with its defaults.
    ///   - trainedInput: a port whose values should have come through the same item stages as the training images of the
    ///     model at another port; it is told where they did not.
    ///   - check: looks for settings that do not fit together; what it throws is reported before anything runs.
    ///   - files: paths the configured algorithm reads; they are checked beforehand and hashed into the key.
    ///   - cost: sizes of results and scratch; by default results as large as the first input, scratch twice that.
    public init<Algorithm: Sendable>(
        _ id: String, _ summary: String, prototype: Algorithm, revision: Int = 1, source: String? = nil,
        isRandom: Bool = false, usesKernels: Bool = false, parameters: [Parameter<Algorithm>] = [],
        forms: [StageForm<Algorithm>], trainedInput: (port: String, model: String)? = nil,
        check: @escaping @Sendable (Algorithm) throws -> Void = { _ in },
        files: @escaping @Sendable (Algorithm) -> [String] = { _ in [] },
        cost: (@Sendable (Algorithm, CostContext) -> StageCost)? = nil
    ) {
        let list = ParameterList(prototype: prototype, parameters: parameters)
        about = StageAbout(
            id: id, summary: summary, source: source, revision: revision, usesKernels: usesKernels)
        self.parameters = list.descriptions
        self.forms = forms.map { ($0.inputs, $0.outputs) }
        self.isRandom = isRandom
        self.trainedInput = trainedInput
        configure = { yaml, place, decoding in
            let errors = decoding.errorsMet
            let algorithm = list.decode(yaml, owner: id, at: place, &decoding)
            decoding.check(since: errors, at: place) { try check(algorithm) }
            return ConfiguredStage(
                parameters: list.canonical(algorithm), files: files(algorithm),
                calls: forms.map { form in { values, context in try form.call(algorithm, values, context) } },
                cost: { context, outputs in
                    if let cost { return cost(algorithm, context) }
                    let first = context.inputs.compactMap { $0 }.first ?? context.main
                    let bytes = first.bytes(as: Image.portType)
                    let twice = bytes.multipliedReportingOverflow(by: 2)
                    return StageCost(
                        outputs: Array(repeating: first, count: outputs),
                        scratchBytes: twice.overflow ? .max : twice.partialValue)
                })
        }
    }

    /// A stage with a single form.
    public init<Algorithm: Sendable, each I: PortInput, each O: PortOutput>(
        _ id: String, _ summary: String, prototype: Algorithm, revision: Int = 1, source: String? = nil,
        isRandom: Bool = false, usesKernels: Bool = false, inputs: [String], outputs: [String],
        parameters: [Parameter<Algorithm>] = [], trainedInput: (port: String, model: String)? = nil,
        check: @escaping @Sendable (Algorithm) throws -> Void = { _ in },
        files: @escaping @Sendable (Algorithm) -> [String] = { _ in [] },
        cost: (@Sendable (Algorithm, CostContext) -> StageCost)? = nil,
        apply: @escaping @Sendable (Algorithm, StageContext) -> (repeat each I) throws -> (repeat each O)
    ) {
        self.init(
            id, summary, prototype: prototype, revision: revision, source: source, isRandom: isRandom,
            usesKernels: usesKernels,
            parameters: parameters, forms: [StageForm(inputs: inputs, outputs: outputs, apply: apply)],
            trainedInput: trainedInput, check: check,
            files: files, cost: cost)
    }
}

/// A stage with its parameters decoded, ready to run.
struct ConfiguredStage: Sendable {
    let parameters: JSONValue
    let files: [String]
    /// One per form.
    let calls: [@Sendable ([(any PortValue)?], StageContext) throws -> [(any PortValue)?]]
    let cost: @Sendable (CostContext, Int) -> StageCost
}
