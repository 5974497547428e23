import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Makes the batch of a step: which cases, which patches, their augmentation. All of it follows from the seed and the number
/// of the step, so that workers and interruptions change nothing.
package struct BatchMaker: Sendable {
    var cases: [TrainingCase]
    let settings: TrainingSettings
    let sampler: PatchSampler
    let augmentation: AugmentationPipeline
    let classes: Int

    /// The same for other cases, such as those whose labels were changed.
    func of(_ cases: [TrainingCase]) -> BatchMaker {
        var copy = self
        copy.cases = cases
        return copy
    }

    /// A batch in the form that a tape takes.
    package struct Batch: Sendable {
        /// N, C, spatial.
        package let images: Tensor
        let samples: [ObjectiveSample]
        /// Label maps and what the network sees of them, for coarser scales.
        let labels: [LabelMap]
        let pictures: [AlignedBuffer<Float>]
        /// Of the cases that the patches were cut from, and the maps that followed them.
        package let names: [String]
        package let maps: [[SampleMap]]
        /// What each was made of.
        package let origins: [PatchOrigin]
    }

    /// What stands at one place of a batch.
    private struct Made {
        let sample: Sample
        let objective: ObjectiveSample
        let labels: LabelMap
        let origin: PatchOrigin
    }

    /// Steps in a pass over the cases.
    var stepsPerEpoch: Int { max(1, (cases.count * settings.patchesPerCase + settings.batch - 1) / settings.batch) }

    func callAsFunction(step: Int, pool: ThreadPool) throws -> Batch {
        let count = settings.batch
        let chosen = (0..<count).map {
            shuffledItem(at: step * count + $0, of: cases.count, seed: settings.seed, stream: "training.order")
        }
        let made = Lock<[Int: Made]>([:])
        try pool.forEach(count) { position in
            let item = cases[chosen[position]]
            let patch = try sampler.draw(
                in: item, seed: settings.seed, step: step, position: position, batch: count)
            let drawn = try augmentation.draw(
                seed: settings.seed, step: step, name: item.name, position: position, for: sampler.form(of: item))
            let sample = try AugmentationPipeline.apply(drawn, to: patch, of: item, by: sampler)
            let geometry = try Geometry(
                size: sample.size, spacing: sample.spacing, source: .stated(.mm))
            let labels = try LabelMap(geometry: geometry, labels: sample.labels)
            let objective = try settings.objective.sample(labels, image: sample.image, classes: classes)
            let origin = PatchOrigin(item: chosen[position], patch: patch, drawn: drawn)
            made.withLock {
                $0[position] = Made(sample: sample, objective: objective, labels: labels, origin: origin)
            }
        }
        let all = made.withLock { made in (0..<count).compactMap { made[$0] } }
        guard let first = all.first, all.count == count, all.allSatisfy({ $0.sample.size == first.sample.size }) else {
            throw Diagnostic(
                .sizeMismatch, "the images of a batch differ in size",
                remedy: "give a patch size: `patch: [256, 256]`")
        }
        let size = first.sample.size
        let spatial = size.isPlanar && settings.patch.count < 3 ? [size.y, size.x] : [size.z, size.y, size.x]
        let shape = try Shape([count, first.sample.channels] + spatial)
        let images = Tensor(trusted: shape) { target in
            var place = 0
            for entry in all {
                entry.sample.image.withUnsafeBufferPointer { source in
                    _ = UnsafeMutableBufferPointer(rebasing: target[place..<place + source.count]).initialize(
                        from: source)
                    place += source.count
                }
            }
        }
        return Batch(
            images: images, samples: all.map(\.objective), labels: all.map(\.labels),
            pictures: all.map(\.sample.image), names: all.map(\.sample.name), maps: all.map(\.sample.maps),
            origins: all.map(\.origin))
    }

    /// What the objective needs at a scale.
    /// - Parameter factors: how much coarser it is, per axis.
    func samples(_ batch: Batch, factors: [Int]) throws -> [ObjectiveSample] {
        guard factors.contains(where: { $0 != 1 }) else { return batch.samples }
        let coarser = Subsampling(factors)
        return try zip(batch.labels, batch.pictures).map { labels, picture in
            try settings.objective.sample(
                coarser(labels), image: coarser(picture, size: labels.size), classes: classes)
        }
    }
}
