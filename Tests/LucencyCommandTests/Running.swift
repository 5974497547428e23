import Foundation
import Lucency
import Support
import Testing

/// What the command printed, for short tests.
struct Result {
    let status: Int32
    let data: Data
    let errors: String

    var out: String { String(decoding: data, as: UTF8.self) }
    var json: JSONValue { get throws { try JSONValue(parsing: out) } }
}

func lucency(_ arguments: String..., input: Data? = nil) throws -> Result {
    let (status, out, errors) = try runLucency(arguments, input: input)
    return Result(status: status, data: out, errors: errors)
}

/// A PNG fixture of the format tests.
func png(_ name: String) -> String { TestFiles.fixture("LucencyFormatsTests", "png/\(name).png").path }

/// The stored facts of a file as the command prints them.
func facts(_ path: String) throws -> JSONValue {
    let result = try lucency("inspect", path, "--json")
    #expect(result.status == 0, "\(result.errors)")
    return try result.json
}

/// An image of uniform spacing, written by the library.
func writeImage(
    _ values: [Float], size: GridSize, to path: String, model: ColorModel = .gray, bits: Int? = nil,
    float: Bool = false,
    spacing: SIMD3<Double>? = nil
) throws {
    let geometry =
        try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
    let image = try Image(geometry: geometry, colorModel: model, pixels: AlignedBuffer(values))
    let writer = try ImageFormats.writer(forExtension: FileSystem.fileExtension(of: path))
    try writer.write(image, to: path, options: WriteOptions(bits: bits, float: float))
}

/// Runs lucency with `--progress json`, kills it with SIGKILL when `count` items have ended, and says how it ended.
func killAfter(_ count: Int, _ arguments: [String], event: String = "itemFinished") throws -> Process.TerminationReason
{
    let process = Process()
    process.executableURL = lucencyBinary
    process.arguments = arguments + ["--progress", "json"]
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    var text = Data(), ended = 0
    while true {
        let piece = pipe.fileHandleForReading.availableData
        if piece.isEmpty { break }
        text += piece
        while let end = text.firstIndex(of: 0x0A) {
            let line = try JSONValue(parsing: String(decoding: text[..<end], as: UTF8.self))
            text = Data(text[text.index(after: end)...])
            guard line["event"]?.stringValue == event else { continue }
            ended += 1
            if ended == count { kill(process.processIdentifier, SIGKILL) }
        }
    }
    process.waitUntilExit()
    return process.terminationReason
}
