import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct PointsTests {
    /// Squares of 12 pixels, 16 apart, each with a label of its own unless `label` is given; z has other pixels.
    private func squares(_ side: Int, depth: Int = 1, label: Int32? = nil) throws -> LabelMap {
        let labels = (0..<depth * side * side).map { i -> Int32 in
            let x = i % side, y = i / side % side
            return x % 16 < 12 && y % 16 < 12 ? label ?? Int32(x / 16 + y / 16 * (side / 16) + 1) : 0
        }
        return try LabelMap(
            geometry: Geometry(size: GridSize(side, side, depth), spacing: [0.5, 1, 2], source: .stated(.mm)),
            labels: AlignedBuffer(labels))
    }

    private func applied(_ step: Points, _ labels: LabelMap) throws -> [Int32] {
        try LabelCorruption([step])(labels, random: PhiloxStream(seed: 4)).labels.array
    }

    /// Few points are drawn disc by disc, many by a distance transform.
    @Test(arguments: [1, 3, 40], [1, 2])
    func `what is marked are the pixels of the same label within the radius of a point`(count: Int, depth: Int) throws {
        for labels in try [squares(48, depth: depth), squares(48, depth: depth, label: 3)] {
            let truth = labels.labels.array
            for (radius, reach) in [
                (Length.pixels(3), [3.0, 3, 3]), (.millimetres(2), [4, 2, 1]), (.pixels(60), [60, 60, 60]),
            ] {
                func step(_ radius: Length) -> Points { Points(count: count, background: count, radius: radius) }
                // The choice of points does not depend on the radius.
                let centers = try applied(step(.pixels(0)), labels).enumerated().filter { $1 != -1 }.map(\.offset)
                let found = try applied(step(radius), labels)
                let expected = truth.indices.map { i -> Int32 in
                    let isNear = centers.contains { c in
                        guard truth[c] == truth[i] else { return false }
                        let a = Double(i % 48 - c % 48) / reach[0], b = Double(i / 48 % 48 - c / 48 % 48) / reach[1]
                        let d = Double(i / 2304 - c / 2304) / reach[2]
                        return a * a + b * b + d * d <= 1 + 1e-9
                    }
                    return isNear ? truth[i] : -1
                }
                let differing = found.indices.filter { found[$0] != expected[$0] }
                #expect(differing.isEmpty)
            }
        }
    }

    @Test func `no pixel is chosen twice, and small objects are chosen as a whole`() throws {
        let labels = try squares(64), truth = labels.labels.array
        for count in [1, 7, 143] {
            let found = try applied(Points(count: count, background: 5, radius: .pixels(0)), labels)
            for label in 1...16 { #expect(found.count { $0 == label } == count) }
            #expect(found.count { $0 == 0 } == 5)
        }
        let all = try applied(Points(count: 144, background: 100_000, radius: .pixels(0)), labels)
        let isWhole = all == truth
        #expect(isWhole)
        // Of one class, not of each object.
        let few = try applied(
            Points(count: 9, background: 0, radius: .pixels(0), perObject: false), squares(64, label: 2))
        #expect(few.count { $0 == 2 } == 9 && few.count { $0 == -1 } == 64 * 64 - 9)
    }

    @Test func `every pixel of a class is as likely as another`() throws {
        let labels = try squares(32, label: 1)
        var times = [Int](repeating: 0, count: 1024)
        for seed in 0..<2000 {
            let step = Points(count: 6, background: 0, radius: .pixels(0), perObject: false)
            let found = try LabelCorruption([step])(labels, random: PhiloxStream(seed: UInt64(seed))).labels.array
            for index in 0..<1024 where found[index] == 1 { times[index] += 1 }
        }
        // 12,000 points on 576 pixels: 20.8 ± 4.6 each.
        let counts = (0..<1024).filter { labels.labels[$0] == 1 }.map { Double(times[$0]) }
        let mean = 12_000.0 / 576
        let variance = counts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(counts.count)
        #expect(abs(variance / mean - 1) < 0.25)
        #expect(counts.allSatisfy { $0 > 2 })
    }

    @Test func `thousands of objects with as many points as they have pixels take no time`() throws {
        let labels = try squares(1024)
        let found = try applied(Points(count: 1000, background: 100_000, radius: .pixels(1000)), labels)
        let isWhole = found == labels.labels.array
        #expect(isWhole)
    }

    @Test func `numbers of points out of range are refused`() throws {
        for step in [Points(count: 1001), Points(count: 0), Points(background: 100_001), Points(background: -1)] {
            #expect(#expect(throws: Diagnostic.self) { try step.check() }?.code == .badArgument)
        }
    }
}
