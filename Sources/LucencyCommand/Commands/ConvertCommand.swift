import ArgumentParser
import Lucency

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Convert an image between formats, keeping its geometry.",
        discussion: """
            Examples: lucency convert scan.tif scan.png --bits 8 --rescale
                      lucency convert slide.tif tile.tif --region 4096,8192,512,512

            The extension of OUT chooses the format. Depth and values are kept; what OUT cannot hold (16 bits in 8, fractions
            in integers, a volume in PNG) is refused unless you ask for it.
            """)

    @Argument(help: "Image to read.", completion: .file())
    var input: String

    @Argument(help: "Image to write; its folder is made.", completion: .file())
    var output: String

    @Option(help: ArgumentHelp("Bits per sample: 8 or 16; 32 in TIFF. (default: as stored)", valueName: "n"))
    var bits: Int?

    @Flag(help: "Store 32-bit floating-point samples (TIFF).")
    var float = false

    @Flag(help: "Spread the values over the full range of the new depth.")
    var rescale = false

    @Flag(help: "Round fractions to whole numbers.")
    var round = false

    @Option(help: ArgumentHelp("PNG: fast, small. TIFF: none, deflate, lzw, packbits, zstd.", valueName: "name"))
    var compression: String?

    @Option(help: ArgumentHelp("TIFF: side of tiles in pixels, a multiple of 16. (default: strips)", valueName: "n"))
    var tile: Int?

    @Option(help: ArgumentHelp("Only this page, from 1. (default: all pages as a volume)", valueName: "n"))
    var page: Int?

    @Option(
        help: ArgumentHelp(
            "Only this part: first pixel and size; only it is decoded. (default: everything)",
            valueName: "x,y,w,h[,z,d]"))
    var region: String?

    @Flag(help: "Values are labels: palette indices stay, and are never rescaled.")
    var labels = false

    @Flag(help: "With --labels: store colours beside the values, so that viewers show them.")
    var palette = false

    @OptionGroup var reading: ReadingArguments

    func validate() throws {
        if let page, page < 1 { throw ValidationError("--page counts from 1") }
        if palette, !labels { throw ValidationError("--palette colours labels: add --labels") }
        _ = try reading.spacing()
        _ = try numbers()
    }

    func run() throws {
        try reporting {
            do {
                try perform()
            } catch let diagnostic as Diagnostic {
                throw diagnostic.spellingOptions(["bits", "float", "rescale", "round", "compression", "tile", "page"]) {
                    name, value in
                    value == nil || value == "true" ? "--\(name)" : "--\(name) \(value ?? "")"
                }
            }
        }
    }

    private func perform() throws {
        let type = labels ? LabelMap.portType : Image.portType
        let writer: SingleWriter
        do {
            writer = try SingleWriter(
                for: type, extension: FileSystem.fileExtension(of: output), options: options, catalog: .standard)
        } catch let list as DiagnosticList {
            throw DiagnosticList(list.diagnostics.map { $0.located(in: output) })
        }
        let file = try InputFile(
            input, pages: page.map { .page($0) } ?? .automatic, assuming: try reading.spacing(),
            limits: reading.limit.limits)
        try OutputFile.check(output, inputs: [input])
        let part = try chosenRegion(in: file.geometry.size)
        try requireMemory(file, part)
        if labels {
            let whole = try file.labels()
            try writer.write(try part.map { try whole.cropped(to: $0) } ?? whole, to: output)
        } else {
            try writer.write(try file.image(part), to: output)
        }
    }

    /// The options given, under the names that writers know them by.
    private var options: [GivenParameter] {
        var given: [GivenParameter] = []
        func add(_ name: String, _ text: String?) {
            if let text { given.append(GivenParameter(name, scalar: text, option: "--\(name)")) }
        }
        add("bits", bits.map { "\($0)" })
        add("float", float ? "true" : nil)
        add("rescale", rescale ? "true" : nil)
        add("round", round ? "true" : nil)
        add("compression", compression)
        add("tile", tile.map { "\($0)" })
        add("palette", palette ? "true" : nil)
        return given
    }

    private func numbers() throws -> [Int]? {
        guard let region else { return nil }
        let numbers = region.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let known = numbers.compactMap { $0 }
        guard known.count == numbers.count, known.count == 4 || known.count == 6, known.allSatisfy({ $0 >= 0 }) else {
            throw ValidationError(
                "--region takes x,y,width,height or x,y,width,height,z,depth in pixels, such as 0,0,512,512")
        }
        return known
    }

    private func chosenRegion(in size: GridSize) throws -> Region? {
        guard let n = try numbers() else { return nil }
        let (z, depth) = n.count == 6 ? (n[4], n[5]) : (0, size.z)
        let region = Region(x: n[0], y: n[1], z: z, size: GridSize(n[2], n[3], depth))
        guard region.fits(in: size) else {
            throw Diagnostic(
                .regionOutside, "the region \(region) reaches outside the image of \(size)", at: .init(file: input))
        }
        return region
    }

    private func requireMemory(_ file: InputFile, _ part: Region?) throws {
        let channels = labels ? 1 : file.header.colorModel.channelCount
        func bytes(_ size: GridSize) -> Int {
            let bytes = size.count.multipliedReportingOverflow(by: 4 * channels)
            return bytes.overflow ? .max : bytes.partialValue
        }
        // Labels are read whole, then cropped.
        let parts =
            labels
            ? [bytes(file.geometry.size), part.map { bytes($0.size) } ?? 0] : [bytes(part?.size ?? file.geometry.size)]
        let sum = parts.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        do {
            try MemoryBudget.require(
                sum, for: "the \(labels ? "label map" : "image") of \((part?.size ?? file.geometry.size))",
                remedy: labels ? "choose one page with --page" : "convert it in parts with --region")
        } catch {
            throw error.located(in: input)
        }
    }
}
