import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct BoneSuppressionEvaluationTests {
    private static let side = 64

    /// A smooth ground with soft spots (column, row, σ, height), and bars of bone where they are asked for.
    private func plane(_ spots: [(Double, Double, Double, Float)], bones: Bool = false) throws -> Image {
        let side = Self.side
        let values = (0..<side * side).map { index -> Float in
            let x = Double(index % side), y = Double(index / side)
            var value = Float(0.3 + 0.1 * sin(x / 20) + 0.02 * sin(x * 1.7 + y * 2.3))
            for (column, row, sigma, height) in spots {
                let r = (x - column) * (x - column) + (y - row) * (y - row)
                value += height * Float(exp(-r / (2 * sigma * sigma)))
            }
            if bones, index / side % 16 < 4 { value += 0.1 }
            return value
        }
        return try image(values)
    }

    private func image(_ values: [Float]) throws -> Image {
        try Image(geometry: Geometry(size: GridSize(Self.side, Self.side)), pixels: AlignedBuffer(values))
    }

    /// Labels of discs (column, row, radius).
    private func discs(_ discs: [(Int, Int, Int)], _ table: [Int32: LabelClass] = [:]) throws -> LabelMap {
        let side = Self.side
        let labels = (0..<side * side).map { index -> Int32 in
            for (number, disc) in discs.enumerated() {
                let dx = index % side - disc.0, dy = index / side - disc.1
                if dx * dx + dy * dy <= disc.2 * disc.2 { return Int32(number + 1) }
            }
            return 0
        }
        return try LabelMap(geometry: Geometry(size: GridSize(side, side)), labels: AlignedBuffer(labels), table: table)
    }

    private var evaluation: BoneSuppressionEvaluation {
        var evaluation = BoneSuppressionEvaluation()
        evaluation.quality.range = 1
        return evaluation
    }

    @Test func `the truth is a perfect answer, and the film's numbers stand beside it`() throws {
        let truth = try plane([(20, 24, 3, 0.2)]), film = try plane([(20, 24, 3, 0.2)], bones: true)
        let result = try evaluation("a", film: film, answer: truth, truth: truth, nodules: discs([(20, 24, 4)]))
        #expect(result[.bsr].answer == .value(1) && result[.bsr2].answer == .value(1))
        #expect(result[.psnr].answer == .infinite && result[.mse].answer == .value(0))
        #expect(abs((result[.ssim].answer.value ?? 0) - 1) < 1e-12 && result[.gmsd].answer == .value(0))
        // A quarter of all pixels has 0.1 more.
        #expect(abs((result[.mse].film.value ?? 0) - 0.0025) < 1e-6)
        #expect((result[.bsr].film.value ?? 1) < 1)
        #expect(result.nodules == 1 && result.visibleNodules == 1)
        #expect(result[.lostNodules].answer == .value(0) && result[.inventedSpots].answer == .value(0))
        #expect(result[.noduleContrast].answer == result[.noduleContrast].truth)
        #expect((result[.noduleContrast].gain.value ?? 0) > 0)
        #expect(result[.lungDice].answer == .undefined)
    }

    @Test func `bytes do not wrap around`() throws {
        var evaluation = evaluation
        evaluation.quality.range = 255
        let truth = try image([Float](repeating: 200, count: 4096)),
            dark = try image([Float](repeating: 10, count: 4096))
        let film = try image((0..<4096).map { $0 % 2 == 0 ? 100 : 101 })
        let result = try evaluation("a", film: film, answer: dark, truth: truth)
        #expect(result[.mse].answer == .value(36100))
    }

    @Test func `doing nothing has the film's numbers, and the ratio is that of the fixture`() throws {
        let images = try GoldenTensors(TestFiles.fixture("LucencyCalibrationTests", "metrics/images.safetensors"))
        let values = try TestFiles.json(TestFiles.fixture("LucencyCalibrationTests", "metrics/values.json"))
        func image(_ name: String) throws -> Image {
            let tensor = try images.tensor(name), shape = tensor.shape.dimensions
            return try Image(
                geometry: Geometry(size: GridSize(shape[1], shape[0])), pixels: AlignedBuffer(tensor.array))
        }
        let film = try image("bsr.cxr"), truth = try image("bsr.gt")
        var evaluation = evaluation
        evaluation.quality.clamp = false
        let result = try evaluation("a", film: film, answer: image("bsr.out"), truth: truth)
        for (metric, name) in [(BoneSuppressionMetric.bsr, "bsr"), (.bsr2, "bsr_two_sided")] {
            let wanted = try #require(values[name]?.doubleValue)
            #expect(abs((result[metric].answer.value ?? 0) - wanted) < 1e-6)
        }
        let idle = try #require(values["bsr_unsuppressed"]?.doubleValue)
        #expect(abs((result[.bsr].film.value ?? 0) - idle) < 1e-6)
        let nothing = try evaluation("a", film: film, answer: film, truth: truth)
        for metric in BoneSuppressionMetric.allCases { #expect(nothing[metric].answer == nothing[metric].film) }
    }

    @Test func `a nodule that is gone counts as lost, one that is weaker does not`() throws {
        let truth = try plane([(20, 24, 3, 0.2), (45, 40, 3, 0.2)])
        let film = try plane([(20, 24, 3, 0.2), (45, 40, 3, 0.2)], bones: true)
        let nodules = try discs([(20, 24, 4), (45, 40, 4)])
        let one = try evaluation("a", film: film, answer: plane([(20, 24, 3, 0.2)]), truth: truth, nodules: nodules)
        #expect(one.visibleNodules == 2 && one[.lostNodules].answer == .value(0.5))
        let weak = try plane([(20, 24, 3, 0.2), (45, 40, 3, 0.16)])
        let kept = try evaluation("a", film: film, answer: weak, truth: truth, nodules: nodules)
        #expect(kept[.lostNodules].answer == .value(0))
    }

    @Test func `a spot that neither truth nor film has is unsupported, one that the film has is only invented`() throws
    {
        let truth = try plane([]), film = try plane([(45, 40, 3, 0.2)], bones: true)
        let both = try plane([(20, 24, 3, 0.2), (45, 40, 3, 0.2)])
        let result = try evaluation("a", film: film, answer: both, truth: truth)
        #expect(result[.inventedSpots].answer == .value(2) && result[.unsupportedSpots].answer == .value(1))
        #expect(result[.unsupportedSpots].film == .value(0))
        // Only spots in the lungs count where the lungs are known.
        let lungs = BoneSuppressionEvaluation.Lungs(truth: try discs([(45, 40, 12)]))
        let inside = try evaluation("a", film: film, answer: both, truth: truth, lungs: lungs)
        #expect(inside[.inventedSpots].answer == .value(1) && inside[.unsupportedSpots].answer == .value(0))
    }

    @Test func `lungs found in film and answer are compared with the true ones`() throws {
        let truth = try plane([]), film = try plane([], bones: true)
        let lung: [Int32: LabelClass] = [1: .init(name: "right lung"), 2: .init(name: "heart")]
        let true_ = try discs([(20, 20, 8)], lung), off = try discs([(20, 26, 8)], lung)
        let withHeart = try discs([(20, 20, 8), (45, 45, 6)], lung)
        let result = try evaluation(
            "a", film: film, answer: truth, truth: truth, lungs: .init(before: off, after: withHeart, truth: true_))
        #expect(result[.lungDice].answer == .value(1))
        let before = try #require(result[.lungDice].film.value)
        #expect(before > 0.3 && before < 0.8)
    }

    @Test func `what cannot be judged is refused`() throws {
        let truth = try plane([]), film = try plane([], bones: true)
        // No bone at all.
        #expect(throws: Diagnostic.self) { try evaluation("a", film: truth, answer: truth, truth: truth) }
        // Lungs of one image only.
        #expect(throws: Diagnostic.self) {
            try evaluation("a", film: film, answer: truth, truth: truth, lungs: .init(before: discs([(20, 20, 8)])))
        }
        // No range.
        #expect(throws: Diagnostic.self) {
            try BoneSuppressionEvaluation()("a", film: film, answer: truth, truth: truth)
        }
        var wrong = evaluation
        wrong.nodules.scales = [3, 2]
        #expect(throws: Diagnostic.self) { try wrong("a", film: film, answer: truth, truth: truth) }
        let small = try Image(
            geometry: Geometry(size: GridSize(32, 32)), pixels: AlignedBuffer([Float](repeating: 0, count: 1024)))
        #expect(throws: (any Error).self) { try evaluation("a", film: film, answer: small, truth: truth) }
        var summary = BoneSuppressionSummary()
        let result = try evaluation("a", film: film, answer: truth, truth: truth)
        try summary.add(result)
        #expect(throws: Diagnostic.self) { try summary.add(result) }
    }
}
