import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Draws batches of images without labels: patches and augmentation as of labelled ones, with random numbers of their own.
package struct UnlabelledBatches {
    package struct Batch {
        /// What the teacher sees: N, C, spatial.
        package let images: Tensor
        /// What the student sees: the same pixels, or spoilt ones.
        package let spoilt: Tensor
        /// N, spatial: -1 beyond an image and where it was cut out, else 0.
        package let counted: Tensor
        /// N, spatial: -1 beyond an image, else 0.
        package let present: Tensor
    }

    private let batches: BatchMaker
    private let strong: StrongAugmentation?

    /// - Parameter isStrong: whether the student sees spoilt images.
    package init(_ training: StrategyTraining, isStrong: Bool) throws {
        var settings = training.settings
        // Of labels that nobody has, an objective needs nothing.
        settings.objective = Objective([CrossEntropyTarget()])
        var random = PhiloxStream(seed: settings.seed, stream: "unlabelled")
        settings.seed = random.next()
        strong = isStrong ? StrongAugmentation(seed: random.next()) : nil
        // A label of 0 within images, so that what lies beyond them can be told from it; images of a size share them.
        var blank: [Int: AlignedBuffer<Int32>] = [:]
        let cases = try training.unlabelled.map { item in
            let sample = item.sample, count = sample.size.count
            let labels = blank[count] ?? AlignedBuffer(repeating: 0, count: count)
            blank[count] = labels
            return TrainingCase(
                try Sample(name: sample.name, form: sample.form, image: sample.image, labels: labels))
        }
        batches = BatchMaker(
            cases: cases, settings: settings, sampler: training.sampler, augmentation: settings.augmentation,
            classes: training.classes)
    }

    package func callAsFunction(step: Int, pool: ThreadPool) throws -> Batch {
        let batch = try batches(step: step, pool: pool), count = batch.names.count
        let labels = batch.labels.map(\.labels), present = Self.counted(labels, batch.images.shape)
        guard let strong else {
            return Batch(images: batch.images, spoilt: batch.images, counted: present, present: present)
        }
        let made = Lock<[Int: Sample]>([:])
        try pool.forEach(count) { position in
            let geometry = batch.labels[position].geometry
            let form = SampleForm(size: geometry.size, spacing: geometry.spacing, channels: batch.images.shape.channels)
            let sample = try strong(
                Sample(
                    name: batch.names[position], form: form, image: batch.pictures[position],
                    labels: labels[position]),
                step: step, position: position)
            made.withLock { $0[position] = sample }
        }
        let samples = made.withLock { made in (0..<count).compactMap { made[$0] } }
        let spoilt = Tensor(trusted: batch.images.shape) { target in
            var place = 0
            for sample in samples {
                for index in 0..<sample.image.count { target[place &+ index] = sample.image[index] }
                place += sample.image.count
            }
        }
        return Batch(
            images: batch.images, spoilt: spoilt, counted: Self.counted(samples.map(\.labels), batch.images.shape),
            present: present)
    }

    private static func counted(_ labels: [AlignedBuffer<Int32>], _ images: Shape) -> Tensor {
        Tensor(trusted: Shape(trusted: [images.images] + images.spatial)) { target in
            var place = 0
            for labels in labels {
                for index in 0..<labels.count { target[place &+ index] = Float(labels[index]) }
                place += labels.count
            }
        }
    }
}
