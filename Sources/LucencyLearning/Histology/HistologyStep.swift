import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// A joint training step as a tape, and the plan by which it is run: forward, objective, backward.
struct HistologyStep {
    let coarse: Value
    let sharp: Value
    let labels: Value
    let loss: Value
    let parts: [ObjectiveValues.Part]
    let plan: TensorPlan

    /// - Parameters:
    ///   - objective: without the terms that have no part in this stage; where none is of the classifier, it is left out.
    ///   - classWeights: one for each class, or none.
    init(
        _ network: SHISRCNet, settings: HistologySettings, objective: HistologyObjective, classWeights: [Float],
        kernels: Kernels
    ) throws {
        let tape = Tape(.training), factor = network.factor, side = settings.patch, channels = network.inputChannels
        coarse = tape.input("coarse", try Shape([settings.batch, channels, side / factor, side / factor]))
        sharp = tape.input("sharp", try Shape([settings.batch, channels, side, side]))
        labels = tape.input("labels", try Shape([settings.batch]))
        let scope = Scope(tape)
        let place = settings.order == .classifierOnly ? scope["sr"].frozen : scope["sr"]
        let upscaled = try network.resolver(coarse, place)[0]
        var views: (upscaled: HistologyObjective.View, sharp: HistologyObjective.View)?
        if objective.usesClassifier {
            func view(_ image: Value) throws(Diagnostic) -> HistologyObjective.View {
                let told = try network.classifier.withDescriptor(image, scope["cf"])
                return .init(logits: told.logits, descriptors: told.descriptor)
            }
            views = (try view(upscaled), try view(sharp))
        }
        let values = try objective.record(
            on: tape, upscaled: upscaled, sharp: sharp, views: views, labels: labels, classWeights: classWeights)
        (loss, parts) = (values.total, values.parts)
        plan = try TensorPlan(
            tape, outputs: [values.total] + values.parts.map(\.value), gradientsOf: values.total,
            options: .init(kernels: kernels))
    }

    func inputs(_ batch: HistologyBatches.Batch) -> [Value: Tensor] {
        var inputs = [coarse: batch.coarse, sharp: batch.sharp]
        inputs[labels] = batch.labels
        return inputs
    }
}
