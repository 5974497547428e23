import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench objectives`: what objectives cost beside cross-entropy.
struct ObjectivesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "objectives", abstract: "Times training steps of a U-Net under each objective.",
        discussion: """
            Images of 1 channel, a U-Net of 16-32-64 channels. All objectives are run in turn; a ratio is the median over \
            rounds of a step's time divided by that of cross-entropy in the same round. `labels` is what is made of a \
            batch's labels and is part of the step, `alone` the objective without a network.

            Example: lucency-bench objectives --rounds 15
            """)

    @Option(help: "Timed rounds.")
    var rounds = 15

    @Option(help: "Images in a batch.")
    var batch = 8

    @Option(help: "Pixels along each side, a multiple of 4.")
    var side = 128

    @Option(help: "Classes.")
    var classes = 4

    @Option(help: "Threads.")
    var threads = 1

    @Flag(help: "Print JSON: {\"rows\": [{\"name\", \"step_ms\", \"ratio\", \"labels_ms\", \"alone_ms\"}]}.")
    var json = false

    func validate() throws {
        guard 1...1000 ~= rounds, 1...256 ~= batch, 2...256 ~= classes, 1...256 ~= threads else {
            throw ValidationError("rounds, batch, classes or threads are out of range")
        }
        guard 8...2048 ~= side, side % 4 == 0 else {
            throw ValidationError("--side \(side) is no multiple of 4 in 8...2048")
        }
    }

    func run() throws {
        var times = ObjectiveTimes()
        (times.rounds, times.batch, times.side) = (rounds, batch, side)
        (times.classes, times.threads) = (classes, threads)
        let rows = try times()
        guard !json else {
            let list = rows.map { row -> JSONValue in
                [
                    "name": .string(row.name), "step_ms": .number(row.step), "ratio": .number(row.ratio),
                    "labels_ms": .number(row.labels), "alone_ms": .number(row.alone),
                ]
            }
            print(JSONValue.object(["rows": .array(list)]).prettyText)
            return
        }
        print("step ms   ratio  labels ms  alone ms  objective")
        for row in rows {
            let numbers = String(format: "%7.2f %7.3f %10.2f %9.2f", row.step, row.ratio, row.labels, row.alone)
            print("\(numbers)  \(row.name)")
        }
    }
}
