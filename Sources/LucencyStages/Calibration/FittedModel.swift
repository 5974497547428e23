import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyNetworks

/// A value that was fitted to data and travels in a model file: its numbers are the file's configuration, so that
/// `lucency model inspect` shows them.
protocol FittedValue: Codable, Sendable {
    /// What the file says it is.
    static var kind: String { get }
    /// For messages: `a recalibration`.
    static var title: String { get }
    /// Where one comes from.
    static var remedy: String { get }
}

extension Recalibration: FittedValue {
    static var kind: String { "recalibration" }
    static var title: String { "a recalibration" }
    static var remedy: String { "fit one: calibrate.temperature, calibrate.vector, …" }
}

extension RiskControl: FittedValue {
    static var kind: String { "conformal-masks" }
    static var title: String { "thresholds of masks" }
    static var remedy: String { "choose them: conformal.masks" }
}

extension PixelSets: FittedValue {
    static var kind: String { "conformal-sets" }
    static var title: String { "a threshold of sets" }
    static var remedy: String { "choose it: conformal.sets" }
}

extension ModelFile {
    /// A model file without weights that holds a fitted value.
    init(fitted value: some FittedValue) throws {
        try self.init(
            network: Network(kind: type(of: value).kind, configuration: JSONValue(encoding: value)),
            weights: Weights([]))
    }

    /// The fitted value that the file holds.
    /// - Throws: `Diagnostic` when it holds something else, or numbers that are not possible.
    func fitted<Value: FittedValue>(_ type: Value.Type = Value.self) throws -> Value {
        guard let network, network.kind == Value.kind else {
            let found = network.map { "a model of kind '\($0.kind)'" } ?? "weights of no kind"
            let diagnostic = Diagnostic(
                .badArgument, "\(Value.title) is expected here, not \(found)", remedy: Value.remedy)
            throw path.map { diagnostic.located(in: $0) } ?? diagnostic
        }
        do { return try network.configuration.decoded() } catch {
            throw path.map { error.located(in: $0) } ?? error
        }
    }
}
