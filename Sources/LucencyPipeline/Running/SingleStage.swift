import LucencyFoundation
import LucencyImaging

/// One parameter as it is given outside a pipeline file: `--with method=otsu`.
public struct GivenParameter: Sendable {
    /// A name, or a dotted path into the value of one: `method.with.level`.
    public let name: String
    let option: String
    let value: LocatedYAML

    /// - Parameters:
    ///   - name: the parameter.
    ///   - yaml: its value.
    ///   - option: what gave it, for messages: `--with method`.
    /// - Throws: `Diagnostic` when the value is not YAML.
    public init(_ name: String, _ yaml: String, option: String) throws(Diagnostic) {
        self.name = name
        self.option = option
        value = try YAMLReader.read(yaml, name: option)
    }

    /// A plain value that an option of its own gives: `--bits 16`.
    public init(_ name: String, scalar text: String, option: String) {
        self.name = name
        self.option = option
        value = LocatedYAML(.scalar(text, plain: true), at: Diagnostic.Place(file: option))
    }

    /// The mapping that a pipeline would have under `with:`; the last of several values for one name wins.
    static func mapping(_ given: [GivenParameter]) throws(Diagnostic) -> LocatedYAML? {
        guard let first = given.first else { return nil }
        var tree = LocatedYAML(.mapping([]), at: first.value.place)
        for parameter in given {
            let path = parameter.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            tree = try tree.setting(path[...], to: parameter.value, option: parameter.option)
        }
        return tree
    }
}

/// An item stage with its parameters, to be called without a pipeline.
public struct SingleStage: Sendable {
    /// Which form of the stage the inputs fit, and where each of them goes.
    public struct Binding: Sendable {
        fileprivate let form: Int
        /// For each input port, the index of the input that feeds it; nil where an optional port stays empty.
        public let inputs: [Int?]
        public let inputPorts: [Port]
        public let outputPorts: [Port]
    }

    public let descriptor: StageDescriptor
    /// All parameters, defaults included.
    public let parameters: JSONValue
    private let stage: ConfiguredStage

    /// - Parameter folder: where relative paths in parameters start.
    /// - Throws: `DiagnosticList` with everything that is wrong with the parameters.
    public init(_ descriptor: StageDescriptor, parameters: [GivenParameter] = [], folder: String = ".") throws {
        let place = Diagnostic.Place(file: descriptor.about.id)
        self.descriptor = descriptor
        stage = try decoded(parameters, folder: folder) { yaml, decoding in descriptor.configure(yaml, place, &decoding)
        }
        self.parameters = stage.parameters
    }

    /// Chooses the first form whose ports fit: named inputs go to their port, the others to the free ports in order.
    /// - Parameter names: for each input the port it is meant for, or nil.
    /// - Throws: `Diagnostic` listing the ports when no form fits.
    public func binding(_ names: [String?]) throws(Diagnostic) -> Binding {
        for (index, form) in descriptor.forms.enumerated() {
            var ports = form.inputs
            // A list stands last and takes what is left.
            if let last = ports.last, last.isList { while ports.count < names.count { ports.append(last) } }
            if let inputs = Self.bind(names, ports) {
                return Binding(form: index, inputs: inputs, inputPorts: ports, outputPorts: form.outputs)
            }
        }
        let ports = descriptor.forms.map(\.inputs)
        let id = descriptor.about.id
        let known = Set(ports.joined().map(\.name))
        let shown = ports.map { form in
            form.isEmpty ? "no input" : form.map { $0.isOptional ? "[\($0.name)]" : $0.name }.joined(separator: " ")
        }
        let remedy = "it takes: " + shown.joined(separator: ", or ")
        if let unknown = names.compactMap({ $0 }).first(where: { !known.contains($0) }) {
            let near = nearestName(to: unknown, in: known)
            throw Diagnostic(
                .extraInput, "\(id) has no input '\(unknown)'",
                remedy: near.map { "did you mean '\($0)'? \(remedy)" } ?? remedy)
        }
        let fewest = ports.map { $0.count { !$0.isOptional } }.min() ?? 0
        throw Diagnostic(
            names.count < fewest ? .missingInput : .extraInput,
            "the \(names.count) given input(s) do not fit \(id)", remedy: remedy)
    }

