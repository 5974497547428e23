import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Reads the calibration fixtures and makes small maps.
enum CalibrationFixture {
    static func json(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyCalibrationTests", "calibration/\(name)"))
    }

    struct Case {
        var probabilities: ProbabilityMap
        var reference: LabelMap
    }

    static func softmax(_ logits: [Double]) -> [Double] {
        let top = logits.max() ?? 0, powers = logits.map { exp($0 - top) }
        return powers.map { $0 / powers.reduce(0, +) }
    }

    /// Class probabilities, one list for each pixel.
    static func map(_ pixels: [[Double]], width: Int, height: Int = 1) throws -> ProbabilityMap {
        let classes = pixels[0].count
        return try ProbabilityMap(
            geometry: Geometry(size: GridSize(width, height)), classes: (0..<classes).map { "class \($0)" },
            values: AlignedBuffer((0..<classes).flatMap { plane in pixels.map { Float($0[plane]) } }))
    }

    static func labels(_ labels: [Int], width: Int, height: Int = 1) throws -> LabelMap {
        try LabelMap(
            geometry: Geometry(size: GridSize(width, height)), labels: AlignedBuffer(labels.map { Int32($0) }))
    }

    /// Logits of every pixel of all images, row-major, and their labels.
    static func pixels(_ fixture: JSONValue) throws -> (logits: [[Double]], labels: [Int]) {
        let shape = try #require(fixture["logits"]?.tensorShape), logits = fixture["logits"]?.tensorData ?? []
        let plane = shape[2] * shape[3]
        let rows = (0..<shape[0] * plane).map { index in
            (0..<shape[1]).map { logits[(index / plane * shape[1] + $0) * plane + index % plane] }
        }
        return (rows, (fixture["labels"]?.tensorData ?? []).map { Int($0) })
    }

    /// The three images of `metrics.json`.
    static func cases() throws -> [Case] {
        let fixture = try json("metrics.json")
        let all = try pixels(fixture)
        let shape = fixture["labels"]?.tensorShape ?? [], plane = shape[1] * shape[2]
        return try (0..<shape[0]).map { image in
            let range = image * plane..<(image + 1) * plane
            return Case(
                probabilities: try map(all.logits[range].map(softmax), width: shape[2], height: shape[1]),
                reference: try labels(Array(all.labels[range]), width: shape[2], height: shape[1]))
        }
    }

    static func summary(_ evaluation: CalibrationEvaluation, pool: ThreadPool = .serial) throws -> CalibrationSummary {
        var summary = CalibrationSummary()
        for (index, item) in try cases().enumerated() {
            try summary.add(
                evaluation(
                    "image \(index)", probabilities: item.probabilities, reference: item.reference, pool: pool))
        }
        return summary
    }
}

/// Probability maps whose labels are drawn from the probabilities, so that they are calibrated; `sharpen` other than 1 makes
/// them over- or underconfident.
struct DrawnCase {
    var probabilities: ProbabilityMap
    var reference: LabelMap
    var truth: ProbabilityMap

    init(_ size: GridSize, classes: Int = 3, sharpen: Double = 1, seed: UInt64) throws {
        var random = PhiloxStream(seed: seed, stream: "drawn")
        var values = AlignedBuffer<Float>(repeating: 0, count: size.count * classes), truth = values
        var labels = AlignedBuffer<Int32>(repeating: 0, count: size.count)
        for index in 0..<size.count {
            let logits = (0..<classes).map { _ in random.normal() * 2 }
            let known = CalibrationFixture.softmax(logits)
            let claimed = CalibrationFixture.softmax(logits.map { $0 * sharpen })
            var left = random.uniform(), label = 0
            while label < classes - 1, left >= known[label] {
                left -= known[label]
                label += 1
            }
            labels[index] = Int32(label)
            for plane in 0..<classes {
                values[plane * size.count + index] = Float(claimed[plane])
                truth[plane * size.count + index] = Float(known[plane])
            }
        }
        let geometry = try Geometry(size: size), names = (0..<classes).map { "class \($0)" }
        probabilities = try ProbabilityMap(geometry: geometry, classes: names, values: values)
        self.truth = try ProbabilityMap(geometry: geometry, classes: names, values: truth)
        reference = try LabelMap(geometry: geometry, labels: labels)
    }
}
