import LucencyFoundation

/// All that a report on calibration says, as plain values: what the page, `report.json` and the tables are made of.
///
/// One or several runs over the same cases. Numbers that are not defined are nil; an infinite one (the log loss of a pixel
/// whose true class had probability 0) is infinite.
public struct CalibrationReport: Hashable, Codable, Sendable {
    public var title: String
    /// Names of the classes in the order of their probabilities; the first is the background.
    public var classes: [String]
    public var settings: Settings
    public var runs: [Run]
    /// Each further run against the first.
    public var comparisons: [Comparison]
    /// Cases that could not be judged, and why.
    public var problems: [Problem]
    /// Where the numbers come from: versions, folders, hashes.
    public var provenance: [Fact]

    /// The metrics that some run has, in their order.
    public var metrics: [ReportedMetric] {
        ReportedMetric.allCases.filter { metric in runs.contains { $0.summaries[metric] != nil } }
    }

    public init(
        title: String, classes: [String], settings: Settings, runs: [Run] = [], comparisons: [Comparison] = [],
        problems: [Problem] = [], provenance: [Fact] = []
    ) {
        self.title = title
        self.classes = classes
        self.settings = settings
        self.runs = runs
        self.comparisons = comparisons
        self.problems = problems
        self.provenance = provenance
    }

    /// By which conventions the numbers were made.
    public struct Settings: Hashable, Codable, Sendable {
        /// Equal-width bins of confidence.
        public var bins: Int
        /// The region that the headline numbers are about.
        public var region: String
        public var regionDefinition: String
        /// How wide the band along borders is, such as `2 px`.
        public var boundary: String
        /// Of the intervals, 0.95 say; over cases.
        public var level: Double
        public var resamples: Int
        public var seed: UInt64

        public init(
            bins: Int, region: String, regionDefinition: String, boundary: String, level: Double, resamples: Int,
            seed: UInt64
        ) {
            self.bins = bins
            self.region = region
            self.regionDefinition = regionDefinition
            self.boundary = boundary
            self.level = level
            self.resamples = resamples
            self.seed = seed
        }
    }

    /// A number over cases.
    public struct Summary: Hashable, Codable, Sendable {
        /// Mean over the cases in which it is defined, with the interval of that mean.
        public var mean: Double?
        public var low: Double?
        public var high: Double?
        public var standardDeviation: Double?
        public var median: Double?
        /// Cases that the mean is of, and those in which the number is not defined or infinite.
        public var cases: Int
        public var leftOut: Int
        /// The number of all pixels of all cases together; nil where there is no such number.
        public var pooled: Double?

        public init(
            mean: Double?, low: Double? = nil, high: Double? = nil, standardDeviation: Double? = nil,
            median: Double? = nil, cases: Int, leftOut: Int = 0, pooled: Double? = nil
        ) {
            self.mean = mean
            self.low = low
            self.high = high
            self.standardDeviation = standardDeviation
            self.median = median
            self.cases = cases
            self.leftOut = leftOut
            self.pooled = pooled
        }
    }

    /// One model, or one way of training it.
    public struct Run: Hashable, Codable, Sendable {
        public var name: String
        /// By metric.
        public var summaries: [ReportedMetric: Summary]
        /// What the model expects to get wrong, and what it does.
        public var forecast: Forecast?
        /// The headline region first.
        public var regions: [Region]
        public var classes: [ClassRow]
        /// By name.
        public var cases: [Case]
        /// Error rate of the pixels kept when the least sure are put aside, by ascending share kept.
        public var coverage: [CoveragePoint]
        public var temperature: Temperature?

        public init(
            name: String, summaries: [ReportedMetric: Summary] = [:], forecast: Forecast? = nil, regions: [Region] = [],
            classes: [ClassRow] = [], cases: [Case] = [], coverage: [CoveragePoint] = [],
            temperature: Temperature? = nil
        ) {
            self.name = name
            self.summaries = summaries
            self.forecast = forecast
            self.regions = regions
            self.classes = classes
            self.cases = cases
            self.coverage = coverage
            self.temperature = temperature
        }
    }

    /// The errors that the model expects and those that it makes, over all pixels of all cases.
    ///
    /// A pixel of confidence c is expected to be wrong with probability 1 − c. Easy pixels add to neither side, so the ratio
    /// does not depend on how much background there is; and no pixel is chosen with the help of the reference, so for a
    /// calibrated model it is 1.
    public struct Forecast: Hashable, Codable, Sendable {
        /// Shares of all pixels.
        public var expected: Double
        public var actual: Double
        /// expected / actual with its interval over cases; nil where nothing is wrong.
        public var ratio: Double?
        public var low: Double?
        public var high: Double?

