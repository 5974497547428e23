import LucencyFoundation

/// Which item a collector is looking at.
public struct ItemTag: Hashable, Sendable {
    /// Relative name without extension: `patient1/slice3`.
    public let item: String
    /// Names of the variants gathered by `over`, such as `["method": "nacl"]`.
    public let variants: [String: String]

    public init(item: String, variants: [String: String] = [:]) {
        self.item = item
        self.variants = variants
    }
}

/// Input ports that are fed together, item by item, from one source: `training`, `validation` …
public struct StreamGroup<Algorithm: Sendable, State: Sendable>: Sendable {
    let name: String
    let ports: [Port]
    let isOptional: Bool
    let add: @Sendable (Algorithm, inout State, ItemTag, [(any PortValue)?], StageContext) throws -> Void

    /// - Parameters:
    ///   - ports: a name for each value argument of `add`.
    ///   - isOptional: the whole group may be left out.
    public init<each I: PortInput>(
        _ name: String, ports: [String], isOptional: Bool = false,
        add: @escaping @Sendable (Algorithm, inout State, ItemTag, StageContext, repeat each I) throws -> Void
    ) {
        var types: [(PortType, Bool)] = []
        repeat types.append(((each I).portType, (each I).isOptional))
        self.name = name
        self.isOptional = isOptional
        self.ports = zip(ports, types).map { Port($0, $1.0, isOptional: isOptional || $1.1, group: name) }
        self.add = { algorithm, state, tag, values, context in
            var next = 0
            func take<T: PortInput>(_: T.Type) throws -> T {
                defer { next += 1 }
                guard let value = T.from(values[next]) else { throw Diagnostic.miswired(ports[next]) }
                return value
            }
            try add(algorithm, &state, tag, context, repeat try take((each I).self))
        }
    }
}

/// How a collector's partial state is kept between runs and passed between shards.
public struct StateCoding<State: Sendable>: Sendable {
    let encode: @Sendable (State) throws -> JSONValue
    let decode: @Sendable (JSONValue) throws -> State

    public init(
        encode: @escaping @Sendable (State) throws -> JSONValue, decode: @escaping @Sendable (JSONValue) throws -> State
    ) {
        self.encode = encode
        self.decode = decode
    }
}

/// A collector: reads streams, returns values that exist once per run.
///
/// Each item is added to a fresh state of its own, in parallel; states are merged in item order. So results depend
/// neither on threads nor on which shard saw an item.
public struct CollectorDescriptor: Sendable {
    public let about: StageAbout
    public let parameters: [ParameterDescription]
    public let inputs: [Port]
    public let outputs: [Port]
    public let isRandom: Bool
    /// Whether several runs with `--shard` can be combined.
    public let isShardable: Bool
    let groups: [String]
    let configure: @Sendable (LocatedYAML?, Diagnostic.Place?, inout Decoding) -> ConfiguredCollector

