import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct AnnotatorTests {
    private static let pool = ThreadPool(threads: 2)

    /// One patient, coarse, whose labels are drawn again and again.
    private static func patient(_ annotators: Annotators) throws -> (Organs, DistanceStack) {
        var organs = Organs()
        (organs.width, organs.height, organs.spacing, organs.annotators) = (56, 44, 6.3, annotators)
        var draws = PhantomDraws(seed: 5, index: 2)
        return (organs, try organs.stack(draws: &draws))
    }

    private static func labels(_ count: Int, _ annotators: Annotators, _ stack: DistanceStack) -> [[Int32]] {
        (1...count).map { annotator in
            var draws = PhantomDraws(seed: 5, index: 2)
            return annotators.label(by: annotator, of: stack, draws: &draws, pool: pool)
        }
    }

    /// The largest evidence against `posterior` in any pixel and class, as the natural logarithm of a bound of the
    /// probability to see such a frequency or a less likely one: Chernoff's 2·exp(−n·KL(frequency ‖ p)).
    private static func evidence(_ labels: [[Int32]], _ posterior: [Float], classes: Int) -> Double {
        let count = labels[0].count, n = Double(labels.count)
        var frequency = [Double](repeating: 0, count: posterior.count)
        for label in labels { for i in 0..<count { frequency[Int(label[i]) * count + i] += 1 / n } }
        var worst = 0.0
        for (f, p) in zip(frequency, posterior.map(Double.init)) where abs(f - p) > 1e-6 {
            func term(_ a: Double, _ b: Double) -> Double { a > 0 ? (b > 0 ? a * log(a / b) : .infinity) : 0 }
            worst = max(worst, n * (term(f, p) + term(1 - f, 1 - p)) - log(2))
        }
        return -worst
    }

    @Test func `labels occur in every pixel with the frequency of the stated posterior (error rate 1e-6)`() throws {
        var annotators = Annotators()
        annotators.bias = 0.8
        let (_, stack) = try Self.patient(annotators)
        let posterior = annotators.posterior(of: stack, pool: Self.pool), classes = stack.organs.count + 1
        let labels = Self.labels(400, annotators, stack)
        // Bonferroni over all pixels and classes holds however they depend on each other.
        let limit = log(1e-6 / Double(posterior.count))
        #expect(Self.evidence(labels, posterior, classes: classes) > limit)
        // The test sees what is wrong: other biases, jitters, and confusions that are left out.
        var wrong = annotators
        wrong.bias = 0
        wrong.borders = [:]
        #expect(
            Self.evidence(labels, wrong.posterior(of: stack, pool: Self.pool), classes: classes) < limit)
        wrong = annotators
        (wrong.sigma, wrong.habit) = (2.5, 0)
        #expect(
            Self.evidence(labels, wrong.posterior(of: stack, pool: Self.pool), classes: classes) < limit)
        wrong = annotators
        wrong.confusions = []
        #expect(
            Self.evidence(labels, wrong.posterior(of: stack, pool: Self.pool), classes: classes) < limit)
    }

    @Test func `each organ's mean area is that of the posterior (error rate 1e-6 per organ)`() throws {
        let annotators = Annotators()
        let (_, stack) = try Self.patient(annotators)
        let posterior = annotators.posterior(of: stack, pool: Self.pool), count = stack.size.count
        let labels = Self.labels(300, annotators, stack)
        for k in 0...stack.organs.count {
            let expected = posterior[k * count..<(k + 1) * count].reduce(0.0) { $0 + Double($1) }
            let areas = labels.map { label in Double(label.count { $0 == Int32(k) }) }
            let mean = areas.reduce(0, +) / 300
            let variance = areas.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 299
            // Draws are independent of each other, so their mean is normal; |z| > 4.9 has probability 1e-6.
            #expect(abs(mean - expected) <= 4.9 * (variance / 300).squareRoot() + 1e-3)
        }
    }

    @Test func `the posterior is the closed form, with organs in front and confusions`() throws {
        var annotators = Annotators()
        (annotators.sigma, annotators.habit, annotators.bias, annotators.borders) = (3, 4, 1, [:])
        annotators.confusions = [AnnotatorConfusion(from: "a", to: "b", probability: 0.25)]
        let stack = DistanceStack(
            organs: ["a", "b"], size: GridSize(3, 1), spacing: [1, 1, 1],
            values: [1, -4, .infinity, 6, .infinity, .infinity])
        let posterior = annotators.posterior(of: stack, pool: .serial)
        // First pixel: P(mask a) = Φ(0) = 1/2, P(mask b) = Φ(−1) = 0.158655; b lies in front. Second: P(mask a) = Φ(1).
        let b = 0.158655254, a = 0.5 * (1 - b), second = 0.841344746
        let expected = [1 - a - b, 1 - second, 1, 0.75 * a, 0.75 * second, 0, b + 0.25 * a, 0.25 * second, 0]
        for (found, expected) in zip(posterior, expected) { #expect(abs(Double(found) - expected) < 1e-6) }
    }

    @Test func `an organ is confused as a whole, and annotators are recorded`() throws {
        var annotators = Annotators()
        annotators.confusions = [AnnotatorConfusion(from: "liver", to: "spleen", probability: 0.5)]
        let (_, stack) = try Self.patient(annotators)
        var seen = Set<String>()
        for annotator in 1...24 {
            var draws = PhantomDraws(seed: 5, index: 2)
            let present = Set(annotators.label(by: annotator, of: stack, draws: &draws, pool: .serial))
            let liver = Int32((stack.organs.firstIndex(of: "liver") ?? 0) + 1)
            guard case .object(let record) = draws.record,
                case .string(let reported) = record["annotator.\(annotator).liver.reported"]
            else {
                Issue.record("the confusion is not recorded")
                return
            }
            #expect(present.contains(liver) == (reported == "liver"))
            seen.insert(reported)
        }
        #expect(seen == ["liver", "spleen"])
    }

    @Test func `without jitter, habit, bias and confusions, labels and posterior are the truth`() throws {
        var annotators = Annotators()
        (annotators.sigma, annotators.habit, annotators.borders, annotators.confusions) = (0, 0, [:], [])
        let (_, stack) = try Self.patient(annotators)
        let label = Self.labels(1, annotators, stack)[0], count = stack.size.count
        #expect(label == stack.truth)
        let posterior = annotators.posterior(of: stack, pool: .serial)
        #expect(label.indices.allSatisfy { posterior[Int(label[$0]) * count + $0] == 1 })
    }

    @Test func `contours are smooth: neighbouring border pixels move alike`() throws {
        // One straight border; the drawn border's column in each row.
        let size = GridSize(200, 240)
        var values: [Float] = []
        for _ in 0..<size.y { for x in 0..<size.x { values.append((Float(x) - 99.5) * 0.1) } }
        var annotators = Annotators()
        (annotators.sigma, annotators.habit, annotators.borders, annotators.confusions) = (2, 0, [:], [])
        annotators.correlation = 4
        let stack = DistanceStack(organs: ["a"], size: size, spacing: [0.1, 0.1, 1], values: values)
        var near = 0.0, far = 0.0, square = 0.0, mean = 0.0, pairs = 0.0
        for annotator in 1...40 {
            var draws = PhantomDraws(seed: 1, index: 0)
            let label = annotators.label(by: annotator, of: stack, draws: &draws, pool: .serial)
            let border = (0..<size.y).map { y in
                Double(label[y * size.x..<(y + 1) * size.x].count { $0 == 1 }) * 0.1 - 10
            }
            for y in 0..<110 {
                near += border[y] * border[y + 5]
                far += border[y] * border[y + 120]
                square += border[y] * border[y]
                mean += border[y]
                pairs += 1
            }
        }
        // 0.5 mm apart nearly the same, 12 mm apart (three lattice points) hardly related; spread 2 mm.
        #expect(near / square > 0.95)
        #expect(abs(far / square) < 0.45)
        #expect(abs((square / pairs).squareRoot() - 2) < 0.5)
    }

    @Test func `jitter has the same variance wherever a pixel lies between the points of its lattice`() throws {
        // Everywhere 2 mm outside of an organ, with a jitter of 2 mm: inside with probability Φ(−1) at every pixel.
        // Without weights of norm 1, the variance at lattice points would be 28 % above that in the middle of cells.
        var annotators = Annotators()
        (annotators.sigma, annotators.habit, annotators.borders, annotators.confusions) = (2, 0, [:], [])
        annotators.correlation = 4
        let size = GridSize(120, 120, 2)
        let stack = DistanceStack(
            organs: ["a"], size: size, spacing: [1, 1, 2], values: Array(repeating: 2, count: size.count))
        let labels = Self.labels(200, annotators, stack)
        // At lattice points (multiples of 4 mm; slice 0), and halfway between them (slice 1).
        for (phase, slice) in [(0, 0), (2, 1)] {
            let means = labels.map { label in
                var inside = 0.0
                for y in stride(from: phase, to: 120, by: 4) {
                    for x in stride(from: phase, to: 120, by: 4) {
                        inside += Double(label[(slice * 120 + y) * 120 + x])
                    }
                }
                return inside / 900
            }
            let mean = means.reduce(0, +) / 200
            let variance = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 199
            // |z| > 4.9 has probability 1e-6. Without norm 1 the variances would be 13 % off: about 12 standard errors.
            #expect(abs(mean - 0.158655254) < 4.9 * (variance / 200).squareRoot())
        }
    }

    @Test func `what annotators cannot do is refused`() throws {
        func refused(_ change: (inout Annotators) -> Void) {
            var organs = Organs()
            change(&organs.annotators)
            let error = #expect(throws: Diagnostic.self) { try organs.check() }
            #expect(error?.code == .badArgument)
        }
        refused { $0.count = 0 }
        refused { $0.count = 17 }
        refused { $0.sigma = -1 }
        refused { $0.habit = .nan }
        refused { $0.bias = 60 }
        refused { $0.correlation = 1 }
        refused { $0.borders["lung"] = AnnotatedBorder(sigma: 1) }
        refused { $0.borders["liver"] = AnnotatedBorder(sigma: 51) }
        refused { $0.confusions = [AnnotatorConfusion(from: "background", to: "liver")] }
        refused { $0.confusions = [AnnotatorConfusion(from: "lung")] }
        refused { $0.confusions = [AnnotatorConfusion(from: "liver", to: "lung")] }
        refused { $0.confusions = [AnnotatorConfusion(from: "liver", to: "liver")] }
        refused { $0.confusions = [AnnotatorConfusion(from: "liver", probability: 1.5)] }
        refused {
            $0.confusions = [
                AnnotatorConfusion(from: "liver", probability: 0.6),
                AnnotatorConfusion(from: "liver", to: "spleen", probability: 0.6),
            ]
        }
    }
}
