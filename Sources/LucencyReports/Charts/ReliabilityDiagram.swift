#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How often the prediction was right, against how sure it was: a bar of the gap in each bin, and below how many pixels
/// each bin holds.
///
/// Empty bins are not drawn. The bar between confidence and accuracy lies below the dashed line where the prediction is
/// over-confident and above it where it is under-confident.
public struct ReliabilityDiagram: Sendable {
    /// One bin of confidence.
    public struct Bin: Hashable, Codable, Sendable {
        /// Edges; the upper one belongs to the bin.
        public var low: Double
        public var high: Double
        /// Pixels.
        public var count: Int
        /// Mean confidence and share of right pixels; of no meaning where the bin is empty.
        public var confidence: Double
        public var accuracy: Double
        /// Interval of the accuracy, where one is known.
        public var accuracyLow: Double?
        public var accuracyHigh: Double?

        public init(
            low: Double, high: Double, count: Int, confidence: Double, accuracy: Double, accuracyLow: Double? = nil,
            accuracyHigh: Double? = nil
        ) {
            self.low = low
            self.high = high
            self.count = count
            self.confidence = confidence
            self.accuracy = accuracy
            self.accuracyLow = accuracyLow
            self.accuracyHigh = accuracyHigh
        }
    }

    public var title: String
    public var bins: [Bin]
    /// Words on the axes: of confidence and of what is right.
    public var xLabel = "confidence"
    public var yLabel = "accuracy"
    /// What is counted, one of it.
    public var noun = "pixel"
    /// Smaller, without words on the axes, for one panel of many.
    public var isCompact = false

    public init(title: String, bins: [Bin]) {
        self.title = title
        self.bins = bins
    }

    public var chart: Chart {
        let side = isCompact ? 124.0 : 300.0, counts = isCompact ? 26.0 : 56.0
        let left = isCompact ? 36.0 : 58.0, top = 10.0, gap = 12.0
        let frame = ChartFrame(x: .unit, y: .unit, left: left, top: top, width: side, height: side)
        var parts = frame.grid(xLabel: nil, yLabel: isCompact ? nil : yLabel, showsX: false)
        parts.append(
            .tag(
                "path",
                ["class": "ideal", "d": "M\(n(frame.x(0))) \(n(frame.y(0)))L\(n(frame.x(1))) \(n(frame.y(1)))"]))
        for bin in filled { parts += draw(bin, in: frame) }
        let below = top + side + gap
        parts += histogram(left: left, top: below, width: side, height: counts)
        return Chart(
            title: title, description: words, width: left + side + 16,
            height: below + counts + (isCompact ? 24 : 46), body: parts)
    }

    private var filled: [Bin] { bins.filter { $0.count > 0 } }
    private func n(_ value: Double) -> String { Chart.number(value) }

    private func draw(_ bin: Bin, in frame: ChartFrame) -> [Markup] {
        let x0 = frame.x(bin.low) + 1, x1 = frame.x(bin.high) - 1
        let from = frame.y(max(bin.accuracy, bin.confidence)), to = frame.y(min(bin.accuracy, bin.confidence))
        let words =
            "confidence \(NumberText.fixed(bin.confidence, 3)), accuracy \(NumberText.fixed(bin.accuracy, 3)), "
            + NumberText.plural(bin.count, noun)
        var parts: [Markup] = [
            .tag(
                "rect",
                [
                    "class": bin.confidence > bin.accuracy ? "over" : "under", "x": n(x0), "y": n(from),
                    "width": n(x1 - x0), "height": n(to - from),
                ], [.tag("title", words)]),
            .tag("path", ["class": "level", "d": "M\(n(x0)) \(n(frame.y(bin.accuracy)))H\(n(x1))"]),
        ]
        if let low = bin.accuracyLow, let high = bin.accuracyHigh, low.isFinite, high.isFinite {
            let x = n((x0 + x1) / 2)
            parts.append(.tag("path", ["class": "whisker", "d": "M\(x) \(n(frame.y(high)))V\(n(frame.y(low)))"]))
        }
        return parts
    }

    /// Counts on a logarithmic scale, so that rare confidences are seen beside the millions of sure pixels.
    private func histogram(left: Double, top: Double, width: Double, height: Double) -> [Markup] {
        let most = max(1, bins.map(\.count).max() ?? 1)
        // The axis ends at a power of ten.
        let decades = Double(String(most).count)
        func part(_ count: Int) -> Double { log10(Double(max(1, count))) / decades }
        let frame = ChartFrame(x: .unit, y: .unit, left: left, top: top, width: width, height: height)
        var parts: [Markup] = []
        for bin in filled {
            let high = max(1.5, part(bin.count) * height)
            parts.append(
                .tag(
                    "rect",
                    [
                        "class": "bar", "x": n(frame.x(bin.low) + 1), "y": n(top + height - high),
                        "width": n(frame.x(bin.high) - frame.x(bin.low) - 2), "height": n(high),
                    ], [.tag("title", NumberText.plural(bin.count, noun))]))
        }
        parts.append(.tag("path", ["class": "frame", "d": "M\(n(left)) \(n(top + height))h\(n(width))"]))
        for tick in isCompact ? [0, 0.5, 1] : Axis.unit.ticks {
            parts.append(
                .tag(
                    "text", ["class": "mid", "x": n(frame.x(tick)), "y": n(top + height + 17)],
                    NumberText.fixed(tick, 1)))
        }
        if !isCompact {
            let top10 = "10" + String(Int(decades)).map { Self.superscripts[$0] ?? $0 }.map(String.init).joined()
            parts.append(.tag("text", ["class": "end", "x": n(left - 7), "y": n(top + 9)], top10))
            parts.append(.tag("text", ["class": "end", "x": n(left - 7), "y": n(top + height + 1)], "1"))
            parts.append(
                .tag(
                    "text", ["class": "mid soft", "transform": "translate(13 \(n(top + height / 2))) rotate(-90)"],
                    noun + "s"))
            parts.append(
                .tag("text", ["class": "mid soft", "x": n(left + width / 2), "y": n(top + height + 37)], xLabel))
        }
        return parts
    }

    private static let superscripts: [Character: Character] = [
        "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
    ]

    /// The diagram in words.
    private var words: String {
        guard let worst = filled.max(by: { abs($0.accuracy - $0.confidence) < abs($1.accuracy - $1.confidence) }) else {
            return "No bin holds a \(noun)."
        }
        let over = filled.count { $0.confidence > $0.accuracy }
        return "\(filled.count) of \(bins.count) bins hold \(noun)s; in \(over) of them the \(xLabel) is above the "
            + "\(yLabel). The largest gap is at \(xLabel) \(NumberText.fixed(worst.confidence, 2)), where the \(yLabel) "
            + "is \(NumberText.fixed(worst.accuracy, 2))."
    }
}
