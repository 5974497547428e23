import LucencyFoundation
import LucencyTensor

extension Parameters {
    /// How strictly names must agree.
    public enum Strictness: Sendable {
        /// Every parameter must be there, and nothing else.
        case exact
        /// Tensors that the network does not know are left out, with a warning.
        case allowsUnexpected
        /// Also, parameters that are missing keep their values, with a warning: for networks that share only a part.
        case allowsMissing
    }

    /// Takes values from tensors by name: all of them, or none if anything is wrong.
    ///
    /// Counters of batches that PyTorch keeps (`num_batches_tracked`) are passed over.
    /// - Returns: warnings about what was left out or kept.
    /// - Throws: `DiagnosticList` with everything that is missing, unexpected, of another shape, or mapped twice.
    @discardableResult
    public func load(
        _ tensors: [String: Tensor], names map: NameMap = .identity, strictness: Strictness = .exact
    ) throws(DiagnosticList) -> [Diagnostic] {
        var problems: [Diagnostic] = [], found: [String: String] = [:]
        let isLenient = strictness == .allowsMissing
        for source in tensors.keys.sorted() {
            guard !source.hasSuffix("num_batches_tracked"), let name = map(source), let tensor = tensors[source] else {
                continue
            }
            let spelling = name == source ? "'\(name)'" : "'\(source)' (here '\(name)')"
            guard let slot = slot(name) else {
                problems.append(
                    Diagnostic(
                        .unknownReference, "the network has no parameter \(spelling), of shape \(tensor.shape)",
                        severity: strictness == .exact ? .error : .warning))
                continue
            }
            if let other = found.updateValue(source, forKey: name) {
                problems.append(Diagnostic(.duplicateName, "'\(other)' and '\(source)' are both for '\(name)'"))
            } else if tensor.shape != slot.declaration.shape {
                problems.append(
                    Diagnostic(
                        .shapeMismatch,
                        "the tensor \(spelling) has the shape \(tensor.shape), the network needs "
                            + "\(slot.declaration.shape)"))
            }
        }
        for declaration in declarations where found[declaration.name] == nil {
            problems.append(
                Diagnostic(
                    .missingKey, "there is no tensor for the parameter '\(declaration.name)' of \(declaration.shape)",
                    severity: isLenient ? .warning : .error))
        }
        guard problems.allSatisfy({ $0.severity < .error }) else { throw DiagnosticList(problems) }
        for (name, source) in found {
            guard let tensor = tensors[source] else { continue }
            // Names and shapes were checked above.
            do throws(Diagnostic) { try set(name, to: tensor) } catch { throw DiagnosticList([error]) }
        }
        return problems
    }

    /// All values by name, for writing.
    public var tensors: [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for declaration in declarations { tensors[declaration.name] = self[declaration.name] }
        return tensors
    }
}
