import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct AnnotationNoiseTests {
    /// Labels of a 64 × 64 slice and the results of ADELE's own code (`Kangningthu/ADELE`, SegTHOR part, run with OpenCV).
    private struct Golden {
        let labels: LabelMap
        let cases: [(isOver: Bool, iterations: Int, label: Int, result: [Int32])]

        init() throws {
            let url = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "Fixtures/adele-noise.json")
            let json = try JSONValue(parsing: String(decoding: Data(contentsOf: url), as: UTF8.self))
            func numbers(_ value: JSONValue?) -> [Int32] {
                value?["data"]?.arrayValue?.compactMap(\.intValue).map { Int32($0) } ?? []
            }
            labels = try LabelMap(
                geometry: Geometry(size: GridSize(64, 64)), labels: AlignedBuffer(numbers(json["labels"])))
            cases = (json["cases"]?.arrayValue ?? []).map {
                (
                    $0["mode"]?.stringValue == "over", $0["iterations"]?.intValue ?? 0, $0["class"]?.intValue ?? 0,
                    numbers($0["result"])
                )
            }
        }

        func noisy(_ example: (isOver: Bool, iterations: Int, label: Int, result: [Int32])) throws -> [Int32] {
            let noise = AnnotationNoise(
                overChance: example.isOver ? 1 : 0,
                iterations: Interval(Double(example.iterations), Double(example.iterations)), order: [example.label])
            var random = PhiloxStream(seed: 0)
            return try noise(labels, random: &random, pool: .serial).labels.array
        }
    }

    private func dice(_ a: [Int32], _ b: [Int32], _ label: Int32) -> Double {
        let both = zip(a, b).filter { $0 == label && $1 == label }.count
        return 2 * Double(both) / Double(a.filter { $0 == label }.count + b.filter { $0 == label }.count)
    }

    @Test func `masks agree with those of the published code`() throws {
        let golden = try Golden()
        #expect(golden.cases.count == 6)
        for example in golden.cases {
            let found = try golden.noisy(example)
            #expect(dice(found, example.result, Int32(example.label)) >= 0.97)
            #expect(zip(found, example.result).filter { $0 != $1 }.count <= 40)
        }
    }

    @Test func `too small never grows a class and too large never overwrites another`() throws {
        let golden = try Golden()
        let before = golden.labels.labels.array
        for example in golden.cases {
            let found = try golden.noisy(example), label = Int32(example.label)
            let background = { (labels: [Int32]) in labels.filter { $0 == 0 }.count }
            if example.isOver {
                #expect(zip(before, found).allSatisfy { $0 == $1 || ($0 == 0 && $1 == label) })
                #expect(background(found) < background(before))
            } else {
                #expect(zip(before, found).allSatisfy { $0 == $1 || $1 == 0 })
                #expect(background(found) > background(before))
            }
        }
    }

    @Test func `about half of the slices are too large and none is as it was`() throws {
        let side = 40, depth = 60
        let disc = (0..<depth * side * side).map { i -> Int32 in
            let x = i % side - 20, y = i / side % side - 20
            return x * x + y * y < 100 ? 1 : 0
        }
        let labels = try LabelMap(
            geometry: Geometry(size: GridSize(side, side, depth)), labels: AlignedBuffer(disc))
        var random = PhiloxStream(seed: 5)
        let found = try AnnotationNoise()(labels, random: &random, pool: .serial).labels.array
        let before = disc.prefix(side * side).filter { $0 == 1 }.count
        let areas = (0..<depth).map { z in found[z * side * side..<(z + 1) * side * side].filter { $0 == 1 }.count }
        #expect(areas.allSatisfy { $0 != before })
        let larger = areas.filter { $0 > before }.count
        #expect(larger > 15 && larger < 45)
        var again = PhiloxStream(seed: 5)
        let threads = ThreadPool(threads: 3)
        #expect(try AnnotationNoise()(labels, random: &again, pool: threads).labels.array == found)
        var quiet = PhiloxStream(seed: 5)
        #expect(try AnnotationNoise(probability: 0)(labels, random: &quiet, pool: .serial) == labels)
    }

    @Test func `two specks in the corners of a large slice do not fill the memory`() throws {
        let side = 1200
        var buffer = AlignedBuffer<Int32>(repeating: 0, count: side * side)
        buffer[0] = 1
        buffer[side * side - 1] = 1
        let labels = try LabelMap(geometry: Geometry(size: GridSize(side, side)), labels: buffer)
        var random = PhiloxStream(seed: 1)
        let noise = AnnotationNoise(overChance: 1)
        #expect(try noise(labels, random: &random, pool: .serial).labels.array.filter { $0 == 1 }.count > 2)
    }

    @Test func `thousands of tiny classes, and classes all over the slice, take no time`() throws {
        for (isOver, label) in [
            (true, { (x: Int, y: Int) in x % 4 < 2 && y % 4 < 2 ? x / 4 + y / 4 * 64 + 1 : 0 }),
            (false, { x, y in (x &* 7919 &+ y &* 104_729 &+ x &* y &* 31) % 50 }),
        ] as [(Bool, (Int, Int) -> Int)] {
            let labels = try LabelMap(
                geometry: Geometry(size: GridSize(256, 256)),
                labels: AlignedBuffer((0..<65536).map { Int32(label($0 % 256, $0 / 256)) }))
            var random = PhiloxStream(seed: 1)
            let noise = AnnotationNoise(overChance: isOver ? 1 : 0, targetPixels: 20_000)
            let found = try noise(labels, random: &random, pool: .serial).labels.array
            let foreground = labels.labels.array.count { $0 != 0 }
            #expect(isOver ? found.count { $0 != 0 } > foreground : found.count { $0 != 0 } < foreground)
        }
    }

    @Test func `classes are changed in the order given`() throws {
        // Two bars with a gap of four pixels, which the first one to grow takes.
        let labels = try LabelMap(
            geometry: Geometry(size: GridSize(60, 60)),
            labels: AlignedBuffer((0..<3600).map { [0, 1, 1, 1, 0, 2, 2, 2, 0, 0][min($0 % 60 / 4, 9)] }))
        func grown(_ order: [Int]) throws -> [Int32] {
            var random = PhiloxStream(seed: 1)
            let noise = AnnotationNoise(overChance: 1, iterations: 6, targetPixels: 700, order: order)
            return try noise(labels, random: &random, pool: .serial).labels.array
        }
        let first = try grown([1, 2]), second = try grown([2, 1])
        #expect(try first == grown([]))
        let gap = (0..<3600).filter { (16..<20).contains($0 % 60) }
        #expect(gap.allSatisfy { first[$0] == 1 && second[$0] == 2 })
        #expect(try grown([2]).count { $0 == 1 } == 720)
    }

    @Test func `impossible settings are refused`() throws {
        for noise in [
            AnnotationNoise(overChance: 1.1), AnnotationNoise(probability: -0.1),
            AnnotationNoise(iterations: Interval(-1, 2)), AnnotationNoise(iterations: Interval(4, 2)),
            AnnotationNoise(targetPixels: 99), AnnotationNoise(targetPixels: 20_001), AnnotationNoise(order: [0]),
            AnnotationNoise(order: [2, 1, 2]),
        ] {
            #expect(#expect(throws: Diagnostic.self) { try noise.check() }?.code == .badArgument)
        }
    }
}
