import Foundation
import Lucency

/// A process that was run to its end, and what it took.
struct MeasuredProcess {
    /// 128 + N for signal N.
    let exitCode: Int32
    /// The largest resident set, never below this program's own when it started the process.
    let peakBytes: Int
    let userSeconds: Double
    let systemSeconds: Double
    let wallSeconds: Double

    /// Runs a command, found as a shell finds it, and waits for it.
    /// - Throws: `Diagnostic` when it cannot be started.
    init(_ command: [String]) throws {
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
        wallSeconds = start.duration(to: .now) / .seconds(1)
        let signal = status & 0x7F
        exitCode = signal == 0 ? status >> 8 & 0xFF : 128 + signal
        peakBytes = usage.ru_maxrss * Self.residentUnit
        userSeconds = Self.seconds(usage.ru_utime)
        systemSeconds = Self.seconds(usage.ru_stime)
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
