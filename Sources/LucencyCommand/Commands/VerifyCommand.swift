import ArgumentParser
import Lucency

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hash again what a run wrote and compare it with the manifest.",
        discussion: """
            Example: lucency verify results

            Exit status: 0 all files are intact, 1 not.
            """)

    @Argument(help: "Folder that `lucency run` wrote.", completion: .directory)
    var output: String

    @Flag(help: "Print the findings as JSON.")
    var json = false

    func run() throws {
        let verification = try reporting { try Verification(of: output) }
        let wrong = verification.files.filter { $0.finding != .intact }
        if json {
            let files = verification.files.map { file -> JSONValue in
                ["path": .string(file.path), "finding": .string(file.finding.rawValue)]
            }
            let report: JSONValue = [
                "files": .array(files), "intact": .bool(verification.isIntact),
                "damagedLines": .integer(verification.damagedLines),
            ]
            Terminal.out(report.prettyText)
        } else {
            for file in wrong { Terminal.out("\(file.path): \(file.finding.rawValue)") }
            if verification.damagedLines > 0 {
                Terminal.error("\(verification.damagedLines) line(s) of the manifest are damaged and were passed over")
            }
            Terminal.out("\(verification.files.count - wrong.count) of \(verification.files.count) files are intact")
        }
        if !verification.isIntact { throw ExitCode(1) }
    }
}