    private static func bind(_ names: [String?], _ ports: [Port]) -> [Int?]? {
        var bound = [Int?](repeating: nil, count: ports.count)
        for (index, name) in names.enumerated() {
            guard let name else { continue }
            let free = zip(ports, bound).enumerated().first { $1.0.name == name && $1.1 == nil }
            guard let free else { return nil }
            bound[free.offset] = index
        }
        for (index, name) in names.enumerated() where name == nil {
            guard let port = bound.firstIndex(where: { $0 == nil }) else { return nil }
            bound[port] = index
        }
        for (port, input) in zip(ports, bound) where input == nil && !port.isOptional { return nil }
        return bound
    }

    /// Predicted peak of bytes: inputs, results and scratch.
    public func predictedBytes(_ binding: Binding, _ context: CostContext) -> Int {
        let cost = stage.cost(context, binding.outputPorts.count)
        var parts = [max(0, cost.scratchBytes)]
        parts += zip(binding.inputPorts, context.inputs).map { $1?.bytes(as: $0.type) ?? 0 }
        parts += zip(binding.outputPorts, cost.outputs).map { $1.bytes(as: $0.type) }
        return parts.reduce(0) { sum, next in
            let result = sum.addingReportingOverflow(next)
            return result.overflow ? .max : result.partialValue
        }
    }

    /// Calls the stage.
    /// - Parameter inputs: one for each input port, in order.
    /// - Returns: one value for each output port, in order; nil where `context` does not want it.
    public func callAsFunction(
        _ binding: Binding, _ inputs: [(any PortValue)?], context: StageContext
    ) throws -> [(any PortValue)?] {
        guard inputs.count == binding.inputPorts.count, binding.form < stage.calls.count else {
            throw Diagnostic.miswired(descriptor.about.id)
        }
        do {
            return try stage.calls[binding.form](inputs, context)
        } catch {
            var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
            diagnostic.message = "\(descriptor.about.id): \(diagnostic.message)"
            throw diagnostic
        }
    }
}

/// A writer with its options, to be called without a pipeline.
public struct SingleWriter: Sendable {
    private let writer: ConfiguredWriter

    /// - Parameters:
    ///   - suffix: a file extension, with or without its dot.
    ///   - options: as under `with:` of an output.
    /// - Throws: `DiagnosticList` when nothing writes such values under that extension, or options are wrong.
    public init(
        for type: PortType, extension suffix: String, options: [GivenParameter] = [], catalog: Catalog
    ) throws {
        let suffix = (suffix.hasPrefix(".") ? String(suffix.dropFirst()) : suffix).lowercased()
        guard let descriptor = catalog.writer(for: type, extension: suffix) else {
            let known = catalog.writers.filter { $0.type == type }.flatMap(\.fileExtensions).map { ".\($0)" }
            let what = type.name == "image" ? "an image" : type.name.hasSuffix("s") ? type.name : "a \(type.name)"
            throw DiagnosticList([
                Diagnostic(
                    .unknownFormat,
                    suffix.isEmpty
                        ? "a name without an extension does not say how to write \(what)"
                        : "\(what) cannot be written as '.\(suffix)'",
                    remedy: known.isEmpty ? "nothing writes \(what)" : "use one of: \(known.joined(separator: ", "))")
            ])
        }
        writer = try decoded(options, folder: ".") { yaml, decoding in descriptor.configure(yaml, nil, &decoding) }
    }

    /// Writes the value so that a reader sees all of the new file or none of it; folders are made.
    public func write(_ value: any PortValue, to path: String) throws {
        let temporary = ".lucency-tmp-\(Machine.processID)-\(FileSystem.name(of: path).prefix(64))"
        do {
            try FileSystem.replace(path, temporaryName: temporary) { try writer.write(value, $0) }
        } catch {
            // Encoders name the temporary file; nobody else should hear of it.
            var diagnostic = Diagnostic.wrapping(error, as: .writeFailed)
            if let place = diagnostic.place, FileSystem.name(of: place.file) == temporary {
                diagnostic.place?.file = path
            }
            throw diagnostic.located(in: path)
        }
    }
}

/// Decodes parameters and throws everything that is wrong with them together.
private func decoded<R>(
    _ given: [GivenParameter], folder: String, _ body: (LocatedYAML?, inout Decoding) -> R
) throws -> R {
    var decoding = Decoding(folder: folder)
    let result = body(try GivenParameter.mapping(given), &decoding)
    guard !decoding.hasErrors else { throw DiagnosticList(decoding.diagnostics) }
    return result
}
