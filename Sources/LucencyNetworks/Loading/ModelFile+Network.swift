import LucencyFoundation
import LucencyTensor

extension ModelFile {
    /// A model of a network and its parameters, ready to be written.
    /// - Throws: `Diagnostic` naming the part that is not possible.
    public init(
        _ network: some LucencyNetworks.Network, parameters: Parameters, preprocessing: Preprocessing? = nil,
        classes: ClassTable? = nil, training: JSONValue? = nil
    ) throws(Diagnostic) {
        try self.init(
            network: Network(kind: type(of: network).kind, configuration: JSONValue(encoding: network)),
            preprocessing: preprocessing, classes: classes, training: training, weights: parameters.weights)
    }

    /// The network that the file names, without its weights.
    /// - Throws: `Diagnostic` where it names none, `DiagnosticList` where its settings make none.
    func builtNetwork() throws -> any LucencyNetworks.Network {
        guard let network else {
            throw Diagnostic(
                .missingKey, "the file has weights, but does not say of which network",
                remedy: "make a model of it: lucency model import")
        }
        return try NetworkRegistry.network(network.kind, network.configuration)
    }

    /// The network that the file names, with its weights, ready to run.
    /// - Throws: `DiagnosticList` with everything that does not fit: an unknown kind of network or setting, or weights that
    ///   are not that network's.
    /// - Parameter result: which of the network's results is wanted.
    public func predictor(
        result: Int = 0, pool: ThreadPool = .serial, kernels: Kernels = Kernels(family: .best),
        edges: EdgeExtension = .mirrored
    ) throws(DiagnosticList) -> Predictor {
        do {
            let built = try builtNetwork()
            // What the file holds bounds what is allocated: settings alone could ask for any amount. A little more is let
            // through, so that all names that are missing can be told.
            let declarations = try built.declarations()
            let needed = saturatingSum(declarations.map(\.shape.count))
            let held = saturatingSum(weights.tensors.map(\.count))
            guard needed <= max(held, 1 << 24) else {
                throw Diagnostic(
                    .missingKey, "the network of these settings has \(needed) weights, the file holds \(held)")
            }
            let parameters = try Parameters(declarations.map(\.unset), seed: 0)
            try parameters.load(weights)
            return try Predictor(
                built, parameters: parameters, result: result, pool: pool, kernels: kernels, edges: edges)
        } catch let list as DiagnosticList {
            throw DiagnosticList(
                list.diagnostics.map { diagnostic in path.map { diagnostic.located(in: $0) } ?? diagnostic })
        } catch {
            let diagnostic = Diagnostic.wrapping(error, as: .badValue)
            throw DiagnosticList([path.map { diagnostic.located(in: $0) } ?? diagnostic])
        }
    }
}
