import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct OrgansTests {
    private var small: Organs {
        var organs = Organs()
        (organs.width, organs.height, organs.spacing, organs.annotators.count) = (72, 60, 5, 2)
        return organs
    }

    /// One shape in air, without texture and deformation.
    private func single(_ part: OrganPart, softness: Double = 1) -> Organs {
        var organs = Organs()
        organs.organs = [
            Organ(
                name: "ball", ct: 0, mr: 1000, ctTexture: 0, mrTexture: 0, softness: softness,
                deformation: OrganDeformation(amplitude: 0), parts: [part])
        ]
        (organs.warp.amplitude, organs.level, organs.blur) = (0, 0, 1.5)
        (organs.build.breadth, organs.build.depth, organs.build.height) = (1, 1, 1)
        (organs.annotators.borders, organs.annotators.confusions) = ([:], [])
        return organs
    }

    @Test(arguments: [false, true]) func `a picture depends on seed and index, not on threads or on what is wanted`(
        isMR: Bool
    ) throws {
        var organs = small
        if isMR { organs.modality = .mr(MRScanner()) }
        let (all, drawn) = try organs(seed: 4, index: 1)
        #expect(Set(all.keys) == Set(organs.products.map(\.name)))
        let other = try organs(seed: 4, index: 1, pool: ThreadPool(threads: 2))
        #expect(other.values == all && other.drawn == drawn)
        for product in organs.products {
            #expect(try organs(seed: 4, index: 1, [product.name]).values[product.name] == all[product.name])
        }
        #expect(try organs(seed: 4, index: 2, ["image"]).values["image"] != all["image"])
        #expect(try organs(seed: 5, index: 1, ["image"]).values["image"] != all["image"])
        #expect(all["label"] != all["label2"])
    }

    @Test func `intensities are whole numbers of 16 bits, labels have names and colours, spacing is in mm`() throws {
        for modality in [OrganScanner.ct(CTScanner()), .mr(MRScanner())] {
            var organs = small
            organs.modality = modality
            let values = try organs(seed: 1, index: 0).values
            let image = try #require(values["image"]?.image), label = try #require(values["label"]?.labels)
            #expect(image.pixels.array.allSatisfy { $0 >= 0 && $0 <= 65_535 && $0 == $0.rounded() })
            #expect(image.geometry.spacing == [5, 5, 5] && image.geometry.spacingSource == .stated(.mm))
            #expect(label.geometry == image.geometry)
            #expect(organs.classes.count >= 5)
            for (index, name) in organs.classes.enumerated() {
                #expect(label.table[Int32(index + 1)]?.name == name)
                #expect(label.table[Int32(index + 1)]?.color != nil)
            }
            #expect(Set(label.presentLabels()).isSubset(of: Set(0...Int32(organs.classes.count))))
            #expect(values["posterior"]?.probabilities?.classes == ["background"] + organs.classes)
        }
    }

    @Test func `the posterior sums to one, and the truth is its likeliest label where it is sure`() throws {
        var organs = small
        organs.depth = 3
        organs.annotators.confusions = []
        let values = try organs(seed: 1, index: 0, ["posterior", "truth"]).values
        let map = try #require(values["posterior"]?.probabilities), truth = try #require(values["truth"]?.labels)
        let p = map.values.array, count = map.size.count, labels = truth.labels.array
        var unsure = 0
        for i in 0..<count {
            let all = map.classes.indices.map { p[$0 * count + i] }
            #expect(abs(all.reduce(0, +) - 1) < 1e-5)
            if let best = all.indices.max(by: { all[$0] < all[$1] }), all[best] > 0.9 {
                #expect(Int32(best) == labels[i])
            } else {
                unsure += 1
            }
        }
        #expect(unsure > count / 100)
    }

    @Test func `partial volumes, blur and slice thickness keep the mass`() throws {
        // In a volume whose slices touch, at 1000 HU above air. A border with a profile Φ(−d/s) gives a ball of radius R
        // the mass 4π∫r²Φ((R − r)/s)dr = V(1 + 3s²/R²); s² is softness² + spacing²/12.
        func mass(_ part: OrganPart, _ softness: Double) throws -> Double {
            var organs = single(part, softness: softness)
            (organs.width, organs.height, organs.depth, organs.spacing) = (48, 48, 18, 3)
            let clean = try #require(try organs(seed: 0, index: 0, ["clean"]).values["clean"]?.image)
            let air = CTScanner.air + CTScanner.offset
            return clean.pixels.array.reduce(0) { $0 + (Double($1) - air) } * 3 * 3 * 5 / 1000
        }
        for softness in [0.0, 2, 4] {
            let found = try mass(OrganPart(center: [3.3, -2.1, 1.7], radii: [27, 27, 27]), softness)
            let expected = 4 / 3 * .pi * 27 * 27 * 27 + 4 * .pi * 27 * (softness * softness + 0.75)
            #expect(abs(found / expected - 1) < 0.003)
        }
        let found = try mass(OrganPart(center: [3.3, -2.1, 1.7], radii: [31, 24, 27], rotation: 25), 0)
        #expect(abs(found / (4 / 3 * .pi * 31 * 24 * 27) - 1) < 0.006)
    }

    @Test func `the distance is exact for balls, and on the axes of ellipsoids`() throws {
        var organs = single(OrganPart(center: [0, 0, 0], radii: [20, 20, 20]))
        (organs.width, organs.height, organs.spacing) = (41, 41, 2)
        var draws = PhantomDraws(seed: 0, index: 0)
        let ball = try organs.stack(draws: &draws).values
        for (i, distance) in ball.enumerated() where distance.isFinite && i != 20 * 41 + 20 {
            let x = 2 * Double(i % 41 - 20), y = 2 * Double(i / 41 - 20)
            #expect(abs(Double(distance) - ((x * x + y * y).squareRoot() - 20)) < 1e-4)
        }
        for exponent in [2.0, 3] {
            organs.organs[0].parts = [OrganPart(radii: [30, 14, 20], exponent: exponent)]
            let values = try organs.stack(draws: &draws).values
            for x in 1...18 { #expect(abs(values[20 * 41 + 20 + x] - Float(2 * x - 30)) < 1e-4) }
            for y in 1...9 { #expect(abs(values[(20 + y) * 41 + 20] - Float(2 * y - 14)) < 1e-4) }
        }
    }

    @Test func `the middle slice of a volume is the slice`() throws {
        var volume = small
        volume.depth = 3
        let slice = try small(seed: 2, index: 3, ["truth", "posterior", "clean"]).values
        let stack = try volume(seed: 2, index: 3, ["truth", "posterior", "clean"]).values
        let count = 72 * 60
        let truth = try #require(slice["truth"]?.labels?.labels.array)
        #expect(stack["truth"]?.labels?.labels.array[count..<2 * count].elementsEqual(truth) == true)
        let one = try #require(slice["posterior"]?.probabilities?.values.array)
        let three = try #require(stack["posterior"]?.probabilities?.values.array)
        for k in 0...small.classes.count {
            #expect(three[(3 * k + 1) * count..<(3 * k + 2) * count].elementsEqual(one[k * count..<(k + 1) * count]))
        }
        let clean = try #require(slice["clean"]?.image?.pixels.array)
        #expect(stack["clean"]?.image?.pixels.array[count..<2 * count].elementsEqual(clean) == true)
    }

    @Test func `half as many pixels of twice the size show the same patient`() throws {
        var fine = small, coarse = small
        (fine.width, fine.height, fine.spacing) = (160, 120, 2)
        (coarse.width, coarse.height, coarse.spacing) = (80, 60, 4)
        for index in 0..<3 {
            let a = try #require(try fine(seed: 6, index: index, ["truth"]).values["truth"]?.labels?.labels.array)
            let b = try #require(try coarse(seed: 6, index: index, ["truth"]).values["truth"]?.labels?.labels.array)
            // A coarse pixel's centre is the corner of four fine ones: away from borders all agree.
            let same = b.indices.count { i in b[i] == a[2 * (i / 80) * 160 + 2 * (i % 80)] }
            #expect(Double(same) > 0.95 * Double(b.count))
            let areas = (Double(a.count { $0 > 0 }) / 4, Double(b.count { $0 > 0 }))
            #expect(abs(areas.0 - areas.1) < 0.02 * areas.0)
        }
    }

    @Test func `organs have low contrast, noise is as stated, and every class occurs`() throws {
        var seen = Set<Int32>(), contrasts: [Double] = []
        for index in 0..<12 {
            let values = try small(seed: 9, index: index, ["image", "clean", "truth"]).values
            let image = try #require(values["image"]?.image?.pixels.array)
            let clean = try #require(values["clean"]?.image?.pixels.array)
            let truth = try #require(values["truth"]?.labels?.labels.array)
            seen.formUnion(truth)
            let residual = zip(image, clean).map { Double($0) - Double($1) }
            let noise = (residual.reduce(0) { $0 + $1 * $1 } / Double(residual.count)).squareRoot()
            #expect(noise > 9 && noise < 20)
            func mean(_ name: String) -> Double? {
                let label = small.classes.firstIndex(of: name).map { Int32($0 + 1) }
                let inside = truth.indices.filter { truth[$0] == label }
                return inside.isEmpty ? nil : inside.reduce(0) { $0 + Double(clean[$1]) } / Double(inside.count)
            }
            if let liver = mean("liver"), let spleen = mean("spleen") { contrasts.append(abs(liver - spleen) / noise) }
        }
        #expect(seen == Set(0...Int32(small.classes.count)))
        // Less than two standard deviations of the noise between liver and spleen on average.
        #expect(!contrasts.isEmpty && contrasts.reduce(0, +) / Double(contrasts.count) < 2)
    }

    @Test func `coils shade MR images, whose mean signal is kept`() throws {
        var organs = single(OrganPart(radii: [2000, 2000, 2000]))
        (organs.width, organs.height, organs.spacing) = (64, 64, 6)
        var scanner = MRScanner()
        (scanner.noise, scanner.shading) = (0, 1)
        organs.modality = .mr(scanner)
        let values = try organs(seed: 1, index: 1, ["image", "clean"]).values
        let image = try #require(values["image"]?.image?.pixels.array)
        #expect(values["clean"]?.image?.pixels.array.allSatisfy { abs($0 - 1000) < 0.01 } == true)
        let mean = image.reduce(0) { $0 + Double($1) } / Double(image.count)
        #expect(abs(mean - 1000) < 1)
        let low = try #require(image.min()), high = try #require(image.max())
        #expect(high / low > 1.3 && high / low < 6)
    }
}
