import ArgumentParser
import Lucency

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this installation has and what it lacks.",
        discussion: """
            Example: lucency doctor

            Exit status: 0 when all is well, 1 otherwise.
            """)

    @Flag(help: "Print the facts as JSON.")
    var json = false

    func run() throws {
        let checkup = Checkup()
        Terminal.out(json ? checkup.json.prettyText : checkup.text)
        if !checkup.problems.isEmpty { throw ExitCode(1) }
    }
}

/// What this installation has and lacks.
struct Checkup {
    private struct Format {
        let name: String
        let extensions: [String]
        let isWritten: Bool
    }

    /// What does not work.
    let problems: [String]
    /// What could be better.
    let notes: [String]
    private let codecs = FormatLibraries.tiffCodecs
    private let features: [String]
    private let formats = ImageFormats.readers.map { reader in
        Format(
            name: reader.name, extensions: reader.fileExtensions,
            isWritten: ImageFormats.writers.contains { $0.name == reader.name })
    }
    private let libraries: [(name: String, version: String)] =
        [
            ("libpng", FormatLibraries.png), ("zlib", FormatLibraries.zlib), ("libtiff", FormatLibraries.tiff),
            ("libjpeg", FormatLibraries.jpeg), ("libcrypto", SHA256.libraryVersion),
        ] + (FourierLibrary.version.map { [("fftw", $0)] } ?? [])

    init() {
        var problems: [String] = [], notes: [String] = []
        let folders = [("temporary", Machine.temporaryFolder), ("working", ".")]
        for (name, folder) in folders {
            if !FileSystem.isFolder(folder) {
                problems.append("the \(name) folder '\(folder)' does not exist")
            } else if let obstacle = FileSystem.obstacleToWriting(below: folder) {
                problems.append("the \(name) folder cannot be written: \(obstacle)")
            }
        }
        for codec in codecs where !codec.isPresent {
            // The baseline of what microscopes and scanners write; the others are rare.
            if ["deflate", "lzw", "packbits", "jpeg"].contains(codec.name) {
                problems.append("libtiff was built without \(codec.name): many TIFF files cannot be read")
            } else {
                notes.append("libtiff was built without \(codec.name)")
            }
        }
        let features = Processor.features
        if Machine.memory < 2_000_000_000 { notes.append("less than 2 GB of memory: large images will be refused") }
        (self.problems, self.notes, self.features) = (problems, notes, features)
    }

    /// The version of Swift that compiled this, as far as conditions can tell.
    private static var swiftVersion: String {
        #if compiler(>=6.5)
            "6.5 or newer"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #elseif compiler(>=6.2)
            "6.2"
        #else
            "6.1"
        #endif
    }

    var json: JSONValue {
        [
            "lucency": .string(lucencyVersion), "swift": .string(Self.swiftVersion),
            "libraries": .object(
                Dictionary(libraries.map { ($0.name, .string($0.version)) }, uniquingKeysWith: { $1 })),
            "tiffCodecs": .object(Dictionary(codecs.map { ($0.name, .bool($0.isPresent)) }, uniquingKeysWith: { $1 })),
            "formats": .array(
                formats.map {
                    [
                        "name": .string($0.name), "extensions": .array($0.extensions.map { .string($0) }),
                        "writes": .bool($0.isWritten),
                    ]
                }),
            "processor": [
                "name": .string(Processor.name), "features": .array(features.map { .string($0) }),
                "count": .integer(Machine.processors),
            ],
            "kernels": [
                "used": .string(KernelFamily.best.rawValue),
                "available": .array(KernelFamily.available.map { .string($0.rawValue) }),
            ],
            "matrixProducts": .string(MatrixProducts.description),
            "fourier": .string(FourierBackEnd.standard.rawValue),
            "memory": .integer(Machine.memory), "temporaryFolder": .string(Machine.temporaryFolder),
            "problems": .array(problems.map { .string($0) }), "notes": .array(notes.map { .string($0) }),
        ]
    }

    var text: String {
        let reads = formats.map { "\($0.name) (.\($0.extensions.joined(separator: ", .")))" }.joined(separator: ", ")
        let writes = formats.filter(\.isWritten).map(\.name).joined(separator: ", ")
        var rows =
            [("lucency", lucencyVersion), ("swift", Self.swiftVersion)] + libraries.map { ($0.name, $0.version) }
        rows += [
            ("tiff codecs", codecs.filter(\.isPresent).map(\.name).joined(separator: ", ")), ("reads", reads),
            ("writes", writes),
            ("processor", "\(Processor.name), \(Machine.processors) logical"),
            ("features", features.joined(separator: ", ")),
            (
                "kernels",
                "\(KernelFamily.best.rawValue) (available: "
                    + "\(KernelFamily.available.map(\.rawValue).joined(separator: ", ")))"
            ),
            ("matrix products", MatrixProducts.description), ("fourier", FourierLibrary.description),
            ("memory", MemoryBudget.text(Machine.memory)), ("temporary", Machine.temporaryFolder),
        ]
        let width = (rows.map(\.0.count).max() ?? 0) + 2
        let lines = rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 }
        let verdict = problems.isEmpty ? ["all is well"] : problems.map { "problem: \($0)" }
        return (lines + notes.map { "note: \($0)" } + verdict).joined(separator: "\n")
    }
}
