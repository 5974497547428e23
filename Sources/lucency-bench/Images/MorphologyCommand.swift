import ArgumentParser
import Foundation
import Lucency

import struct LucencyMorphology.Morphology

/// `lucency-bench morphology`: thresholds, operations on masks, distances and objects beside SciPy and scikit-image.
struct MorphologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "morphology", abstract: "Times operations on masks and objects beside SciPy and scikit-image.",
        discussion: """
            Masks are what is bright in a smooth random texture. Both sides' results are compared by their sums. Ratios are \
            the peer's time divided by ours, medians of interleaved runs. Run it from the checkout.

            Example: lucency-bench morphology --quick
            """)

    @OptionGroup var options: ImageBenchOptions

    func run() throws {
        try ImageBench(options: options, script: "morphology.py").run { folder in
            let sizes = options.quick ? [GridSize(128, 96)] : [GridSize(1024, 1024), GridSize(128, 128, 128)]
            return try sizes.flatMap { try cases($0, in: folder) }
        }
    }

    private func cases(_ size: GridSize, in folder: String) throws -> [ImageCase] {
        let image = try ImageMaterial.micrograph(size), mask = try ImageMaterial.objects(image)
        let numbered = try Components(connectivity: .full)(mask)
        let shown = size.isPlanar ? "\(size.x)×\(size.y)" : "\(size.x)×\(size.y)×\(size.z)"
        let paths = ["image", "mask"].map { FileSystem.join(folder, "\($0)-\(size.x)x\(size.y)x\(size.z).tif") }
        try TIFFFormat().write(image, to: paths[0], options: WriteOptions(float: true))
        try TIFFFormat().write(mask, to: paths[1], options: WriteOptions(bits: 8))
        func request(_ operation: String, _ radius: Int = 0) -> JSONValue {
            [
                "op": .string(operation), "image": .string(paths[0]), "mask": .string(paths[1]),
                "radius": .integer(radius),
            ]
        }
        func morphology(_ name: String, _ operation: Morphology.Operation, _ request: JSONValue) -> ImageCase {
            ImageCase("\(name) \(shown)", peers: ["scipy", "skimage"], request: request) { pool in
                { try Morphology(operation)(mask, pool: pool).labels.total }
            }
        }
        func ball(_ radius: Double) -> StructuringElement { StructuringElement(.ball, radius: .pixels(radius)) }
        return [
            morphology("erode ball 3", .erode(ball(3)), request("erode", 3)),
            morphology("dilate ball 5", .dilate(ball(5)), request("dilate", 5)),
            morphology("open ball 5", .open(ball(5)), request("open", 5)),
            morphology("fill holes", .fillHoles, request("fill")),
            morphology(
                "remove objects < 64 px", .removeSmallObjects(minimum: .pixels(64)), request("remove-objects", 64)),
            ImageCase("components \(shown)", peers: ["scipy", "skimage"], request: request("components")) { _ in
                { Double(try Components(connectivity: .full)(mask).labels.array.max() ?? 0) }
            },
            ImageCase("distance \(shown)", peers: ["scipy"], request: request("distance"), tolerance: 1e-5) { pool in
                { try DistanceTransform()(mask, pool: pool).pixels.total }
            },
            ImageCase("otsu \(shown)", peers: ["skimage"], request: request("otsu"), tolerance: 0.01) { pool in
                { try Threshold(.otsu)(image, pool: pool).labels.total }
            },
            ImageCase("measure objects \(shown)", peers: ["skimage"], request: request("measure"), tolerance: 1e-4) {
                _ in
                { try Measure()(numbered, in: image).reduce(0) { $0 + ($1.intensity?.mean ?? 0) } }
            },
        ]
            + (size.isPlanar
                ? [
                    ImageCase(
                        "sauvola 25 px \(shown)", peers: ["skimage"], request: request("sauvola"), tolerance: 0.01
                    ) {
                        pool in
                        {
                            try Threshold(.sauvola(window: .pixels(25), k: 0.2, range: nil))(image, pool: pool).labels
                                .total
                        }
                    }
                ] : [])
    }
}
