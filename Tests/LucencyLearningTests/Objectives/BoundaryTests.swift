import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Testing

/// The boundary loss against distances found by trying every pair of pixels.
@Suite struct BoundaryTests {
    private static let height = 7, width = 9

    /// Class 1 is a cross, class 2 a corner; one pixel is void.
    private static let labels: [Int] = (0..<height * width).map { index in
        let x = index % width, y = index / width
        if x == 8, y == 0 { return -1 }
        if abs(x - 3) + abs(y - 3) <= 2 { return 1 }
        return x > 6 && y > 4 ? 2 : 0
    }

    /// Signed distances of a class by brute force.
    private static func distances(_ number: Int, spacing: (x: Double, y: Double)) -> [Double] {
        labels.indices.map { index in
            guard labels[index] >= 0 else { return 0 }
            var nearest = Double.infinity
            for other in labels.indices where labels[other] >= 0 {
                guard (labels[other] == number) != (labels[index] == number) else { continue }
                let x = Double(index % width - other % width) * spacing.x
                let y = Double(index / width - other / width) * spacing.y
                nearest = min(nearest, (x * x + y * y).squareRoot())
            }
            return labels[index] == number ? min(spacing.x, spacing.y) - nearest : nearest
        }
    }

    private static func expected(
        _ logits: [Double], classes: [Int], spacing: (x: Double, y: Double)
    ) -> (loss: Double, gradient: [Double]) {
        let pixels = labels.count, maps = (0..<3).map { distances($0, spacing: spacing) }
        let count = Double(labels.count { $0 >= 0 } * classes.count)
        var loss = 0.0, gradient = logits.map { _ in 0.0 }
        for pixel in labels.indices where labels[pixel] >= 0 {
            let powers = (0..<3).map { exp(logits[$0 * pixels + pixel]) }, sum = powers.reduce(0, +)
            let costs = (0..<3).map { classes.contains($0) ? maps[$0][pixel] : 0 }
            let mean = zip(powers, costs).reduce(0) { $0 + $1.0 / sum * $1.1 }
            loss += mean / count
            for number in 0..<3 {
                gradient[number * pixels + pixel] = powers[number] / sum * (costs[number] - mean) / count
            }
        }
        return (loss, gradient)
    }

    @Test(arguments: [false, true], [LengthUnit.px, .mm, .um])
    func `loss and gradient follow from exact distances`(_ includesBackground: Bool, _ unit: LengthUnit) throws {
        var stream = PhiloxStream(seed: 6, stream: "boundary")
        let logits = Tensor.normal(try Shape([1, 3, Self.height, Self.width]), from: &stream)
        let maps = try ObjectiveRun.maps([1, Self.height, Self.width], Self.labels, spacing: [0.5, 0.75, 4])
        let spacing: (x: Double, y: Double) =
            switch unit {
            case .mm: (0.5, 0.75)
            case .um: (500, 750)
            default: (1, 1)
            }
        let (loss, gradient) = Self.expected(
            logits.array.map(Double.init), classes: includesBackground ? [0, 1, 2] : [1, 2], spacing: spacing)
        let term = BoundaryTerm(weight: 1, includesBackground: includesBackground, unit: unit)
        let run = try ObjectiveRun(
            Objective([DiceTerm(SoftDiceForm(), weight: 0), term]), logits: logits, labels: maps)
        let scale = spacing.x
        #expect(abs(Double(run.total) - loss) < 1e-5 * scale)
        for (found, slope) in zip(run.gradient, gradient) { #expect(abs(Double(found) - slope) < 1e-6 * scale) }
        #expect(gradient.contains { abs($0) > 1e-3 * scale })
    }

    @Test func `a class that is absent or everywhere costs nothing`() throws {
        let logits = try Tensor([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
        let objective = Objective([DiceTerm(), BoundaryTerm(weight: 1, includesBackground: true)])
        for label in [0, 1] {
            let maps = try ObjectiveRun.maps([1, 2, 2], [label, label, -1, label])
            #expect(try ObjectiveRun(objective, logits: logits, labels: maps).parts["boundary"] == 0)
        }
    }

    @Test func `right masks cost less than wrong ones`() throws {
        let maps = try ObjectiveRun.maps([1, Self.height, Self.width], Self.labels)
        func loss(_ labels: [Int]) throws -> Float {
            let logits = try Tensor(
                [1, 3, Self.height, Self.width],
                (0..<3).flatMap { number in labels.map { $0 == number ? Float(9) : 0 } })
            let run = try ObjectiveRun(Objective([DiceTerm(), BoundaryTerm()]), logits: logits, labels: maps)
            return try #require(run.parts["boundary"])
        }
        let right = try loss(Self.labels), mirrored = try loss(Self.labels.reversed())
        let empty = try loss(Self.labels.map { _ in 0 })
        #expect(right < empty && empty < mirrored)
    }

    @Test func `metric distances need a stated spacing`() throws {
        let maps = try ObjectiveRun.maps([1, 2, 2], [0, 1, 1, 0])
        let error = #expect(throws: Diagnostic.self) {
            try Objective([CrossEntropyTarget(), BoundaryTerm(weight: 1, unit: .mm)]).sample(maps[0], classes: 2)
        }
        #expect(error?.code == .assumedSpacing)
    }
}
