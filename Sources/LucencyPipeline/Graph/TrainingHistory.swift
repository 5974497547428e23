import LucencyFoundation

/// Whether images come to a trained model as its training images did.
extension PlanBuilder {
    /// Warns where a model will see images that came through other item stages than those it was trained with.
    mutating func checkHistories(in plan: Plan) {
        var models: [Int: JSONValue?] = [:]
        for node in plan.nodes {
            guard let row = node.rows.first, let trained = catalog.stage(node.about.id)?.trainedInput,
                let model = zip(node.inputPorts, row).first(where: { $0.0.name == trained.model })?.1,
                let own = plan.histories(of: node)[trained.port],
                let expected = trainingHistory(of: model, in: plan, &models), own != expected
            else { continue }
            decoding.report(
                Diagnostic(
                    .differentHistory,
                    "'\(node.label)': the model was trained on images that came through \(shown(expected)); "
                        + "those it is given came through \(shown(own))",
                    at: node.place, remedy: "prepare them alike (`like: STAGE`)", severity: .warning))
        }
    }

    /// The item stages that a model's training images came through; nil where that is not known.
    private mutating func trainingHistory(
        of wire: PlanInput, in plan: Plan, _ known: inout [Int: JSONValue?]
    ) -> JSONValue? {
        let node = plan.nodes[wire.node]
        switch node.kind {
        case .collector:
            return node.inputPorts.first.flatMap { plan.histories(of: node)[$0.name] }
        case .stage(let stage, let form):
            if let first = node.rows[0].first {
                guard let first, plan.nodes[first.node].scope == .whole else { return nil }
                return trainingHistory(of: first, in: plan, &known)
            }
            if let found = known[wire.node] { return found }
            var history: JSONValue?
            do {
                let values = try stage.calls[form]([], StageContext(seed: node.seed, stage: node.name))
                if values.indices.contains(wire.output) { history = values[wire.output]?.trainingHistory }
            } catch {
                var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
                if diagnostic.place == nil { diagnostic.place = node.place }
                decoding.report(diagnostic)
            }
            known[wire.node] = .some(history)
            return history
        case .source: return nil
        }
    }

    /// `gray → resample {size: [256, 256]}`.
    private func shown(_ history: JSONValue) -> String {
        let stages = (history.arrayValue ?? []).map { stage in
            let settings = stage["with"]?.objectValue ?? [:]
            return (stage["uses"]?.stringValue ?? "?") + (settings.isEmpty ? "" : " " + JSONValue.object(settings).text)
        }
        return stages.isEmpty ? "no stage" : stages.joined(separator: " → ")
    }
}
