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
        var arguments = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        let start = ContinuousClock.now
        var process = pid_t()
        let failure = posix_spawnp(&process, command[0], nil, nil, arguments, environ)
        guard failure == 0 else {
            throw Diagnostic(.missingFile, "cannot run \(command[0]): \(String(cString: strerror(failure)))")
        }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0 {
            guard errno == EINTR else {
                throw Diagnostic(.stageFailed, "lost \(command[0]): \(String(cString: strerror(errno)))")
            }
        }
        let wall = start.duration(to: .now)
        let signal = status & 0x7F
        let exitCode = signal == 0 ? status >> 8 & 0xFF : 128 + signal
        let report: JSONValue = .object([
            "command": .array(command.map(JSONValue.string)),
            "exitCode": .integer(Int(exitCode)),
            "peakBytes": .integer(usage.ru_maxrss * Self.residentUnit),
            "systemSeconds": .number(Self.seconds(usage.ru_stime)),
            "userSeconds": .number(Self.seconds(usage.ru_utime)),
            "wallSeconds": .number(wall / .seconds(1)),
        ])
        print(report.text)
        if exitCode != 0 { throw ExitCode(exitCode) }
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// Bytes per unit of `ru_maxrss`.
    private static var residentUnit: Int {
        #if canImport(Darwin)
            1
        #else
            1024
        #endif
    }
}
