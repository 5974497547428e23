import Dispatch
import Lucency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Ctrl-C and SIGTERM let items in flight finish; a second one ends the program at once.
enum Interruption {
    nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

    static func cancelOnSignal(_ runner: Runner) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                runner.cancel()
                signal(number, SIG_DFL)
                Terminal.error("stopping after the items in flight; run the same command again to go on")
            }
            source.resume()
            sources.append(source)
        }
    }
}
