import LucencyFoundation

/// Virtual annotators of an anatomy that is known exactly, and the probability with which they give each label.
///
/// For each organ k, front ones first, an annotator's border is the true one displaced by
/// δ_k(x) = bias + habit·h + sigma·g(x) mm along the distance to the border d_k (negative inside): h is a standard
/// normal number of the annotator, organ and picture, g a smooth field that is standard normal at every pixel. An
/// organ's mask is where d_k < δ_k. A pixel belongs to the frontmost mask that holds it. So
///
///     P(mask k) = Φ((bias − d_k) / √(sigma² + habit²))
///     P(k) = P(mask k) · Π (1 − P(mask j)) over j in front of k, and background is the rest,
///
/// exactly: masks are independent of each other at every pixel. Then a whole organ may be taken for another class or be
/// missed: one number per annotator, organ and picture decides, so that P(reported as l) = Σ_k P(k) C(k → l).
public struct Annotators: Hashable, Sendable {
    /// How many: products `label`, `label2`, … are independent draws of the same distribution, 1...16.
    public var count = 1
    /// Standard deviation of the border's jitter along the contour, mm.
    public var sigma = 1.2
    /// Standard deviation of an annotator's habit to draw an organ larger or smaller all around, mm.
    public var habit = 0.6
    /// How much too large organs are drawn on average, mm.
    public var bias = 0.0
    /// Border points nearer than this are displaced alike, mm.
    public var correlation = 14.0
    /// What is different for some organs.
    public var borders: [String: AnnotatedBorder] = [
        "pancreas": AnnotatedBorder(sigma: 2.2, habit: 1), "gallbladder": AnnotatedBorder(sigma: 1.5),
        "stomach": AnnotatedBorder(sigma: 2),
    ]
    /// Organs that are taken for others.
    public var confusions: [AnnotatorConfusion] = [
        AnnotatorConfusion(from: "pancreas", to: "background", probability: 0.08),
        AnnotatorConfusion(from: "gallbladder", to: "liver", probability: 0.1),
        AnnotatorConfusion(from: "stomach", to: "background", probability: 0.04),
        AnnotatorConfusion(from: "venaCava", to: "aorta", probability: 0.02),
    ]

    /// Beyond so many standard deviations no mask reaches (probability 1.3·10⁻¹² of a normal number).
    static let reach = 7.0

    public init() {}

    /// Sigma, habit and bias of an organ, mm.
    func border(of organ: String) -> (sigma: Double, habit: Double, bias: Double) {
        let own = borders[organ]
        return (own?.sigma ?? sigma, own?.habit ?? habit, own?.bias ?? bias)
    }

    /// The standard deviation of an organ's border at one pixel, mm.
    func spread(of organ: String) -> Double {
        let border = border(of: organ)
        return hypotenuse(border.sigma, border.habit)
    }

    /// - Parameter organs: the classes, without background.
    /// - Throws: `Diagnostic` when a setting is out of range or names an organ that is not there.
    func check(organs: [String]) throws {
        guard 1...16 ~= count else {
            throw Diagnostic(.badArgument, "\(count) annotators are outside 1...16")
        }
        guard correlation >= 2, correlation.isFinite else {
            throw Diagnostic(.badArgument, "the annotators' correlation of \(correlation) mm is below 2 mm")
        }
        for name in borders.keys.sorted() where !organs.contains(name) {
            throw Self.unknown(name, organs)
        }
        for organ in organs {
            let border = border(of: organ)
            guard 0...50 ~= border.sigma, 0...50 ~= border.habit, -50...50 ~= border.bias else {
                throw Diagnostic(
                    .badArgument,
                    "sigma \(border.sigma), habit \(border.habit) or bias \(border.bias) mm of '\(organ)' is outside 0...50 mm",
                    remedy: "write how far drawn borders lie from the true ones, in mm")
            }
        }
        for confusion in confusions {
            guard confusion.from != "background" else {
                throw Diagnostic(
                    .badArgument, "background cannot be taken for '\(confusion.to)' as a whole",
                    remedy: "an organ that is drawn too large is a `bias` of its border")
            }
            guard organs.contains(confusion.from) else { throw Self.unknown(confusion.from, organs) }
            guard confusion.to == "background" || organs.contains(confusion.to) else {
                throw Self.unknown(confusion.to, organs)
            }
            guard confusion.to != confusion.from, 0...1 ~= confusion.probability else {
                throw Diagnostic(
                    .badArgument,
                    "'\(confusion.from)' is taken for '\(confusion.to)' with probability \(confusion.probability)",
                    remedy: "name two classes and a probability from 0 to 1")
            }
        }
        for organ in organs {
            let sum = confusions.filter { $0.from == organ }.reduce(0) { $0 + $1.probability }
            guard sum <= 1 else {
                throw Diagnostic(.badArgument, "'\(organ)' is taken for others with probability \(sum), above 1")
            }
        }
    }

    private static func unknown(_ name: String, _ organs: [String]) -> Diagnostic {
        Diagnostic(
            .badArgument, "borders or confusions of the annotators name an organ '\(name)' that is not there",
            remedy: nearestName(to: name, in: organs).map { "did you mean '\($0)'?" }
                ?? "there are: \(organs.joined(separator: ", "))")
    }

    /// Rows: what an organ is; columns: what it is reported as; the first is background.
    func confusionMatrix(organs: [String]) -> [[Double]] {
        let names = ["background"] + organs
        var matrix = names.indices.map { k in names.indices.map { $0 == k ? 1.0 : 0.0 } }
        for confusion in confusions {
            guard let from = names.firstIndex(of: confusion.from), let to = names.firstIndex(of: confusion.to)
            else { continue }
            matrix[from][to] += confusion.probability
            matrix[from][from] -= confusion.probability
        }
        return matrix
    }
}

/// How an organ's border is annotated, where it differs from others.
public struct AnnotatedBorder: Hashable, Sendable {
    /// Standard deviation of the jitter along the contour, mm.
    public var sigma: Double?
    /// Standard deviation of an annotator's habit to draw it larger or smaller, mm.
    public var habit: Double?
    /// How much too large it is drawn on average, mm.
    public var bias: Double?

    public init(sigma: Double? = nil, habit: Double? = nil, bias: Double? = nil) {
        self.sigma = sigma
        self.habit = habit
        self.bias = bias
    }

    public init() { self.init(sigma: nil) }
}

/// With a probability, an annotator takes a whole organ of a picture for another class, or misses it (`background`).
public struct AnnotatorConfusion: Hashable, Sendable {
    public var from: String
    public var to: String
    public var probability: Double

    public init(from: String = "", to: String = "background", probability: Double = 0.05) {
        self.from = from
        self.to = to
        self.probability = probability
    }

    public init() { self.init(from: "") }
}
