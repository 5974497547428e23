import LucencyFoundation

/// The probabilities that one image (or patient) was given, and its true class.
public struct ClassificationCase: Hashable, Codable, Sendable {
    /// Unique among the cases that are merged.
    public var name: String
    /// Whom the image is of; nil where images are independent.
    public var patient: String?
    /// Index of the true class.
    public var truth: Int
    /// One for each class; they sum to 1.
    public var probabilities: [Double]

    public init(name: String, patient: String? = nil, truth: Int, probabilities: [Double]) {
        self.name = name
        self.patient = patient
        self.truth = truth
        self.probabilities = probabilities
    }

    /// The most probable class; of equal ones the first.
    public var answer: Int {
        var best = 0
        for (plane, p) in probabilities.enumerated() where p > probabilities[best] { best = plane }
        return best
    }
}

/// Cases put together. Summaries of parts of a data set merge into that of the whole, in any order, to the same bytes.
public struct ClassificationSummary: Hashable, Sendable {
    /// Names of the classes, in the order of probabilities; empty while there is no case.
    public private(set) var classes: [String] = []
    /// By ascending name.
    public private(set) var cases: [ClassificationCase] = []

    public init() {}

    /// - Throws: `Diagnostic` when a case of this name is there already, its classes are others, its probabilities are none
    ///   (they must lie in 0...1 and sum to 1 within 10⁻³), or some cases state a patient and others none.
    public mutating func add(_ one: ClassificationCase, classes: [String]) throws(Diagnostic) {
        try Self.check(one, classes)
        if let first = cases.first {
            guard classes == self.classes else {
                throw Diagnostic(
                    .badArgument,
                    "cases \"\(first.name)\" and \"\(one.name)\" have other classes: \(self.classes.joined(separator: ", ")); "
                        + classes.joined(separator: ", "), remedy: "take the probabilities of one model")
            }
            guard (first.patient == nil) == (one.patient == nil) else {
                throw Diagnostic(
                    .badArgument, "of \"\(first.name)\" and \"\(one.name)\" only one has a patient",
                    remedy: "name the patient of every item, or of none")
            }
        }
        var low = 0, high = cases.count
        while low < high {
            let middle = (low + high) / 2
            if cases[middle].name < one.name { low = middle + 1 } else { high = middle }
        }
        if low < cases.count, cases[low].name == one.name {
            throw Diagnostic(.duplicateName, "there are two cases named \"\(one.name)\"")
        }
        self.classes = classes
        cases.insert(one, at: low)
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: ClassificationSummary) throws(Diagnostic) {
        for one in other.cases { try add(one, classes: other.classes) }
    }

    private static func check(_ one: ClassificationCase, _ classes: [String]) throws(Diagnostic) {
        guard classes.count >= 2, Set(classes).count == classes.count else {
            throw Diagnostic(
                .badArgument, "\(classes.count) classes (\(classes.joined(separator: ", "))) are no choice",
                remedy: "give probabilities of at least two classes with different names")
        }
        guard one.probabilities.count == classes.count, classes.indices.contains(one.truth) else {
            throw Diagnostic(
                .sizeMismatch,
                "\"\(one.name)\" has \(one.probabilities.count) probabilities for \(classes.count) classes")
        }
        let sum = one.probabilities.reduce(0, +)
        guard one.probabilities.allSatisfy({ -1e-6...1 + 1e-6 ~= $0 }), abs(sum - 1) <= 1e-3 else {
            throw Diagnostic(
                .notFinite,
                "the numbers of \"\(one.name)\" (\(one.probabilities.map { "\($0)" }.joined(separator: ", "))) are no "
                    + "probabilities of classes", remedy: "they must lie in 0...1 and sum to 1")
        }
    }

    /// One case for each patient: the mean of its images' probabilities. nil where images state no patient.
    /// - Throws: `Diagnostic` when the images of a patient have different classes.
    public func patients() throws(Diagnostic) -> ClassificationSummary? {
        guard cases.first?.patient != nil else { return nil }
        var result = ClassificationSummary()
        for (patient, images) in Dictionary(grouping: cases, by: { $0.patient ?? "" }).sorted(by: { $0.key < $1.key }) {
            if let other = images.first(where: { $0.truth != images[0].truth }) {
                throw Diagnostic(
                    .badLabel,
                    "patient \"\(patient)\" is \(classes[images[0].truth]) in \"\(images[0].name)\" and "
                        + "\(classes[other.truth]) in \"\(other.name)\"",
                    remedy: "correct the table of facts, or evaluate without patients")
            }
            let mean = classes.indices.map { plane in
                images.reduce(0) { $0 + $1.probabilities[plane] } / Double(images.count)
            }
            try result.add(
                ClassificationCase(name: patient, truth: images[0].truth, probabilities: mean), classes: classes)
        }
        return result
    }
}

extension ClassificationSummary: Codable {
    private enum CodingKeys: String, CodingKey { case classes, cases }

    /// Refuses what `add` refuses.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let classes = try container.decode([String].self, forKey: .classes)
        for one in try container.decode([ClassificationCase].self, forKey: .cases) { try add(one, classes: classes) }
    }
}
