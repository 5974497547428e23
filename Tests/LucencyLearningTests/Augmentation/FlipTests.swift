import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct FlipTests {
    let size = GridSize(7, 5, 3)

    @Test func `a flip mirrors image, labels and maps alike`() throws {
        let sample = try Samples.random(size, channels: 2)
        let flipped = try sample.after(.flip(.init(axes: [.x, .z])))
        for z in 0..<3 {
            for y in 0..<5 {
                for x in 0..<7 {
                    #expect(flipped[x, y, z, channel: 1] == sample[6 - x, y, 2 - z, channel: 1])
                    #expect(flipped.label(x, y, z) == sample.label(6 - x, y, 2 - z))
                    let here = ((3 + z) * 5 + y) * 7 + x, there = ((3 + 2 - z) * 5 + y) * 7 + 6 - x
                    #expect(flipped.maps[0].values[here] == sample.maps[0].values[there])
                }
            }
        }
    }

    @Test(arguments: [[GridAxis.x], [.y], [.z], [.x, .y], [.x, .y, .z]])
    func `flipping twice restores every byte`(axes: [GridAxis]) throws {
        let sample = try Samples.random(size, channels: 2)
        let once = try sample.after(.flip(.init(axes: axes)))
        #expect(once != sample)
        #expect(try once.after(.flip(.init(axes: axes))) == sample)
    }

    @Test func `a quarter turn carries x to y`() throws {
        let sample = try Samples.image([1, 2, 3, 4, 5, 6], GridSize(3, 2))
        let turned = try sample.after(.rot90(.init(axis: .z, turns: 1)))
        #expect(turned.size == GridSize(2, 3))
        #expect(turned.values() == [4, 1, 5, 2, 6, 3])
    }

    @Test(arguments: GridAxis.allCases)
    func `four quarter turns restore every byte, and one with three`(axis: GridAxis) throws {
        let sample = try Samples.random(size, channels: 2, spacing: [1, 2, 3])
        var turned = sample
        for count in 1...4 {
            turned = try turned.after(.rot90(.init(axis: axis, turns: 1)))
            #expect(turned == (try sample.after(.rot90(.init(axis: axis, turns: count)))))
        }
        #expect(turned == sample)
        let back = try sample.after(.rot90(.init(axis: axis, turns: 1))).after(.rot90(.init(axis: axis, turns: -1)))
        #expect(back == sample)
    }

    @Test func `a half turn is two flips`() throws {
        let sample = try Samples.random(size)
        #expect(
            try sample.after(.rot90(.init(axis: .y, turns: 2))) == sample.after(.flip(.init(axes: [.x, .z]))))
    }

    @Test func `sides that differ are only turned by half`() throws {
        var component = QuarterTurn()
        component.probability = 1
        var random = PhiloxStream(seed: 4)
        func turns(_ form: SampleForm) -> Set<Int> {
            Set(
                (0..<60).compactMap { _ in
                    if case .rot90(let drawn)? = component.draw(from: &random, for: form) { drawn.turns } else { nil }
                })
        }
        #expect(turns(SampleForm(size: GridSize(8, 8))) == [1, 2, 3])
        #expect(turns(SampleForm(size: GridSize(8, 6))) == [2])
        #expect(turns(SampleForm(size: GridSize(8, 8), spacing: [1, 2, 1])) == [2])
    }

    @Test func `each axis is flipped half the time, by itself`() throws {
        var random = PhiloxStream(seed: 5)
        var counts: [[GridAxis]: Int] = [:]
        for _ in 0..<4000 {
            let drawn = Flip().draw(from: &random, for: SampleForm(size: size))
            if case .flip(let flip)? = drawn { counts[flip.axes, default: 0] += 1 } else { counts[[], default: 0] += 1 }
        }
        #expect(counts.count == 8)
        // Five standard deviations of a binomial count with p = 1/8.
        for count in counts.values { #expect(abs(count - 500) < 105) }
    }
}
