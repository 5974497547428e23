import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Testing

/// What must hold for windows around pixels, and for the objectives that look at them.
@Suite struct NeighbourhoodTests {
    private static let borders = WindowBorder.allCases

    private func centred(_ sigma: Double, side: Int = 3, isPlanar: Bool = true) -> WindowKernel {
        WindowKernel.centred(side: side, deviations: SIMD3(repeating: sigma), isPlanar: isPlanar)
    }

    private func shares(_ neighbourhood: Neighbourhood, _ map: LabelMap, classes: Int) throws -> [[Float]] {
        let all = try neighbourhood(map, classes: classes).array, pixels = map.size.count
        return (0..<pixels).map { pixel in (0..<classes).map { all[$0 * pixels + pixel] } }
    }

    @Test(arguments: [0.05, 0.1, 0.5, 1, 2, 100], [true, false])
    func `half of a centred kernel stands in the middle, for any σ`(_ sigma: Double, _ isPlanar: Bool) {
        for side in [3, 5] {
            let weights = centred(sigma, side: side, isPlanar: isPlanar).weights
            #expect(weights.count == (isPlanar ? side * side : side * side * side))
            #expect(weights[weights.count / 2] == 0.5)
            #expect(abs(weights.reduce(0, +) - 1) < 1e-6)
            #expect(weights == weights.reversed())
            // Axes are alike.
            let plane = isPlanar ? 0 : side * side * (side / 2)
            for y in 0..<side {
                for x in 0..<side { #expect(weights[plane + y * side + x] == weights[plane + x * side + y]) }
            }
        }
    }

    @Test func `a wide σ shares alike, a narrow one with the nearest only, and axes may differ`() {
        let wide = centred(1000, isPlanar: false).weights
        #expect(wide.enumerated().allSatisfy { $0 == 13 || abs($1 - 1.0 / 52) < 1e-6 })
        #expect(centred(0.05).weights[1] == 0.125 && centred(0.05).weights[0] == 0)
        let tall = WindowKernel.centred(side: 3, deviations: [0.1, 1, 1], isPlanar: true).weights
        #expect(tall[3] < 1e-12 && abs(tall[1] - 0.25) < 1e-6)
    }

    @Test func `shares sum to 1, and are the label where all labels are equal`() throws {
        let (_, maps) = try ObjectiveRun.random([1, 4, 9, 12], labels: 0...3)
        let flat = try ObjectiveRun.maps([1, 5, 6], Array(repeating: 2, count: 30))
        for border in Self.borders {
            for kernel in [centred(1), centred(0.3, side: 5), .uniform(side: 3, isPlanar: true)] {
                let neighbourhood = Neighbourhood(kernel, border: border)
                for pixel in try shares(neighbourhood, maps[0], classes: 4) {
                    let sum = pixel.reduce(0, +)
                    #expect(pixel.allSatisfy { $0 >= 0 } && (border == .zero ? sum < 1.000001 : abs(sum - 1) < 1e-6))
                }
                let same = try shares(neighbourhood, flat[0], classes: 4)
                for (index, pixel) in same.enumerated() {
                    let isFrame = index / 6 % 4 == 0 || index % 6 % 5 == 0 || kernel.radii.x == 2
                    if border == .valid || border == .replicate || !isFrame { #expect(pixel == [0, 0, 1, 0]) }
                    if border == .zero, index == 0 { #expect(pixel[2] < 0.9 && pixel[0] == 0) }
                    if border == .background, index == 0 { #expect(pixel[0] > 0.1) }
                }
            }
        }
    }

    @Test func `away from the frame all borders are equal, and ignored pixels leave windows`() throws {
        let (_, maps) = try ObjectiveRun.random([1, 3, 8, 9], labels: -1...2)
        let all = try Self.borders.map {
            try shares(Neighbourhood(.uniform(side: 3, isPlanar: true), border: $0), maps[0], classes: 3)
        }
        let labels = maps[0].labels.array
        for y in 1..<7 {
            for x in 1..<8 {
                let pixel = y * 9 + x
                for other in all { #expect(other[pixel] == all[0][pixel]) }
                guard labels[pixel] >= 0 else {
                    #expect(all[0][pixel] == [0, 0, 0])
                    continue
                }
                var counts = [0, 0, 0]
                for dy in -1...1 {
                    for dx in -1...1 where labels[pixel + dy * 9 + dx] >= 0 {
                        counts[Int(labels[pixel + dy * 9 + dx])] += 1
                    }
                }
                let expected = counts.map { Float($0) / Float(counts.reduce(0, +)) }
                #expect(zip(all[0][pixel], expected).allSatisfy { abs($0 - $1) < 1e-6 })
            }
        }
    }

    @Test func `classes and places may be renamed`() throws {
        let (_, maps) = try ObjectiveRun.random([1, 3, 7, 9], labels: 0...2)
        let neighbourhood = Neighbourhood(centred(1), border: .replicate), names: [Int32] = [2, 0, 1]
        let plain = try shares(neighbourhood, maps[0], classes: 3)
        let renamed = try LabelMap(
            geometry: maps[0].geometry, labels: AlignedBuffer(maps[0].labels.array.map { names[Int($0)] }))
        for (one, other) in zip(plain, try shares(neighbourhood, renamed, classes: 3)) {
            #expect(one == names.map { other[Int($0)] })
        }
        let turned = try LabelMap(
            geometry: maps[0].geometry, labels: AlignedBuffer(maps[0].labels.array.reversed()))
        for (one, other) in zip(plain.reversed(), try shares(neighbourhood, turned, classes: 3)) {
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-6 })
        }
    }

    @Test func `a straight edge keeps what the paper's kernel leaves it`() throws {
        let labels = (0..<49).map { $0 % 7 < 3 ? 0 : 1 }
        let map = try ObjectiveRun.maps([1, 7, 7], labels)[0]
        let shares = try shares(Neighbourhood(centred(1), border: .replicate), map, classes: 2)
        for y in 0..<7 {
            #expect(abs(shares[7 * y + 2][0] - 0.827807) < 1e-5 && abs(shares[7 * y + 3][1] - 0.827807) < 1e-5)
            #expect(shares[7 * y + 1] == [1, 0] && shares[7 * y + 4] == [0, 1])
        }
    }

    // MARK: Objectives

    @Test func `svls of strength 0 and ps-kd of part 0 are cross-entropy to the bit`() throws {
        let (logits, labels) = try ObjectiveRun.random([2, 3, 9, 11], labels: -1...2)
        let plain = try ObjectiveRun(Objective([CrossEntropyTarget()]), logits: logits, labels: labels)
        let targets: [any ObjectiveTarget] = [
            VaryingSmoothingTarget(sigma: [1], strength: 0), SelfDistillationTarget(alpha: 0), SelfDistillationTarget(),
        ]
        for target in targets {
            let run = try ObjectiveRun(Objective([target]), logits: logits, labels: labels)
            #expect(run.total == plain.total && run.gradient == plain.gradient)
        }
        let half = try ObjectiveRun(
            Objective([VaryingSmoothingTarget(sigma: [1], strength: 0.5)]), logits: logits, labels: labels)
        let whole = try ObjectiveRun(Objective([VaryingSmoothingTarget()]), logits: logits, labels: labels)
        #expect(abs(half.total - (plain.total + whole.total) / 2) < 1e-5)
    }

    @Test func `svls is at least the entropy of its targets, which it reaches at their logarithms`() throws {
        let (_, labels) = try ObjectiveRun.random([1, 2, 6, 7], labels: 0...1)
        let shares = try Neighbourhood(centred(1), border: .replicate)(labels[0], classes: 2).array
        let entropy = shares.reduce(0.0) { $0 - ($1 > 0 ? Double($1) * log(Double($1)) : 0) } / 42
        let logits = try Tensor([1, 2, 6, 7], shares.map { $0 > 0 ? log($0) : -200 })
        let run = try ObjectiveRun(Objective([VaryingSmoothingTarget()]), logits: logits, labels: labels)
        #expect(abs(Double(run.total) - entropy) < 1e-5)
        #expect(run.gradient.allSatisfy { abs($0) < 1e-6 })
    }

    @Test func `nacl costs nothing at its prior, and a constant added to logits changes it`() throws {
        let (_, labels) = try ObjectiveRun.random([1, 3, 6, 7], labels: 0...2)
        let prior = try Neighbourhood(.uniform(side: 3, isPlanar: true), border: .valid)(labels[0], classes: 3)
        let logits = try Tensor([1, 3, 6, 7], prior.array)
        let plain = try ObjectiveRun(Objective([CrossEntropyTarget()]), logits: logits, labels: labels)
        for distance in PriorDistanceForm.allCases {
            let objective = Objective([CrossEntropyTarget(), NeighbourTerm(distance: distance)])
            let run = try ObjectiveRun(objective, logits: logits, labels: labels)
            #expect(run.parts["nacl"] == 0 && run.gradient == plain.gradient)
            let moved = try Tensor([1, 3, 6, 7], prior.array.map { $0 + 0.5 })
            let other = try ObjectiveRun(objective, logits: moved, labels: labels)
            let part = try #require(other.parts["nacl"])
            #expect(abs(part - (distance == .absolute ? 0.5 : 0.25)) < 1e-5)
        }
        var summed = NeighbourTerm()
        summed.sumsOverClasses = true
        let (random, _) = try ObjectiveRun.random([1, 3, 6, 7], labels: 0...2)
        let mean = try ObjectiveRun(Objective([CrossEntropyTarget(), NeighbourTerm()]), logits: random, labels: labels)
        let sum = try ObjectiveRun(Objective([CrossEntropyTarget(), summed]), logits: random, labels: labels)
        #expect(abs(try #require(sum.parts["nacl"]) - 3 * (try #require(mean.parts["nacl"]))) < 1e-5)
    }

    @Test func `maps whose pixels all do not count give 0`() throws {
        let (logits, _) = try ObjectiveRun.random([1, 3, 4, 5], labels: 0...2)
        let maps = try ObjectiveRun.maps([1, 4, 5], Array(repeating: -1, count: 20))
        for components: [any ObjectiveComponent] in [
            [VaryingSmoothingTarget()], [CrossEntropyTarget(), NeighbourTerm()],
        ] {
            let run = try ObjectiveRun(Objective(components), logits: logits, labels: maps)
            #expect(run.total == 0 && run.gradient.allSatisfy { $0 == 0 })
        }
    }

    @Test func `a teacher that is right in all it says leaves no gradient as its part grows`() throws {
        let (logits, labels) = try ObjectiveRun.random([1, 2, 4, 5], labels: 0...1)
        let numbers = logits.array.map { Double($0) }
        let first = (0..<20).map { Float(1 / (1 + exp(numbers[20 + $0] - numbers[$0]))) }
        let probabilities = try Tensor([1, 2, 4, 5], first + first.map { 1 - $0 })
        var last: Float = .infinity
        for part: Float in [0, 0.5, 0.9, 0.999] {
            let run = try ObjectiveRun(
                Objective([SelfDistillationTarget()]), logits: logits, labels: labels, teacher: (probabilities, part))
            let largest = run.gradient.reduce(0) { max($0, abs($1)) }
            #expect(largest < last)
            last = largest
        }
        #expect(last < 1e-4)
    }

    @Test func `the part of the teacher grows by the same amount in each epoch`() {
        let parts = (0..<6).map { SelfDistillationTarget().alpha(epoch: $0, of: 6) }
        for (index, part) in parts.enumerated() { #expect(abs(part - 0.8 * Float(index + 1) / 6) < 1e-7) }
        #expect(parts[5] == 0.8)
    }
}
