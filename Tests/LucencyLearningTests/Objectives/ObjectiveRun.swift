import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor

/// An objective run once on given logits.
struct ObjectiveRun {
    let total: Float
    /// By name, without weights.
    let parts: [String: Float]
    /// Of the total, in the logits.
    let gradient: [Float]

    init(
        _ objective: Objective, logits: Tensor, labels: [LabelMap], images: [AlignedBuffer<Float>] = [],
        teacher: (probabilities: Tensor, part: Float)? = nil, family: KernelFamily = .best, threads: Int = 1
    ) throws {
        let tape = Tape(.training), pool = ThreadPool(threads: threads)
        let x = tape.input("logits", logits.shape)
        let inputs = try objective.inputs(on: tape, logits: logits.shape)
        let values = try objective.record(on: tape, logits: x, inputs: inputs)
        let plan = try TensorPlan(
            tape, outputs: [values.total] + values.parts.map(\.value), gradientsOf: values.total, inputGradients: [x],
            options: .init(kernels: Kernels(family: family)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: pool)
        let samples = try labels.enumerated().map { index, labels in
            try objective.sample(
                labels, image: images.isEmpty ? nil : images[index], classes: logits.shape[1], pool: pool)
        }
        var given = try inputs.tensors(samples)
        if let teacher { try inputs.teach(&given, probabilities: teacher.probabilities, part: teacher.part) }
        given[x] = logits
        try workspace.run(given)
        total = try workspace.tensor(values.total).scalar
        var parts: [String: Float] = [:]
        for part in values.parts { parts[part.name] = try workspace.tensor(part.value).scalar }
        self.parts = parts
        gradient = try workspace.gradient(of: x).array
    }

    /// Label maps from numbers in row-major order, N × (D ×) H × W.
    static func maps(_ shape: [Int], _ labels: [Int], spacing: SIMD3<Double>? = nil) throws -> [LabelMap] {
        let volume = shape.dropFirst()
        let size = GridSize(shape[shape.count - 1], shape[shape.count - 2], volume.count > 2 ? shape[1] : 1)
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try (0..<shape[0]).map { image in
            let part = labels[image * size.count..<(image + 1) * size.count]
            return try LabelMap(geometry: geometry, labels: AlignedBuffer(part.map { Int32($0) }))
        }
    }

    /// Random logits, and labels of `range`.
    static func random(_ shape: [Int], labels range: ClosedRange<Int>) throws -> (Tensor, [LabelMap]) {
        var stream = PhiloxStream(seed: 5, stream: "objectives")
        let logits = Tensor.normal(try Shape(shape), standardDeviation: 3, from: &stream)
        let spatial = [shape[0]] + shape.dropFirst(2)
        let labels = (0..<spatial.reduce(1, *)).map { _ in stream.int(in: range) }
        return (logits, try maps(spatial, labels))
    }
}
