import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite("Resampling")
struct ResampleTests {
    @Test("Images come out as Pillow's do, larger and smaller, with every kernel")
    func pillow() throws {
        let fixture = try TestFiles.json(TestFiles.fixture("LucencyImagingTests", "resample.json"))
        let input = try #require(fixture["x"])
        let image = try Samples.image(
            input.tensorData.map { Float($0) }, GridSize(input.tensorShape[1], input.tensorShape[0]))
        let cases = try #require(fixture["cases"]?.arrayValue)
        #expect(cases.count == 24)
        for item in cases {
            let result = try #require(item["result"])
            let name = try #require(item["interpolation"]?.stringValue)
            let resample = Resample(
                size: [result.tensorShape[1], result.tensorShape[0]],
                interpolation: try #require(Interpolation(rawValue: name)))
            expectClose(try resample(image).pixels.array, result.tensorData, 2e-4)
        }
    }

    @Test("A spacing is met exactly, on a grid with the same middle")
    func spacing() throws {
        let grid = try Samples.oblique(GridSize(9, 7, 4))
        let target = try Resample(spacing: [.millimetres(1.1)]).target(of: grid)
        #expect(target.size == GridSize(4, 5, 11))
        #expect(distance(target.spacing, [1.1, 1.1, 1.1]) < 1e-12)
        func middle(_ g: Geometry) -> SIMD3<Double> {
            g.indexToWorld([Double(g.size.x - 1) / 2, Double(g.size.y - 1) / 2, Double(g.size.z - 1) / 2])
        }
        #expect(distance(middle(target), middle(grid)) < 1e-12)
    }

    @Test("A size or factor keeps the outer edges")
    func edges() throws {
        let grid = try Samples.oblique(GridSize(9, 7, 4))
        for target in [
            try Resample(size: [18, 3, 2]).target(of: grid), try Resample(factor: [0.5]).target(of: grid),
            try Resample(factor: [3, 0.1]).target(of: grid),
        ] {
            let a = target.indexToWorld([-0.5, -0.5, -0.5]), b = grid.indexToWorld([-0.5, -0.5, -0.5])
            #expect(distance(a, b) < 1e-12)
            let c = target.indexToWorld([
                Double(target.size.x) - 0.5, Double(target.size.y) - 0.5, Double(target.size.z) - 0.5,
            ])
            #expect(distance(c, grid.indexToWorld([8.5, 6.5, 3.5])) < 1e-12)
        }
        #expect(try Resample(factor: [0.5]).target(of: grid).size == GridSize(5, 4, 2))
        #expect(try Resample(factor: [3, 0.1]).target(of: grid).size == GridSize(27, 1, 4))
    }

    @Test("Of spacing, factor and size exactly one is given, with as many entries as axes")
    func arguments() throws {
        let grid = try Geometry(size: GridSize(8, 8))
        for wrong in [
            Resample(), Resample(factor: [1], size: [8, 8]), Resample(factor: []), Resample(factor: [1, 1, 1]),
            Resample(factor: [0]), Resample(factor: [-1]), Resample(factor: [.nan]), Resample(size: [8]),
            Resample(size: [0, 8]), Resample(spacing: [.pixels(0)]), Resample(spacing: [.pixels(.infinity)]),
        ] { #expect(refusal { try wrong.target(of: grid) }?.code == .badArgument) }
        #expect(refusal { try Resample(spacing: [.millimetres(1)]).target(of: grid) }?.code == .assumedSpacing)
        #expect(try Resample(spacing: [.pixels(2)]).target(of: grid).size == GridSize(4, 4))
        for huge in [Resample(factor: [1e30]), Resample(size: [.max, 8]), Resample(factor: [1e6])] {
            #expect(refusal { try huge.target(of: grid) }?.code == .tooLarge)
        }
    }

    @Test("A volume is resampled along z as along x and y")
    func volume() throws {
        // A ramp along each axis stays a ramp inside, away from the ends.
        let size = GridSize(6, 5, 8)
        var values: [Float] = []
        for z in 0..<8 { for y in 0..<5 { for x in 0..<6 { values.append(Float(x + 10 * y + 100 * z)) } } }
        let image = try Samples.image(values, size)
        let out = try Resample(size: [6, 5, 16])(image)
        #expect(out.size == GridSize(6, 5, 16))
        // Slice 7 is centred at 3.25: (7.5/2 − 0.5).
        #expect(out.pixels[7 * 30 + 2 * 6 + 3] == 3 + 20 + 325)
    }

    @Test("Every channel is resampled, and threads change nothing", arguments: Interpolation.allCases)
    func threads(interpolation: Interpolation) throws {
        let image = try Samples.image(Samples.noise(3 * 60 * 50 * 3), GridSize(60, 50, 3), .rgb)
        let resample = Resample(size: [83, 31, 5], interpolation: interpolation)
        let one = try resample(image), three = try resample(image, pool: ThreadPool(threads: 3))
        #expect(one == three)
        let green = try Samples.image(image.withChannel(1) { Array($0) }, image.size)
        #expect(try resample(green).pixels.array == one.withChannel(1) { Array($0) })
    }

    @Test("Labels are never mixed; nearest takes the pixel in which the point lies")
    func nearestLabels() throws {
        let map = try Samples.labels([[1, 1, 5, 5], [1, 1, 5, 9]])
        let up = try Resample(size: [8, 4])(map)
        #expect(up.presentLabels() == [1, 5, 9])
        #expect(up.labels.array[24...] == [1, 1, 1, 1, 5, 5, 9, 9])
        #expect(try Resample(size: [2, 1])(map).labels.array == [1, 9])
    }

    @Test("Votes go to the label with the greatest weight, ties to the lower one")
    func vote() throws {
        let map = try Samples.labels([[7, 7, 2, 2], [7, 7, 2, 9]])
        #expect(try Resample(size: [2, 1], labels: .vote)(map).labels.array == [7, 2])
        #expect(try Resample(size: [1, 1], labels: .vote)(map).labels.array == [7], "7 holds half, 2 less")
        let tie = try Samples.labels([[7, 2], [2, 7]])
        #expect(try Resample(size: [1, 1], labels: .vote)(tie).labels.array == [2])
    }

    @Test("A vote is the greatest of the linearly resampled indicator images", arguments: [[5, 4, 3], [23, 19, 4]])
    func voteIsOneHot(size: [Int]) throws {
        let grid = try Geometry(size: GridSize(13, 11, 4))
        let labels = Samples.noise(grid.size.count).map { Int32($0) % 4 }
        let map = try LabelMap(geometry: grid, labels: AlignedBuffer(labels))
        let voted = try Resample(size: size, labels: .vote)(map, pool: ThreadPool(threads: 2)).labels.array
        var scores: [[Float]] = []
        for label in 0..<4 {
            let indicator = labels.map { Float($0 == label ? 1 : 0) }
            scores.append(try Resample(size: size)(Samples.image(indicator, grid.size)).pixels.array)
        }
        for i in voted.indices {
            let best = scores.map { $0[i] }.max() ?? 0
            #expect(scores[Int(voted[i])][i] >= best - 1e-6)
        }
    }

    @Test("Probabilities stay probabilities")
    func probabilities() throws {
        let grid = try Geometry(size: GridSize(4, 4))
        let a = Samples.noise(16).map { min($0 / 260, 1) }
        let map = try ProbabilityMap(geometry: grid, classes: ["a", "b"], values: AlignedBuffer(a + a.map { 1 - $0 }))
        for interpolation in Interpolation.allCases {
            let out = try Resample(size: [9, 3], interpolation: interpolation)(map)
            for i in 0..<27 { #expect(abs(out.values[i] + out.values[27 + i] - 1) < 1e-6) }
        }
    }

    @Test("Without anti-aliasing a stripe pattern aliases, with it it becomes gray")
    func antialias() throws {
        let image = try Samples.image([(0..<64).map { Float($0 % 2 == 0 ? 0 : 100) }])
        let smooth = try Resample(size: [16, 1])(image).pixels.array
        #expect(smooth[2..<14].allSatisfy { abs($0 - 50) < 1 })
        let sharp = try Resample(size: [16, 1], interpolation: .nearest)(image).pixels.array
        #expect(sharp.allSatisfy { $0 == 0 } || sharp.allSatisfy { $0 == 100 })
    }
}
