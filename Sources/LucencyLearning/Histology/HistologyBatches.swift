import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Makes the batch of a step: which pictures, which patches, their augmentation. All of it follows from the seed and the
/// number of the step, so that threads and interruptions change nothing.
package struct HistologyBatches: Sendable {
    let cases: [HistologyCase]
    let settings: HistologySettings
    let factor: Int

    package init(cases: [HistologyCase], settings: HistologySettings, factor: Int) {
        self.cases = cases
        self.settings = settings
        self.factor = factor
    }

    /// A batch in the form that a tape takes; full intensity is 1.
    package struct Batch: Sendable {
        /// B, channels, y, x.
        package let coarse: Tensor
        package let sharp: Tensor
        /// B.
        package let labels: Tensor
    }

    /// Steps in a pass over the pictures.
    var stepsPerEpoch: Int { max(1, (cases.count * settings.patchesPerCase + settings.batch - 1) / settings.batch) }

    package func callAsFunction(step: Int, pool: ThreadPool) throws -> Batch {
        let count = settings.batch
        let chosen = (0..<count).map {
            shuffledItem(at: step * count + $0, of: cases.count, seed: settings.seed, stream: "training.order")
        }
        let made = Lock<[Int: (sharp: Sample, coarse: Sample)]>([:])
        try pool.forEach(count) { position in
            let pair = try pair(cases[chosen[position]], step: step, position: position)
            made.withLock { $0[position] = pair }
        }
        let all = made.withLock { made in (0..<count).compactMap { made[$0] } }
        return Batch(
            coarse: try Self.tensor(all.map(\.coarse), white: settings.white),
            sharp: try Self.tensor(all.map(\.sharp), white: settings.white),
            labels: try Tensor([count], chosen.map { Float(cases[$0].label) }))
    }

    /// A patch of a case in both resolutions, to which the same happens.
    private func pair(_ item: HistologyCase, step: Int, position: Int) throws -> (sharp: Sample, coarse: Sample) {
        var random = PhiloxStream(seed: settings.seed, stream: "patch.\(step)", index: position)
        let side = settings.patch / factor, (width, height) = (item.coarse.size.x, item.coarse.size.y)
        let x = random.int(in: 0...width - side), y = random.int(in: 0...height - side)
        var pair = try item.patch(x: x, y: y, side: settings.patch, factor: factor)
        let drawn = try settings.augmentation.draw(
            seed: settings.seed, step: step, name: item.name, position: position, for: pair.sharp.form)
        pair.sharp = try AugmentationPipeline.apply(drawn, to: pair.sharp)
        pair.coarse = try AugmentationPipeline.apply(drawn, to: pair.coarse)
        return pair
    }

    /// Samples of one form as B, channels, y, x.
    static func tensor(_ samples: [Sample], white: Double) throws(Diagnostic) -> Tensor {
        guard let first = samples.first else { throw Diagnostic(.noItems, "a batch has no pictures") }
        let shape = try Shape([samples.count, first.channels, first.size.y, first.size.x]), scale = Float(1 / white)
        return Tensor(trusted: shape) { target in
            var place = 0
            for sample in samples {
                sample.image.withUnsafeBufferPointer { source in
                    for index in source.indices {
                        target.initializeElement(at: place &+ index, to: source[index] * scale)
                    }
                    place += source.count
                }
            }
        }
    }
}
