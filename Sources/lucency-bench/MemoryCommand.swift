import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench memory -- COMMAND…`: what a command takes.
struct MemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "Runs a command and prints its peak memory and time as one line of JSON.",
        discussion: """
            The line stands behind all that the command itself prints: {"command", "exitCode", "peakBytes", \
            "systemSeconds", "userSeconds", "wallSeconds"}. peakBytes is the largest resident set (never below this \
            program's own of some 20 MB); exitCode is 128 + N for signal N. Ends with the command's exit code.
            """)

    @Argument(parsing: .postTerminator, help: "The command and its arguments, behind --.")
    var command: [String]

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("name a command behind --") }
    }

    func run() throws {
        let process = try MeasuredProcess(command)
        let report: JSONValue = .object([
            "command": .array(command.map(JSONValue.string)),
            "exitCode": .integer(Int(process.exitCode)),
            "peakBytes": .integer(process.peakBytes),
            "systemSeconds": .number(process.systemSeconds),
            "userSeconds": .number(process.userSeconds),
            "wallSeconds": .number(process.wallSeconds),
        ])
        print(report.text)
        if process.exitCode != 0 { throw ExitCode(process.exitCode) }
    }
}
