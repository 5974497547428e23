import LucencyFoundation
import LucencyTensor

extension NameMap {
    /// For checkpoints of nnU-Net v2, which hold most tensors two or three times (a decoder refers to its encoder, and a
    /// unit lists its parts again) and may have been saved from within a wrapper.
    public static var nnUNet: NameMap {
        get throws(Diagnostic) {
            try NameMap([
                "*.all_modules.*": nil, "decoder.encoder.*": nil, "module.decoder.encoder.*": nil,
                "_orig_mod.decoder.encoder.*": nil, "module.*": "*", "_orig_mod.*": "*",
            ])
        }
    }
}

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

    /// A tensor that is offered for a parameter; its numbers are read when all names and shapes are known to fit.
    private struct Offer {
        let name: String
        let shape: [Int]
        let read: () throws(Diagnostic) -> Tensor
    }

    /// Takes values from a weights file by name: all of them, or none if anything is wrong.
    ///
    /// Counters of batches that PyTorch keeps (`num_batches_tracked`) are passed over.
    /// - Parameter names: what the file's names become; nil leaves them.
    /// - Returns: warnings about what was left out or kept.
    /// - Throws: `DiagnosticList` with everything that is missing, unexpected, of another shape, there twice, or not finite.
    @discardableResult
    public func load(
        _ weights: Weights, names: NameMap? = nil, strictness: Strictness = .exact
    ) throws(DiagnosticList) -> [Diagnostic] {
        let tensors = names?.apply(to: weights.tensors).tensors ?? weights.tensors
        return try load(
            tensors.map { stored in
                Offer(name: stored.name, shape: stored.shape) { () throws(Diagnostic) in
                    try Tensor(Shape(stored.shape), stored.floats())
                }
            }, strictness)
    }

    /// Takes values from tensors by name: all of them, or none if anything is wrong.
    /// - Returns: warnings about what was left out or kept.
    /// - Throws: `DiagnosticList` with everything that is missing, unexpected, or of another shape.
    @discardableResult
    public func load(
        _ tensors: [String: Tensor], strictness: Strictness = .exact
    ) throws(DiagnosticList) -> [Diagnostic] {
        try load(
            tensors.sorted { $0.key < $1.key }.map { name, tensor in
                Offer(name: name, shape: tensor.shape.dimensions) { tensor }
            }, strictness)
    }

    private func load(_ offers: [Offer], _ strictness: Strictness) throws(DiagnosticList) -> [Diagnostic] {
        var problems: [Diagnostic] = [], found: [String: Offer] = [:]
        for offer in offers where !offer.name.hasSuffix("num_batches_tracked") {
            guard let slot = slot(offer.name) else {
                problems.append(
                    Diagnostic(
                        .unknownReference, "the network has no parameter '\(offer.name)', of shape \(offer.shape)",
                        severity: strictness == .exact ? .error : .warning))
                continue
            }
            if found.updateValue(offer, forKey: offer.name) != nil {
                problems.append(Diagnostic(.duplicateName, "there are two tensors for '\(offer.name)'"))
            } else if offer.shape != slot.declaration.shape.dimensions {
                problems.append(
                    Diagnostic(
                        .shapeMismatch,
                        "the tensor '\(offer.name)' has the shape \(offer.shape), the network needs "
                            + "\(slot.declaration.shape)"))
            }
        }
        for declaration in declarations where found[declaration.name] == nil {
            problems.append(
                Diagnostic(
                    .missingKey, "there is no tensor for the parameter '\(declaration.name)' of \(declaration.shape)",
                    severity: strictness == .allowsMissing ? .warning : .error))
        }
        guard problems.allSatisfy({ $0.severity < .error }) else { throw DiagnosticList(problems) }
        // All numbers are read before any is set, so that a damaged one changes nothing.
        var values: [(String, Tensor)] = []
        for declaration in declarations {
            guard let offer = found[declaration.name] else { continue }
            do { values.append((offer.name, try offer.read())) } catch { problems.append(error) }
        }
        guard problems.allSatisfy({ $0.severity < .error }) else { throw DiagnosticList(problems) }
        for (name, tensor) in values {
            do { try set(name, to: tensor) } catch { throw DiagnosticList([error]) }
        }
        return problems
    }

    /// All values by name.
    public var tensors: [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for declaration in declarations { tensors[declaration.name] = self[declaration.name] }
        return tensors
    }

    /// All values under their PyTorch names, in the order of their use, for writing.
    public var weights: Weights {
        get throws(Diagnostic) {
            var stored: [StoredTensor] = []
            for declaration in declarations {
                guard let tensor = self[declaration.name] else { continue }
                stored.append(
                    try StoredTensor(
                        name: declaration.name, shape: declaration.shape.dimensions, floats: tensor.buffer))
            }
            return try Weights(stored)
        }
    }
}
