import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Spoils an image without moving anything in it: brightness, contrast, gamma, noise, blur, and a rectangle that is cut out.
///
/// In place of the colour jitter of CW-BASS's and FixMatch's programs [ours]. Expects channels normalised to mean 0 and
/// standard deviation 1.
struct StrongAugmentation: Sendable {
    private static let pipeline: AugmentationPipeline = {
        var brightness = Brightness(), contrast = Contrast(), gamma = Gamma()
        var noise = GaussianNoise(), blur = GaussianBlur()
        brightness.probability = 0.8
        brightness.factor = Interval(0.7, 1.4)
        brightness.addition = Interval(-0.3, 0.3)
        contrast.probability = 0.8
        contrast.factor = Interval(0.65, 1.5)
        gamma.probability = 0.5
        noise.probability = 0.5
        noise.deviation = Interval(0, 0.3)
        blur.probability = 0.5
        blur.channelProbability = 1
        blur.deviation = Interval(0.3, 1.2)
        return AugmentationPipeline([
            .brightness(brightness), .contrast(contrast), .gamma(gamma), .noise(noise), .blur(blur),
        ])
    }()

    // As in the authors' program of CW-BASS.
    private static let cutProbability = 0.5, cutArea = Interval(0.02, 0.4), cutAspect = Interval(0.3, 3.3)

    let seed: UInt64

    /// Pixels that were cut out get the label -1.
    /// - Throws: `Diagnostic` when augmentations do not fit the sample.
    func callAsFunction(_ sample: Sample, step: Int, position: Int) throws -> Sample {
        let drawn = try Self.pipeline.draw(
            seed: seed, step: step, name: sample.name, position: position, for: sample.form)
        var result = try AugmentationPipeline.apply(drawn, to: sample)
        var random = PhiloxStream(seed: seed, stream: "cutout.\(step)", index: position)
        if random.uniform() < Self.cutProbability { cut(&result, &random) }
        return result
    }

    /// Through all slices of a volume.
    private func cut(_ sample: inout Sample, _ random: inout PhiloxStream) {
        let size = sample.size, area = Self.cutArea.draw(from: &random) * Double(size.x * size.y)
        let aspect = Self.cutAspect.draw(from: &random)
        let width = min(size.x, max(1, Int((area * aspect).squareRoot().rounded())))
        let height = min(size.y, max(1, Int((area / aspect).squareRoot().rounded())))
        let left = random.int(in: 0...size.x - width), top = random.int(in: 0...size.y - height)
        func forEachRow(_ body: (Range<Int>) -> Void) {
            for z in 0..<size.z {
                for y in top..<top + height {
                    let first = (z * size.y + y) * size.x + left
                    body(first..<first + width)
                }
            }
        }
        for channel in 0..<sample.channels {
            sample.withChannel(channel) { values in
                forEachRow { values[$0].update(repeating: 0) }
            }
        }
        sample.labels.withUnsafeMutableBufferPointer { labels in
            forEachRow { labels[$0].update(repeating: LabelMap.ignoreLabel) }
        }
    }
}
