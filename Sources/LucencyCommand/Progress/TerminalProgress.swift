import Lucency

/// A live display: a line per stage with counts, rate and time left, redrawn in place.
final class TerminalProgress: Sendable {
    private struct State {
        var total = 0
        var turns = 0
        var ended = 0
        var failed = 0
        var start = Machine.seconds
        var lastDrawn = 0.0
        var stages: [String] = []
        var counts: [String: (count: Int, seconds: Double)] = [:]
        var current = ""
        var drawnLines = 0
        /// What long work said last.
        var work = ""
    }

    private let output: String
    private let state = Lock(State())

    init(output: String) { self.output = output }

    func receive(_ event: RunEvent) {
        state.withLock { state in
            switch event {
            case .started(_, let items, let stages):
                state.total = items
                state.stages = stages
                state.start = Machine.seconds
            case .planned(let turns): state.turns = turns
            case .notice(let diagnostic): print(diagnostic.description, &state)
            case .itemStarted(let item): state.current = item
            case .stageFinished(let stage, _, let seconds):
                let old = state.counts[stage] ?? (0, 0)
                state.counts[stage] = (old.count + 1, old.seconds + seconds)
            case .itemFinished(_, let status, _, let diagnostics):
                state.ended += 1
                state.failed += status == .failed ? 1 : 0
                for diagnostic in diagnostics { print(diagnostic.description, &state) }
            case .wholeStarted(let name): state.current = name
            case .wholeProgress(let name, let progress): state.work = "\(name): \(progress.text)"
            case .wholeFinished(_, _, let diagnostic):
                if !state.work.isEmpty { print(state.work, &state) }
                state.work = ""
                if let diagnostic { print(diagnostic.description, &state) }
            case .finished(let summary):
                clear(&state)
                Terminal.error(summaryText(summary, output: output))
                return
            }
            if Machine.seconds - state.lastDrawn > 0.1 { draw(&state) }
        }
    }

    private func clear(_ state: inout State) {
        if state.drawnLines > 0 { Terminal.put("\u{1B}[\(state.drawnLines)A\u{1B}[J", 2) }
        state.drawnLines = 0
    }

    private func print(_ text: String, _ state: inout State) {
        clear(&state)
        Terminal.error(text)
    }

    private func draw(_ state: inout State) {
        clear(&state)
        let elapsed = Machine.seconds - state.start
        var lines = [progressLine(state.ended, of: state.turns, items: state.total, seconds: elapsed)]
        if state.failed > 0 { lines[0] += ", \(state.failed) failed" }
        let width = state.stages.map(\.count).max() ?? 0
        for stage in state.stages {
            guard let counted = state.counts[stage] else { continue }
            let mean = counted.seconds / Double(counted.count) * 1000
            let name = stage + String(repeating: " ", count: max(0, width - stage.count))
            lines.append("  \(name)  \(counted.count)  \(fixed(mean, 1)) ms each")
        }
        if !state.work.isEmpty { lines.append("  " + state.work) }
        // A line that wraps would spoil the count of lines to take back.
        let cut = lines.map { String($0.prefix(79)) }
        Terminal.put(cut.joined(separator: "\n") + "\n", 2)
        state.drawnLines = cut.count
        state.lastDrawn = Machine.seconds
    }
}
