import Lucency

enum DryRunReport {
    /// Prints what a run would do.
    static func print(_ dryRun: DryRun) {
        for item in dryRun.items {
            switch item.memory {
            case .success(let bytes):
                Terminal.out("\(item.name)  (\(text(bytes)))")
                for output in item.outputs { Terminal.out("    \(output)") }
            case .failure(let diagnostic):
                Terminal.out("\(item.name)  (will fail)")
                Terminal.error(diagnostic.description)
            }
        }
        for output in dryRun.wholeOutputs { Terminal.out(output) }
        let files = dryRun.items.reduce(dryRun.wholeOutputs.count) { $0 + $1.outputs.count }
        Terminal.out("\(dryRun.items.count) items, \(files) files, predicted peak memory \(text(dryRun.peakMemory))")
    }

    private static func text(_ bytes: Int) -> String {
        bytes < 1_000_000 ? "\((bytes + 999) / 1000) kB" : "\((bytes + 500_000) / 1_000_000) MB"
    }
}
