import LucencyFoundation
import LucencyImaging
import LucencyLearning

/// Samples that tests of augmentation share.
enum Samples {
    /// Random values, labels 0...3 and a map of two channels.
    static func random(
        _ size: GridSize, channels: Int = 1, spacing: SIMD3<Double> = [1, 1, 1], seed: UInt64 = 1
    ) throws -> Sample {
        var stream = PhiloxStream(seed: seed, stream: "sample")
        func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(stream.normal()) } }
        let image = numbers(size.count * channels), map = numbers(size.count * 2)
        let labels = (0..<size.count).map { _ in Int32(stream.int(in: 0...3)) }
        return try Sample(
            name: "random", form: SampleForm(size: size, spacing: spacing, channels: channels),
            image: AlignedBuffer(image), labels: AlignedBuffer(labels),
            maps: [SampleMap(name: "soft", channels: 2, values: AlignedBuffer(map))])
    }

    /// Values and labels by a function of x, y, z.
    static func drawn(
        _ size: GridSize, spacing: SIMD3<Double> = [1, 1, 1], _ value: (Double, Double, Double) -> Double
    ) throws -> Sample {
        var values: [Float] = []
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<size.x { values.append(Float(value(Double(x), Double(y), Double(z)))) }
            }
        }
        return try Sample(
            name: "drawn", form: SampleForm(size: size, spacing: spacing), image: AlignedBuffer(values),
            labels: AlignedBuffer(values.map { $0 > 0.5 ? Int32(1) : 0 }),
            maps: [SampleMap(name: "soft", channels: 1, values: AlignedBuffer(values))])
    }

    /// A disc with a soft edge of one pixel, its label, and its values once more as a map.
    static func disc(_ size: GridSize, x: Double, y: Double, radius: Double) throws -> Sample {
        try drawn(size) { px, py, _ in
            min(1, max(0, radius + 0.5 - ((px - x) * (px - x) + (py - y) * (py - y)).squareRoot()))
        }
    }

    static func image(_ values: [Float], _ size: GridSize, channels: Int = 1) throws -> Sample {
        try Sample(
            name: "image", form: SampleForm(size: size, channels: channels), image: AlignedBuffer(values),
            labels: AlignedBuffer(repeating: 0, count: size.count))
    }
}

extension Sample {
    subscript(_ x: Int, _ y: Int, _ z: Int = 0, channel channel: Int = 0) -> Float {
        image[((channel * size.z + z) * size.y + y) * size.x + x]
    }

    func label(_ x: Int, _ y: Int, _ z: Int = 0) -> Int32 { labels[(z * size.y + y) * size.x + x] }

    func values(_ channel: Int = 0) -> [Float] {
        Array(image.array[channel * size.count..<(channel + 1) * size.count])
    }

    /// The sample after one augmentation.
    func after(_ drawn: DrawnAugmentation) throws -> Sample { try AugmentationPipeline.apply([drawn], to: self) }

    /// The overlap of the label 1 with where the image exceeds a half.
    var alignment: Double {
        var both = 0, sum = 0
        for (value, label) in zip(image.array, labels.array) where label >= 0 {
            both += value > 0.5 && label == 1 ? 1 : 0
            sum += (value > 0.5 ? 1 : 0) + (label == 1 ? 1 : 0)
        }
        return 2 * Double(both) / Double(sum)
    }
}

extension [Float] {
    var mean: Double { map(Double.init).reduce(0, +) / Double(count) }
    var deviation: Double {
        let mean = mean
        return (map { (Double($0) - mean) * (Double($0) - mean) }.reduce(0, +) / Double(count)).squareRoot()
    }
}
