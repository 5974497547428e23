import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench images OUT`: renders pictures of membranes, with their true masks on demand.
struct ImagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images", abstract: "Renders pictures like electron micrographs as 8-bit PNG files.")

    @Argument(help: "The folder for the pictures; it is made if need be.")
    var out: String

    @Option(help: "How many pictures.")
    var count = 4

    @Option(help: "Pictures of the same seed and number are the same.")
    var seed: UInt64 = 1

    @Option(help: "Pixels, 32 to 8192.")
    var width = 512

    @Option(help: "Pixels, 32 to 8192.")
    var height = 512

    @Option(help: "A folder for the true masks: 0 membrane, 255 cell.")
    var masks: String?

    func validate() throws {
        guard 1...100_000 ~= count else { throw ValidationError("--count \(count) is outside 1...100000") }
    }

    func run() throws {
        let pool = ThreadPool(threads: ProcessInfo.processInfo.activeProcessorCount)
        let phantom = Membranes(width: width, height: height)
        let digits = max(2, String(count - 1).count)
        for folder in [out] + (masks.map { [$0] } ?? []) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        for index in 0..<count {
            let number = String(index)
            let name = String(repeating: "0", count: digits - number.count) + number + ".png"
            let values = try phantom(seed: seed, index: index, ["image", "label"], pool: pool).values
            guard let image = values["image"]?.image, let labels = values["label"]?.labels else { continue }
            try PNGFormat().write(image, to: "\(out)/\(name)", options: WriteOptions(bits: 8))
            if let masks {
                try PNGFormat().write(visible(labels), to: "\(masks)/\(name)", options: WriteOptions(bits: 8))
            }
        }
        print(
            "\(count) pictures of \(width) × \(height) pixels in \(out)\(masks.map { ", their masks in \($0)" } ?? "")")
    }

    /// Cells as 255, so that any viewer shows the mask.
    private func visible(_ labels: LabelMap) throws -> LabelMap {
        try LabelMap(geometry: labels.geometry, labels: AlignedBuffer(labels.labels.array.map { $0 * 255 }))
    }
}
