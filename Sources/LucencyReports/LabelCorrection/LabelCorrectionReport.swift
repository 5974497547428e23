/// What a training strategy made of the labels that it was given: when it thought which class's labels wrong, and what it
/// changed.
public struct LabelCorrectionReport: Sendable {
    /// A class over the epochs.
    public struct ClassCurve: Sendable {
        public var name: String
        /// Intersection over union of predictions and training labels, by epoch.
        public var shares: [Double]
        /// The curve through it by which the strategy decided, as epoch and value.
        public var fit: [(epoch: Double, value: Double)]
        /// Epochs after which its labels were corrected, from 1.
        public var corrected: [Int]

        public init(name: String, shares: [Double], fit: [(epoch: Double, value: Double)], corrected: [Int]) {
            self.name = name
            self.shares = shares
            self.fit = fit
            self.corrected = corrected
        }
    }

    /// A case whose labels were changed.
    public struct Change: Sendable {
        public var name: String
        /// Pixels that count.
        public var pixels: Int
        /// Pixels that each class gained and lost.
        public var gained: [Int]
        public var lost: [Int]

        public init(name: String, pixels: Int, gained: [Int], lost: [Int]) {
            self.name = name
            self.pixels = pixels
            self.gained = gained
            self.lost = lost
        }

        /// Pixels whose label is another now; those that no longer count are lost without being gained.
        public var changed: Int { lost.reduce(0, +) }
    }

    public var title: String
    public var strategy: String
    public var classes: [String]
    /// Cases that were trained with.
    public var cases: Int
    /// Foreground classes that were watched; empty where the strategy watches none.
    public var curves: [ClassCurve]
    public var changes: [Change]
    /// The cases that were changed most.
    public var pictures: [CasePicture]
    public var provenance: [CalibrationReport.Fact]

    public init(
        title: String, strategy: String, classes: [String], cases: Int, curves: [ClassCurve] = [],
        changes: [Change] = [], pictures: [CasePicture] = [], provenance: [CalibrationReport.Fact] = []
    ) {
        self.title = title
        self.strategy = strategy
        self.classes = classes
        self.cases = cases
        self.curves = curves
        self.changes = changes
        self.pictures = pictures
        self.provenance = provenance
    }

    /// One self-contained HTML page. Equal reports give equal bytes.
    public var page: String { LabelCorrectionPage(report: self).html }
}
