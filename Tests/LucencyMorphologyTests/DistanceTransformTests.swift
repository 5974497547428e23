import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct DistanceTransformTests {
    @Test func distancesMatchSciPyAtAnySpacing() throws {
        let cases = try Fixture.json("distance.json").arrayValue ?? []
        #expect(cases.count == 6)
        for entry in cases {
            let spacing = entry["spacing"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            let labels = try Fixture.labels(entry["mask"], spacing: spacing)
            let whole = Region(x: 0, y: 0, z: 0, size: labels.size)
            let squared = DistanceTransform.squared(
                to: Mask(labels, in: whole) { $0 == 0 }, spacing: Fixture.spacing(spacing))
            let expected = entry["distance"]?.tensorData ?? []
            try #require(expected.count == squared.count)
            for (index, value) in expected.enumerated() where value.isFinite {
                #expect(abs(squared[index].squareRoot() - value) < 1e-9)
            }
        }
    }

    @Test func distancesMatchBruteForceAndDoNotDependOnThreads() throws {
        var state: UInt64 = 7
        let size = GridSize(37, 23, 5)
        let bits = AlignedBuffer<UInt8>(count: size.count) { out in
            for index in 0..<out.count {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                out[index] = state >> 60 == 0 && (state >> 50) & 7 == 0 ? 1 : 0
            }
        }
        let mask = Mask(size: size, bits: bits), spacing: SIMD3<Double> = [0.3, 0.7, 2.1]
        let squared = DistanceTransform.squared(to: mask, spacing: spacing)
        #expect(squared == DistanceTransform.squared(to: mask, spacing: spacing, pool: ThreadPool(threads: 3)))
        func place(_ index: Int) -> SIMD3<Double> {
            [Double(index % size.x), Double(index / size.x % size.y), Double(index / (size.x * size.y))] * spacing
        }
        let targets = (0..<size.count).filter { bits[$0] != 0 }.map(place)
        try #require(!targets.isEmpty)
        for index in stride(from: 0, to: size.count, by: 7) {
            let here = place(index)
            let nearest = targets.map { (($0 - here) * ($0 - here)).sum() }.min() ?? .infinity
            #expect(abs(squared[index] - nearest) < 1e-9)
        }
    }

    @Test func theDistanceMapIsInTheUnitAskedFor() throws {
        let labels = try Fixture.drawn(".111", spacing: [0.5, 1, 1])
        #expect(try DistanceTransform()(labels).pixels.array == [0, 1, 2, 3])
        #expect(try DistanceTransform(unit: .mm)(labels).pixels.array == [0, 0.5, 1, 1.5])
        #expect(try DistanceTransform(unit: .um)(labels).pixels.array == [0, 500, 1000, 1500])
    }

    @Test func aMapWithoutBackgroundOrSpacingIsRefused() throws {
        #expect(code { try DistanceTransform()(Fixture.drawn("11")) } == .undefinedResult)
        #expect(code { try DistanceTransform(unit: .mm)(Fixture.drawn("1.")) } == .assumedSpacing)
    }
}
