import ArgumentParser
import Lucency

struct UpscaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upscale", abstract: "Enlarge an image of any height into a TIFF, in bounded memory.",
        discussion: """
            Example: lucency upscale slide.tif sharp.tif --model sharpen.lucency --block 256

            Reads, enlarges and writes band by band what the stage `upscale.shisrcnet` does in memory, with the same result.
            Memory grows with the width of the image, not with its height; how much it will be is checked before.
            """)

    @Argument(help: "Image to read.", completion: .file())
    var input: String

    @Argument(help: "TIFF to write; its folder is made.", completion: .file(extensions: ["tif", "tiff"]))
    var output: String

    @Option(help: ArgumentHelp("Model that super-resolves.", valueName: "file"), completion: .file())
    var model: String

    @Option(help: ArgumentHelp("Side of tiles the network sees. (default: 128)", valueName: "n"))
    var tile: Int?

    @Option(help: ArgumentHelp("Part of a tile that the next one covers too.", valueName: "0...0.95"))
    var overlap = 0.25

    @Option(help: ArgumentHelp("Intensity of full brightness. (default: as the model was trained)", valueName: "n"))
    var white: Double?

    @Option(help: ArgumentHelp("none, deflate, lzw, packbits, zstd. (default: deflate)", valueName: "name"))
    var compression: String?

    @Option(help: ArgumentHelp("Side of the TIFF's tiles, a multiple of 16. (default: strips)", valueName: "n"))
    var block: Int?

    @Option(help: ArgumentHelp("Threads. (default: one per processor)", valueName: "n"))
    var threads: Int?

    @Option(help: "Family of numeric kernels that networks use; equal families give equal bytes.")
    var kernels: KernelFamily = .best

    @OptionGroup var reading: ReadingArguments

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        if let tile, !(8...1 << 16).contains(tile) { throw ValidationError("--tile must be in 8...65536") }
        if !(0...0.95).contains(overlap) { throw ValidationError("--overlap must be in 0...0.95") }
        if let white, !(white > 0 && white.isFinite) { throw ValidationError("--white must be more than 0") }
        _ = try reading.spacing()
        try kernels.requireAvailable()
    }

    func run() throws {
        try reporting {
            do {
                try perform()
            } catch let diagnostic as Diagnostic {
                let diagnostic = diagnostic.spellingOptions(["compression", "tile", "white"]) { name, value in
                    let option = name == "tile" ? "block" : name
                    return value.map { "--\(option) \($0)" } ?? "--\(option)"
                }
                throw diagnostic.located(in: input)
            }
        }
    }

    private func perform() throws {
        guard ["tif", "tiff"].contains(FileSystem.fileExtension(of: output).lowercased()) else {
            throw Diagnostic(
                .unknownFormat, "only TIFF is written band by band", at: .init(file: output),
                remedy: "name it .tif, or use `lucency apply upscale.shisrcnet`")
        }
        let file = try InputFile(input, assuming: reading.spacing(), limits: reading.limit.limits)
        guard file.geometry.size.z == 1 else {
            throw Diagnostic(
                .sizeMismatch,
                "the file holds a stack of \(file.geometry.size.z) slices, and bands are those of one picture",
                remedy: "use `lucency apply upscale.shisrcnet`, which enlarges every slice")
        }
        try OutputFile.check(output, inputs: [input, model])
        let network = try ModelFile(path: model), pool = ThreadPool(threads: threads ?? Machine.processors)
        var upscaler = NetworkUpscaler()
        upscaler.tile = tile.map { [$0, $0] } ?? []
        upscaler.overlap = overlap
        upscaler.white = white
        let size = file.geometry.size, color = file.header.colorModel
        let target = try upscaler.target(of: file.geometry, network)
        let stored = file.header.pages.first?.sampleType ?? .float32
        let options = WriteOptions(compression: compression, tile: block)
        let enlarging = try upscaler.predictedBytes(
            width: size.x, height: size.y, channels: color.channelCount, model: network, threads: pool.threads,
            kernels: kernels)
        let writing = TIFFBandWriter.predictedBytes(
            width: target.size.x, channels: color.channelCount, stored: stored, options: options)
        try MemoryBudget.require(
            enlarging + min(writing, .max - enlarging), for: "enlarging bands of \(size.x) pixels",
            remedy: "use a smaller --tile" + (block == nil ? "" : ", and a smaller --block"))
        let origin = Origin(fileName: FileSystem.name(of: input), stored: stored)
        let temporary = ".lucency-tmp-\(Machine.processID)-\(FileSystem.name(of: output).prefix(64))"
        try FileSystem.replace(output, temporaryName: temporary) { path in
            let writer = try TIFFBandWriter(
                path, geometry: target, colorModel: color, origin: origin, options: options)
            try upscaler.run(
                width: size.x, height: size.y, channels: color.channelCount, origin: origin,
                isWhole: stored.kind != .float, network, kernels: kernels, pool: pool,
                input: { rows in
                    let region = Region(x: 0, y: rows.lowerBound, z: 0, size: GridSize(size.x, rows.count, 1))
                    return try file.image(region).pixels
                }, emit: { _, rows in try writer.append(rows) })
            try writer.finish()
        }
    }
}
