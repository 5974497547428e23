import Foundation
import Lucency
import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// Cases to measure, in files of plain numbers: a few different ones, which stand for as many as are asked for.
struct CalibrationMaterial {
    let folder: String
    /// Pixels along each side.
    let size: Int
    let classes: Int
    let files: Int

    /// Writes the files: discs of the classes on background, and the probabilities of something that finds them but for
    /// noise, and is too sure of itself.
    func write() throws {
        let count = size * size
        for file in 0..<files {
            var random = PhiloxStream(seed: 5, stream: "bench.calibration", index: file)
            var labels = [UInt8](repeating: 0, count: count)
            for disc in 0..<3 * classes {
                let x = random.uniform(in: 0...Double(size)), y = random.uniform(in: 0...Double(size))
                let radius = random.uniform(in: Double(size) / 24...Double(size) / 7)
                for index in 0..<count {
                    let dx = Double(index % size) - x, dy = Double(index / size) - y
                    if dx * dx + dy * dy < radius * radius { labels[index] = UInt8(disc % classes) }
                }
            }
            var values = [Float](repeating: 0, count: count * classes)
            for index in 0..<count {
                var logits = (0..<classes).map { _ in random.normal() * 1.5 }
                logits[Int(labels[index])] += 5
                let top = logits.max() ?? 0, powers = logits.map { exp($0 - top) }
                let total = powers.reduce(0, +)
                for plane in 0..<classes { values[plane * count + index] = Float(powers[plane] / total) }
            }
            try values.withUnsafeBytes { try Data($0).write(to: url(file, "probabilities")) }
            try Data(labels).write(to: url(file, "labels"))
        }
    }

    private func url(_ file: Int, _ kind: String) -> URL { URL(filePath: "\(folder)/\(file).\(kind)") }

    /// A case, read from its files.
    func read(_ index: Int) throws -> (probabilities: ProbabilityMap, reference: LabelMap) {
        let geometry = try Geometry(size: GridSize(size, size)), file = index % files
        let bytes = try Data(contentsOf: url(file, "probabilities"))
        let values = AlignedBuffer<Float>(count: bytes.count / MemoryLayout<Float>.stride) { out in
            _ = bytes.copyBytes(to: out)
        }
        let stored = try Data(contentsOf: url(file, "labels"))
        let labels = AlignedBuffer<Int32>(count: stored.count) { out in
            stored.withUnsafeBytes { stored in for place in 0..<stored.count { out[place] = Int32(stored[place]) } }
        }
        return (
            try ProbabilityMap(geometry: geometry, classes: (0..<classes).map { "class \($0)" }, values: values),
            try LabelMap(geometry: geometry, labels: labels)
        )
    }
}
