import Lucency

/// Trains the networks of one seed on both sides, a step of ours and a step of the peer's in turn.
struct TrainingRun {
    let network: UNet
    let settings: TrainingSettings
    let material: TrainingMaterial
    let kernels: Kernels
    let pool: ThreadPool
    let peer: TrainingPeer?
    /// Batches that stay in the folder; others are removed when the peer has learnt from them.
    let keptBatches: Int

    /// - Parameter folder: what is needed to repeat the training is left here.
    func callAsFunction(seed: Int, in folder: String) throws -> TrainingRow {
        var settings = settings
        settings.seed = UInt64(seed)
        var trainer = try SegmentationTrainer(
            network, classes: network.classes, training: material.training, validation: [], settings: settings,
            kernels: kernels, pool: pool)
        for item in material.test where item.sample.size.y % multiple != 0 || item.sample.size.x % multiple != 0 {
            throw Diagnostic(
                .sizeMismatch, "'\(item.name)' is of \(item.sample.size) pixels",
                remedy: "test images must have extents that \(multiple) divides, as they are predicted in one piece")
        }
        let dump = try TrainingDump(folder: folder)
        try dump.write(try facts(settings), try network.parameters(seed: settings.seed))
        let test = try dump.writeTest(material.test)
        try peer?.prepare(dump)
        var steps: [TrainingRow.Step] = []
        trainer.watch = { report in
            var step = TrainingRow.Step(loss: report.loss, seconds: report.seconds)
            if peer != nil || report.step < keptBatches {
                let batch = try dump.writeBatch(report.step, images: report.images, labels: report.labels)
                if let peer {
                    let answer = try peer.learn(batch)
                    (step.peersLoss, step.peersSeconds) = (answer.loss, answer.seconds)
                }
                if report.step >= keptBatches { FileSystem.remove(batch) }
            }
            steps.append(step)
        }
        guard let result = try trainer.train() else {
            throw Diagnostic(.stageFailed, "training was cancelled")
        }
        try dump.writeLosses(steps)
        return TrainingRow(
            seed: seed, steps: steps, dice: try dice(result.parameters), peersDice: try peer?.dice(test))
    }

    private var multiple: Int { network.sizeMultiple.max() ?? 1 }

    /// What the peer must know besides weights and batches.
    private func facts(_ settings: TrainingSettings) throws -> JSONValue {
        let optimizer = settings.optimizer
        return [
            "inputs": .integer(network.inputChannels), "classes": .integer(network.classes),
            "channels": .array(network.channels.map { .integer($0) }), "seed": .string("\(settings.seed)"),
            "steps": .integer(settings.steps ?? 0), "rate": .number(settings.rate),
            "course": .string(settings.schedule.course.rawValue), "warmUp": .integer(settings.schedule.warmUp),
            "method": .string(optimizer.method.rawValue),
            "beta1": .number(Double(optimizer.beta1)), "beta2": .number(Double(optimizer.beta2)),
            "epsilon": .number(Double(optimizer.epsilon)), "decay": .number(Double(optimizer.decay)),
            "maximumNorm": settings.maximumNorm.map { .number(Double($0)) } ?? .null,
            "objective": try JSONValue(encoding: settings.objective),
        ]
    }

    /// The mean Dice of class 1 over the test images, each predicted in one piece.
    private func dice(_ parameters: Parameters) throws -> Double {
        let predictor = try Predictor(network, parameters: parameters, pool: pool, kernels: kernels)
        let scores = try material.test.compactMap { item -> Double? in
            let logits = try predictor(try item.sample.tensor)
            return Self.overlap(logits, item.sample.labels).dice.value
        }
        return Spread(scores)?.mean ?? .nan
    }

    private static func overlap(_ logits: Tensor, _ labels: AlignedBuffer<Int32>) -> Overlap {
        let classes = logits.shape.channels, pixels = labels.count
        var overlap = Overlap()
        logits.buffer.withUnsafeBufferPointer { values in
            labels.withUnsafeBufferPointer { labels in
                for pixel in 0..<pixels where labels[pixel] >= 0 {
                    var best = 0
                    for number in 1..<classes
                    where values[number &* pixels &+ pixel] > values[best &* pixels &+ pixel] { best = number }
                    switch (best == 1, labels[pixel] == 1) {
                    case (true, true): overlap.truePositives += 1
                    case (true, false): overlap.falsePositives += 1
                    case (false, true): overlap.falseNegatives += 1
                    case (false, false): overlap.trueNegatives += 1
                    }
                }
            }
        }
        return overlap
    }
}