    /// - Parameters:
    ///   - groups: the first group's ports can be named without saying the group.
    ///   - isCommutative: merging gives the same to the last bit in any order and grouping. States are then merged as they
    ///     come, so that memory does not grow by a state for each item.
    ///   - check: looks for parameters that do not fit together; what it throws is reported where `uses` stands.
    ///   - coding: nil where a state cannot leave the process (the collector then refuses `--shard`).
    public init<Algorithm: Sendable, State: Sendable, each O: PortValue>(
        _ id: String, _ summary: String, prototype: Algorithm, revision: Int = 1, source: String? = nil,
        isRandom: Bool = false, usesKernels: Bool = false, groups: [StreamGroup<Algorithm, State>], outputs: [String],
        parameters: [Parameter<Algorithm>] = [], check: @escaping @Sendable (Algorithm) throws -> Void = { _ in },
        isCommutative: Bool = false, coding: StateCoding<State>? = nil,
        initial: @escaping @Sendable (Algorithm) -> State,
        merge: @escaping @Sendable (Algorithm, inout State, State) throws -> Void,
        finish: @escaping @Sendable (Algorithm, State, StageContext) throws -> (repeat each O)
    ) {
        let list = ParameterList(prototype: prototype, parameters: parameters)
        about = StageAbout(
            id: id, summary: summary, source: source, revision: revision, usesKernels: usesKernels)
        self.parameters = list.descriptions
        // Closures, not key paths: those crash at run time in a context with parameter packs (Swift 6.3).
        inputs = groups.flatMap { $0.ports }
        self.groups = groups.map { $0.name }
        var types: [PortType] = []
        repeat types.append((each O).portType)
        self.outputs = zip(outputs, types).map { Port($0, $1) }
        self.isRandom = isRandom
        isShardable = coding != nil
        @Sendable func state(_ erased: any Sendable) throws -> State {
            guard let state = erased as? State else { throw Diagnostic.miswired(id) }
            return state
        }
        let fold: @Sendable (Algorithm) -> StateFold = { algorithm in
            let total = Lock<State>(initial(algorithm))
            return StateFold(
                merge: { erased in
                    let next = try state(erased)
                    try total.withLock { (sum: inout State) throws in try merge(algorithm, &sum, next) }
                }, value: { () -> any Sendable in total.withLock { (sum: inout State) -> State in sum } })
        }
        let erasedFinish: @Sendable (Algorithm, State, StageContext) throws -> [any PortValue] = {
            let results = try finish($0, $1, $2)
            var values: [any PortValue] = []
            repeat values.append(each results)
            return values
        }
        var encode: (@Sendable (any Sendable) throws -> JSONValue)?
        var decode: (@Sendable (JSONValue) throws -> any Sendable)?
        if let coding {
            encode = { erased in try coding.encode(try state(erased)) }
            decode = { value in try coding.decode(value) }
        }
        let (encodeState, decodeState) = (encode, decode)
        configure = { yaml, place, decoding in
            let errors = decoding.errorsMet
            let algorithm = list.decode(yaml, owner: id, at: place, &decoding)
            decoding.check(since: errors, at: place) { try check(algorithm) }
            var folding: (@Sendable () -> StateFold)?
            if isCommutative { folding = { fold(algorithm) } }
            return ConfiguredCollector(
                parameters: list.canonical(algorithm),
                add: { (group, tag, values, context) throws -> any Sendable in
                    var fresh = initial(algorithm)
                    try groups[group].add(algorithm, &fresh, tag, values, context)
                    return fresh
                },
                finish: { (states, context) throws -> [any PortValue] in
                    var total = initial(algorithm)
                    for next in states { try merge(algorithm, &total, try state(next)) }
                    return try erasedFinish(algorithm, total, context)
                },
                fold: folding, encode: encodeState, decode: decodeState)
        }
    }
}

/// A collector with its parameters decoded, ready to run.
struct ConfiguredCollector: Sendable {
    let parameters: JSONValue
    let add: @Sendable (Int, ItemTag, [(any PortValue)?], StageContext) throws -> any Sendable
    let finish: @Sendable ([any Sendable], StageContext) throws -> [any PortValue]
    /// Something that merges states as they come; nil where they have to be kept until all are there.
    let fold: (@Sendable () -> StateFold)?
    let encode: (@Sendable (any Sendable) throws -> JSONValue)?
    let decode: (@Sendable (JSONValue) throws -> any Sendable)?
}

/// States merged as they come.
final class StateFold: Sendable {
    private let merge: @Sendable (any Sendable) throws -> Void
    private let value: @Sendable () -> any Sendable
    private let failure = Lock<(any Error)?>(nil)

    init(merge: @escaping @Sendable (any Sendable) throws -> Void, value: @escaping @Sendable () -> any Sendable) {
        (self.merge, self.value) = (merge, value)
    }

    /// What does not merge is told by `total`.
    func add(_ state: any Sendable) {
        do { try merge(state) } catch { failure.withLock { $0 = $0 ?? error } }
    }

    /// - Throws: what the first state that did not merge threw.
    func total() throws -> any Sendable {
        if let failure = failure.withLock({ $0 }) { throw failure }
        return value()
    }
}
