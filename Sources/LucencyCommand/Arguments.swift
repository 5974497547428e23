import ArgumentParser
import Lucency

/// Which pipeline, and what the command line changes in it.
struct PipelineArguments: ParsableArguments {
    @Argument(help: "Pipeline file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(
        help: ArgumentHelp("Folder of images for sources that name none.", valueName: "dir"), completion: .directory)
    var input: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Change a parameter, or any value by its dotted path: --set epochs=5, --set stages.smooth.with.cutoff='8 px'.",
            valueName: "key=yaml"))
    var settings: [String] = []

    @Option(help: ArgumentHelp("Seed of all random streams; wins over the file's.", valueName: "n"))
    var seed: UInt64?

    @OptionGroup var reading: ReadingArguments

    func load() throws -> PipelineFile {
        try PipelineFile(
            path: file, catalog: .standard, settings: settings.map { try Setting(parsing: $0) }, seed: seed,
            inputFolder: input)
    }
}

/// How image files are read.
struct ReadingArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Pixel spacing of images that state none: one length, or one each for x, y, z: 0.2mm or 4nm,4nm,50nm.",
            valueName: "length"))
    var assumeSpacing: String?

    @OptionGroup var limit: LimitArguments

    func context(input: String?, seed: UInt64 = 0) throws -> SourceContext {
        SourceContext(inputFolder: input, assumedSpacing: try spacing(), limits: limit.limits, seed: seed)
    }

    func spacing() throws -> SIMD3<Double>? {
        try assumeSpacing.map { try Self.spacing($0, option: "--assume-spacing") }
    }

    /// Millimetres along x, y, z of one length or three.
    static func spacing(_ text: String, option: String) throws -> SIMD3<Double> {
        let lengths = try text.split(separator: ",").map { part -> Double in
            guard let length = try? Length(parsing: String(part)), let unit = length.unit.millimetres, length.value > 0
            else {
                throw ValidationError("\(option): '\(part)' is not a length in mm, um or nm")
            }
            return length.value * unit
        }
        switch lengths.count {
        case 1: return SIMD3(repeating: lengths[0])
        case 3: return SIMD3(lengths[0], lengths[1], lengths[2])
        default: throw ValidationError("\(option) takes one length or three")
        }
    }
}

/// How large a file may be once unpacked.
struct LimitArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Largest image to read, unpacked. (default: 4GB)", valueName: "size"))
    var maxImageSize: ByteSize?

    var limits: ReadLimits {
        var limits = ReadLimits.standard
        if let maxImageSize { limits.bytes = maxImageSize.bytes }
        return limits
    }
}

/// A number of bytes such as `4GB`, `512MB`, `2GiB`.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let number = argument.prefix { $0.isNumber || $0 == "." }
        let units: [String: Double] = [
            "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
            "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
        ]
        let unit = argument.dropFirst(number.count).drop { $0 == " " }.lowercased()
        guard let value = Double(number), let scale = units[unit], value > 0, value * scale < 9e18 else { return nil }
        bytes = Int(value * scale)
    }
}

extension KernelFamily: ExpressibleByArgument {
    /// - Throws: `ValidationError` listing the families that this machine has.
    func requireAvailable() throws {
        guard !Self.available.contains(self) else { return }
        let names = Self.available.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("this processor has no '\(rawValue)' kernels; it has: \(names)")
    }
}

/// How progress is shown.
enum ProgressMode: String, CaseIterable, ExpressibleByArgument {
    case auto, plain, json, none
}
