import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench io`: image files beside Pillow, OpenCV, tifffile and imagecodecs.
struct IOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "io",
        abstract: "Times reading and writing images beside Pillow, OpenCV, tifffile and imagecodecs.",
        discussion: """
            Both sides read files into 32-bit floats, as filters want them, and write floats of whole numbers as 8 or 16 \
            bits. The peers' writers keep their defaults, except where a case says more; the last column has the sizes of \
            the files. Ratios are the peer's time divided by ours, medians of interleaved runs. Run it from the checkout.

            Example: lucency-bench io --quick
            """)

    @OptionGroup var options: ImageBenchOptions

    func run() throws {
        try ImageBench(options: options, script: "files.py").run { folder in
            let side = options.quick ? 256 : 2048
            let gray = try ImageMaterial.micrograph(GridSize(side, side))
            let deep = try ImageMaterial.deep(gray), color = try ImageMaterial.colored(gray)
            var cases: [ImageCase] = []
            let pngs: [(String, Image, Int)] = [("gray 8", gray, 8), ("gray 16", deep, 16), ("rgb 8", color, 8)]
            for (name, image, bits) in pngs {
                cases += try file(
                    "PNG \(name)", image, WriteOptions(bits: bits), in: folder, as: "png",
                    peers: ["PIL", "cv2", "imagecodecs"].filter { bits == 8 || $0 != "PIL" })
            }
            for compression in ["none", "deflate", "lzw", "zstd"] {
                let options = WriteOptions(bits: 16, compression: compression)
                cases += try file(
                    "TIFF gray 16 \(compression)", deep, options, in: folder, as: "tif", peers: ["tifffile"])
            }
            let options = WriteOptions(bits: 8, compression: "deflate")
            cases += try file("TIFF rgb 8 deflate", color, options, in: folder, as: "tif", peers: ["tifffile"])
            return cases
        }
    }

    /// Reading a file that we wrote, and writing it.
    private func file(
        _ name: String, _ image: Image, _ options: WriteOptions, in folder: String, as ending: String, peers: [String]
    ) throws -> [ImageCase] {
        let writer = try ImageFormats.writer(forExtension: ending), reader: any ImageFormat
        let stem = name.replacingOccurrences(of: " ", with: "-")
        let path = FileSystem.join(folder, "\(stem).\(ending)"),
            target = FileSystem.join(folder, "\(stem)-ours.\(ending)")
        try writer.write(image, to: path, options: options)
        reader = try ImageFormats.reader(for: path)
        func request(_ operation: String) -> JSONValue {
            [
                "op": .string(operation), "file": .string(path), "bits": .integer(options.bits ?? 8),
                "target": .string(FileSystem.join(folder, "\(stem)-peer.\(ending)")),
                "compression": .string(options.compression ?? ""),
            ]
        }
        return [
            ImageCase("read \(name)", peers: peers, request: request("read")) { _ in
                {
                    let read = try reader.readImage(path, pages: .automatic, region: nil, limits: .standard)
                    return Double(read.pixels[read.pixels.count / 3])
                }
            },
            ImageCase("write \(name)", peers: peers, request: request("write"), tolerance: nil) { _ in
                {
                    try writer.write(image, to: target, options: options)
                    return Double(FileSystem.size(of: target) ?? 0)
                }
            },
        ]
    }
}
