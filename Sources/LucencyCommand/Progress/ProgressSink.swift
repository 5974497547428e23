import Lucency

/// What shows a run's events in the asked form.
func makeProgressSink(_ mode: ProgressMode, output: String) -> @Sendable (RunEvent) -> Void {
    switch mode {
    case .json: return { event in if let line = event.json { Terminal.error(line.text) } }
    case .none:
        let text = PlainProgress(output: output, showsProgress: false)
        return { text.receive($0) }
    case .auto where Terminal.errorIsTerminal:
        let text = TerminalProgress(output: output)
        return { text.receive($0) }
    case .auto, .plain:
        let text = PlainProgress(output: output, showsProgress: true)
        return { text.receive($0) }
    }
}

/// Lines that stay: notices, failures, now and then a count, and the result. Made for logs.
final class PlainProgress: Sendable {
    private struct State {
        var total = 0
        var turns = 0
        var ended = 0
        var lastLine = 0.0
        var start = Machine.seconds
    }

    private let output: String
    private let showsProgress: Bool
    private let state = Lock(State())

    init(output: String, showsProgress: Bool) {
        self.output = output
        self.showsProgress = showsProgress
    }

    func receive(_ event: RunEvent) {
        switch event {
        case .started(let name, let items, _):
            state.withLock {
                $0.total = items; $0.start = Machine.seconds; $0.lastLine = $0.start
            }
            if showsProgress { Terminal.error("\(name.isEmpty ? "run" : name): \(items) items") }
        case .planned(let turns): state.withLock { $0.turns = turns }
        case .notice(let diagnostic): Terminal.error(diagnostic.description)
        case .itemFinished(_, _, _, let diagnostics):
            for diagnostic in diagnostics { Terminal.error(diagnostic.description) }
            let line = state.withLock { state -> String? in
                state.ended += 1
                let now = Machine.seconds
                guard showsProgress, now - state.lastLine > 5 else { return nil }
                state.lastLine = now
                return progressLine(state.ended, of: state.turns, items: state.total, seconds: now - state.start)
            }
            if let line { Terminal.error(line) }
        case .wholeFinished(let name, let seconds, let diagnostic):
            if let diagnostic {
                Terminal.error(diagnostic.description)
            } else if showsProgress {
                Terminal.error("\(name): \(durationText(seconds))")
            }
        case .wholeProgress(let name, let progress):
            if showsProgress { Terminal.error("\(name): \(progress.text)") }
        case .finished(let summary): Terminal.error(summaryText(summary, output: output))
        case .itemStarted, .stageFinished, .wholeStarted: break
        }
    }
}

extension WorkProgress {
    /// `epoch 3 of 20: loss 0.231, Dice 0.87`.
    var text: String {
        let shown = figures.map { "\($0.name) \(Self.number($0.value))" }.joined(separator: ", ")
        return shown.isEmpty ? message : "\(message): \(shown)"
    }

    private static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
        let scale = abs(value) >= 100 ? 10.0 : abs(value) >= 0.1 ? 1000 : 1e6
        return "\((value * scale).rounded() / scale)"
    }
}

/// - Parameters:
///   - turns: items that will end, each as often as there are passes that need it.
///   - items: each counted once.
func progressLine(_ ended: Int, of turns: Int, items: Int, seconds: Double) -> String {
    let rate = seconds > 0 ? Double(ended) / seconds : 0
    let left = rate > 0 && turns > ended ? ", \(durationText(Double(turns - ended) / rate)) left" : ""
    let what = turns > items ? "turns of \(items) items" : "items"
    return "\(ended)/\(turns) \(what), \(fixed(rate, 1))/s\(left)"
}

func summaryText(_ summary: RunSummary, output: String) -> String {
    var lines: [String] = []
    if summary.wasCancelled { lines.append("stopped early; run the same command again to go on") }
    for name in summary.waiting { lines.append("\(name): waits for items of the other shards") }
    let time = durationText(summary.seconds)
    if summary.done + summary.failed + summary.wholes == 0, !summary.wasCancelled {
        lines.append("nothing to do: \(summary.skipped) items are up to date (\(time))")
    } else {
        let skipped = summary.skipped > 0 ? ", \(summary.skipped) up to date" : ""
        let failed = summary.failures.isEmpty ? "" : ", \(summary.failures.count) failed"
        lines.append("\(summary.done) done\(skipped)\(failed) in \(time) → \(output)")
    }
    return lines.joined(separator: "\n")
}

func durationText(_ seconds: Double) -> String {
    if seconds < 60 { return "\(fixed(seconds, seconds < 10 ? 1 : 0)) s" }
    let whole = Int(seconds)
    return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
}

func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = digits == 0 ? 1.0 : digits == 1 ? 10 : 100
    let rounded = (value * scale).rounded() / scale
    return digits == 0 ? "\(Int(rounded))" : "\(rounded)"
}

extension RunEvent {
    /// A line of `--progress json`.
    var json: JSONValue? {
        switch self {
        case .started(let name, let items, let stages):
            return [
                "event": "started", "name": .string(name), "items": .integer(items),
                "stages": .array(stages.map { .string($0) }),
            ]
        case .planned(let turns): return ["event": "planned", "turns": .integer(turns)]
        case .notice(let diagnostic): return ["event": "notice", "diagnostic": diagnostic.json]
        case .itemStarted(let item): return ["event": "itemStarted", "item": .string(item)]
        case .stageFinished(let stage, let item, let seconds):
            return [
                "event": "stageFinished", "stage": .string(stage), "item": .string(item), "seconds": .number(seconds),
            ]
        case .itemFinished(let item, let status, let seconds, let diagnostics):
            return [
                "event": "itemFinished", "item": .string(item), "status": .string(status.rawValue),
                "seconds": .number(seconds), "diagnostics": .array(diagnostics.map(\.json)),
            ]
        case .wholeStarted(let name): return ["event": "wholeStarted", "name": .string(name)]
        case .wholeProgress(let name, let progress):
            let figures = Dictionary(
                progress.figures.map { ($0.name, JSONValue.number($0.value)) }, uniquingKeysWith: { $1 })
            return [
                "event": "wholeProgress", "name": .string(name), "fraction": .number(progress.fraction),
                "message": .string(progress.message), "figures": .object(figures),
            ]
        case .wholeFinished(let name, let seconds, let diagnostic):
            var members: [String: JSONValue] = [
                "event": "wholeFinished", "name": .string(name), "seconds": .number(seconds),
            ]
            if let diagnostic { members["diagnostic"] = diagnostic.json }
            return .object(members)
        case .finished(let summary):
            return [
                "event": "finished", "done": .integer(summary.done), "skipped": .integer(summary.skipped),
                "failed": .integer(summary.failures.count), "seconds": .number(summary.seconds),
                "waiting": .array(summary.waiting.map { .string($0) }), "cancelled": .bool(summary.wasCancelled),
            ]
        }
    }
}
