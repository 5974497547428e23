import ArgumentParser
import Lucency

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what image and model files hold.",
        discussion: """
            Examples: lucency inspect scan.tif
                      lucency inspect scan.tif --json

            --json prints an object for one file, an array for several: format, shape, axes, dtype, min, max, mean, sha256,
            spacing, spacingSource, channels and metadata of the values as they are stored, without palette or scaling
            (sha256: of the unpacked little-endian samples). Spacing is in mm along x, y (and z of a volume); where
            spacingSource is `assumed`, the file states none and 1 stands for it. TIFF has the same facts for each of
            `pages`; those of the first stand above. For models and weights (safetensors, PyTorch's .pt) see
            `lucency model inspect --help`. Exit status: 1 when a file could not be read.
            """)

    @Argument(help: "Images or models.", completion: .file())
    var files: [String]

    @Flag(help: "Print the facts as JSON, with minimum, maximum, mean and hash of the pixels.")
    var json = false

    @Flag(help: "With --json: only what the header says; reads no pixels.")
    var header = false

    @OptionGroup var limit: LimitArguments

    func run() throws {
        var described: [JSONValue] = []
        var hasFailed = false
        for path in files {
            do {
                let (value, text) = try inspect(path)
                if let value { described.append(value) }
                if let text { Terminal.out(text) }
            } catch {
                hasFailed = true
                Terminal.error(Diagnostic.wrapping(error, as: .unreadableFile).located(in: path).description)
            }
        }
        if json, let value = files.count == 1 ? described.first : .array(described) { Terminal.out(value.prettyText) }
        if hasFailed { throw ExitCode(1) }
    }

    private func inspect(_ path: String) throws -> (JSONValue?, String?) {
        do {
            let image = try ImageInspection(path, limits: limit.limits)
            return json ? (try image.json(reading: header ? nil : limit.limits), nil) : (nil, image.text)
        } catch let diagnostic as Diagnostic where diagnostic.code == .unknownFormat && ModelInspection.mayBeModel(path)
        {
            let model = try ModelInspection(path)
            return json ? (try model.json(hashing: !header), nil) : (nil, model.text)
        }
    }
}