        public init(expected: Double, actual: Double, low: Double? = nil, high: Double? = nil) {
            self.expected = expected
            self.actual = actual
            ratio = actual > 0 ? expected / actual : nil
            self.low = low
            self.high = high
        }
    }

    /// The same numbers in one part of the image.
    public struct Region: Hashable, Codable, Sendable {
        public var name: String
        public var definition: String
        /// Of all cases.
        public var pixels: Int
        public var error: Summary
        public var gap: Summary
        public var accuracy: Double?
        /// Bins of all its pixels in all cases, with intervals over cases.
        public var reliability: [ReliabilityDiagram.Bin]

        public init(
            name: String, definition: String, pixels: Int, error: Summary, gap: Summary, accuracy: Double?,
            reliability: [ReliabilityDiagram.Bin]
        ) {
            self.name = name
            self.definition = definition
            self.pixels = pixels
            self.error = error
            self.gap = gap
            self.accuracy = accuracy
            self.reliability = reliability
        }
    }

    /// One class against all others, over all pixels.
    public struct ClassRow: Hashable, Codable, Sendable {
        public var name: String
        /// Pixels of the class in the references.
        public var pixels: Int
        /// Cases that have it there.
        public var presentCases: Int
        /// Error of the class's probability against "it is this class", over all pixels and in the headline region.
        public var error: Summary
        public var regionError: Summary
        /// Mean probability minus how often it is this class.
        public var gap: Summary
        public var dice: Summary
        /// Expected size (sum of probabilities) over true size, of the cases that have the class.
        public var sizeRatio: Summary
        public var reliability: [ReliabilityDiagram.Bin]

        public init(
            name: String, pixels: Int, presentCases: Int, error: Summary, regionError: Summary, gap: Summary,
            dice: Summary,
            sizeRatio: Summary, reliability: [ReliabilityDiagram.Bin]
        ) {
            self.name = name
            self.pixels = pixels
            self.presentCases = presentCases
            self.error = error
            self.regionError = regionError
            self.gap = gap
            self.dice = dice
            self.sizeRatio = sizeRatio
            self.reliability = reliability
        }
    }

    public struct Case: Hashable, Codable, Sendable {
        public var name: String
        /// Pixels of the headline region.
        public var pixels: Int
        public var values: [ReportedMetric: Double]

        public init(name: String, pixels: Int, values: [ReportedMetric: Double]) {
            self.name = name
            self.pixels = pixels
            self.values = values
        }
    }

    public struct CoveragePoint: Hashable, Codable, Sendable {
        public var coverage: Double
        public var risk: Double

        public init(coverage: Double, risk: Double) {
            self.coverage = coverage
            self.risk = risk
        }
    }

    /// What dividing the logits by one number, fitted on these very cases, would change over all pixels.
    public struct Temperature: Hashable, Codable, Sendable {
        public var value: Double
        public var errorBefore: Double?
        public var errorAfter: Double?
        public var logLossBefore: Double?
        public var logLossAfter: Double?
        /// What the fit met, such as a search that ended at its limit.
        public var note: String?

        public init(
            value: Double, errorBefore: Double?, errorAfter: Double?, logLossBefore: Double?, logLossAfter: Double?,
            note: String? = nil
        ) {
            self.value = value
            self.errorBefore = errorBefore
            self.errorAfter = errorAfter
            self.logLossBefore = logLossBefore
            self.logLossAfter = logLossAfter
            self.note = note
        }
    }

    /// A run against the first, case by case.
    public struct Comparison: Hashable, Codable, Sendable {
        public var run: String
        public var baseline: String
        public var metric: ReportedMetric
        /// Mean of run − baseline, with its interval.
        public var difference: Double
        public var low: Double?
        public var high: Double?
        /// Two-sided probability, by changing signs, of a mean difference this far from 0 if the runs were equal.
        public var p: Double?
        /// Cases that both runs have, and in how many of them the run is lower and higher.
        public var cases: Int
        public var lower: Int
        public var higher: Int

        public init(
            run: String, baseline: String, metric: ReportedMetric, difference: Double, low: Double?, high: Double?,
            p: Double?, cases: Int, lower: Int, higher: Int
        ) {
            self.run = run
            self.baseline = baseline
            self.metric = metric
            self.difference = difference
            self.low = low
            self.high = high
            self.p = p
            self.cases = cases
            self.lower = lower
            self.higher = higher
        }
    }

    public struct Problem: Hashable, Codable, Sendable {
        public var run: String
        public var item: String
        public var message: String

        public init(run: String, item: String, message: String) {
            self.run = run
            self.item = item
            self.message = message
        }
    }

    public struct Fact: Hashable, Codable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
}
