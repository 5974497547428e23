import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct PatchSamplerTests {
    /// Mostly background, a large class 1, a small class 2 and an ignored corner.
    func item(_ size: GridSize = GridSize(60, 50)) throws -> TrainingCase {
        var labels = [Int32](repeating: 0, count: size.count)
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<size.x {
                    let index = (z * size.y + y) * size.x + x
                    if x < 3 && y < 3 { labels[index] = -1 }
                    if x >= 40 && y >= 30 { labels[index] = 1 }
                    if x == 5 && y == 44 { labels[index] = 2 }
                }
            }
        }
        return TrainingCase(
            try Sample(
                name: "case", form: SampleForm(size: size),
                image: AlignedBuffer((0..<size.count).map { Float($0) }), labels: AlignedBuffer(labels)))
    }

    @Test func `positions hold every pixel of small classes and an even choice of large ones`() throws {
        let item = try item()
        #expect(item.foreground.classes == [1, 2])
        #expect(item.foreground.positions[0].count == 400)
        #expect(item.foreground.positions[1] == [44 * 60 + 5])
        let few = ForegroundPositions(item.sample.labels, limit: 50)
        #expect(few.positions[0].count == 50)
        #expect(few.positions[0].allSatisfy { item.sample.labels[$0] == 1 })
        #expect(Set(few.positions[0]).count == 50)
        // One of every eight pixels in memory order.
        for (part, index) in few.positions[0].enumerated() {
            #expect(item.foreground.positions[0][part * 8..<part * 8 + 8].contains(index))
        }
        #expect(ForegroundPositions(item.sample.labels, limit: 50) == few)
        #expect(ForegroundPositions(AlignedBuffer<Int32>([0, -1, 0])).classes == [])
    }

    @Test func `at least a third of every batch shows foreground`() throws {
        let item = try item()
        let sampler = PatchSampler(size: GridSize(12, 10))
        for (batch, aimed) in [(2, 1), (3, 1), (4, 2), (6, 2), (7, 3), (12, 4)] {
            for step in 0..<20 {
                var found = 0
                for position in 0..<batch {
                    let patch = try sampler.draw(in: item, seed: 1, step: step, position: position, batch: batch)
                    #expect((patch.foreground != nil) == (position >= batch - aimed))
                    guard let label = patch.foreground else { continue }
                    let sample = try sampler.cut(patch, from: item)
                    #expect(sample.labels.array.contains(label))
                    found += 1
                }
                #expect(found == aimed)
            }
        }
    }

    @Test func `classes are equally likely however small, and a batch of one is aimed by chance`() throws {
        let item = try item()
        var sampler = PatchSampler(size: GridSize(12, 10))
        var counts: [Int32: Int] = [:]
        for step in 0..<1500 {
            let patch = try sampler.draw(in: item, seed: 5, step: step, position: 0, batch: 1)
            counts[patch.foreground ?? 0, default: 0] += 1
        }
        // Five standard deviations.
        #expect(abs((counts[1] ?? 0) - 250) < 73)
        #expect(abs((counts[2] ?? 0) - 250) < 73)
        sampler.foregroundFraction = 0
        let never = try (0..<20).map { try sampler.draw(in: item, seed: 5, step: 0, position: $0, batch: 20) }
        #expect(never.allSatisfy { $0.foreground == nil })
        sampler.foregroundFraction = 1
        let always = try (0..<20).map { try sampler.draw(in: item, seed: 5, step: 0, position: $0, batch: 20) }
        #expect(always.allSatisfy { $0.foreground != nil })
    }

    @Test func `random patches reach every place within the case`() throws {
        let item = try item()
        var sampler = PatchSampler(size: GridSize(50, 45))
        sampler.foregroundFraction = 0
        var starts: Set<SIMD3<Int>> = []
        for step in 0..<1500 {
            starts.insert(try sampler.draw(in: item, seed: 7, step: step, position: 0, batch: 1).start)
        }
        #expect(starts.count == 11 * 6)
        #expect(starts.allSatisfy { $0.x >= 0 && $0.x <= 10 && $0.y >= 0 && $0.y <= 5 && $0.z == 0 })
    }

    @Test func `a draw depends on seed, step and position alone`() throws {
        let item = try item()
        let sampler = PatchSampler(size: GridSize(8, 8))
        func draw(_ seed: UInt64, _ step: Int, _ position: Int) throws -> PatchDraw {
            try sampler.draw(in: item, seed: seed, step: step, position: position, batch: 9)
        }
        let reference = try draw(1, 2, 3)
        for _ in 0..<3 { #expect(try draw(1, 2, 3) == reference) }
        #expect(try draw(2, 2, 3) != reference)
        #expect(try draw(1, 3, 3) != reference)
        #expect(try draw(1, 2, 4) != reference)
    }

    @Test func `cases smaller than the patch are padded`() throws {
        let item = try item(GridSize(7, 50))
        var sampler = PatchSampler(size: GridSize(10, 6))
        let patch = try sampler.draw(in: item, seed: 1, step: 0, position: 0, batch: 1)
        #expect(patch.start.x == -1)
        let y = patch.start.y
        sampler.padding = .values([-5])
        let padded = try sampler.cut(patch, from: item)
        for row in 0..<6 {
            let inside = (0..<7).map { Float((y + row) * 7 + $0) }
            #expect((0..<10).map { padded[$0, row] } == [-5] + inside + [-5, -5])
            #expect(padded.label(0, row) == -1 && padded.label(8, row) == -1 && padded.label(9, row) == -1)
            #expect((1..<8).map { padded.label($0, row) } == (0..<7).map { item.sample.label($0, y + row) })
        }
        sampler.padding = .mirror
        let mirrored = try sampler.cut(patch, from: item)
        for row in 0..<6 {
            let inside = (0..<7).map { Float((y + row) * 7 + $0) }
            #expect((0..<10).map { mirrored[$0, row] } == [inside[0]] + inside + [inside[6], inside[5]])
        }
        #expect(mirrored.labels == padded.labels)
    }

    @Test func `resampling mirrors and pads as cutting does`() throws {
        let item = try item(GridSize(9, 8))
        let patch = PatchDraw(start: [-4, -3, 0])
        var sampler = PatchSampler(size: GridSize(17, 14))
        // A transform that is no identity but moves nothing by as much as a rounding error would show.
        var transform = SpatialTransform.Drawn()
        transform.rotation = [0, 0, 1e-9]
        for padding in [Padding.mirror, .values([3])] {
            sampler.padding = padding
            for interpolation in [Interpolation.nearest, .linear, .cubic] {
                transform.interpolation = interpolation
                let cut = try sampler.cut(patch, from: item)
                let resampled = try sampler.cut(patch, from: item, transform: transform)
                #expect(zip(cut.image.array, resampled.image.array).allSatisfy { abs($0 - $1) < 1e-4 })
                #expect(cut.labels == resampled.labels)
            }
        }
    }

    @Test func `what turns in from outside the patch is the image`() throws {
        let item = TrainingCase(try Samples.drawn(GridSize(80, 80)) { x, y, _ in 100 * x + y })
        let sampler = PatchSampler(size: GridSize(20, 20))
        var transform = SpatialTransform.Drawn()
        transform.rotation = [0, 0, 45]
        let sample = try sampler.cut(PatchDraw(start: [30, 20, 0]), from: item, transform: transform)
        #expect(sample.labels.array.allSatisfy { $0 >= 0 })
        // The corners come from 9.5·√2 above the middle of the patch, and from as far left of it.
        let expected = 100 * 39.5 + (29.5 - 9.5 * 2.0.squareRoot())
        #expect(abs(Double(sample[19, 0]) - expected) < 0.01)
        #expect(abs(Double(sample[0, 0]) - (100 * (39.5 - 9.5 * 2.0.squareRoot()) + 29.5)) < 0.01)
    }

    @Test func `planar patches of volumes are slices`() throws {
        let size = GridSize(20, 18, 6)
        let item = TrainingCase(try Samples.random(size))
        let sampler = PatchSampler(size: GridSize(20, 18))
        var slices: Set<Int> = []
        for step in 0..<60 {
            let patch = try sampler.draw(in: item, seed: 3, step: step, position: 0, batch: 1)
            slices.insert(patch.start.z)
            let sample = try sampler.cut(patch, from: item)
            #expect(sample.size.isPlanar)
            #expect(sample[4, 7] == item.sample[4, 7, patch.start.z])
            var transform = SpatialTransform.Drawn()
            transform.rotation = [0, 0, 180]
            let turned = try sampler.cut(patch, from: item, transform: transform)
            #expect(abs(turned[4, 7] - item.sample[15, 10, patch.start.z]) < 1e-5)
        }
        #expect(slices == Set(0..<6))
    }

    @Test func `impossible settings and places are refused`() throws {
        let item = try item()
        var sampler = PatchSampler(size: GridSize(8, 0))
        #expect(throws: Diagnostic.self) { try sampler.draw(in: item, seed: 0, step: 0, position: 0, batch: 1) }
        sampler = PatchSampler(size: GridSize(8, 8))
        sampler.foregroundFraction = 1.5
        #expect(throws: Diagnostic.self) { try sampler.check() }
        sampler.foregroundFraction = 0.5
        sampler.padding = .values([.nan])
        #expect(throws: Diagnostic.self) { try sampler.check() }
        sampler.padding = .mirror
        #expect(throws: Diagnostic.self) { try sampler.draw(in: item, seed: 0, step: 0, position: 2, batch: 2) }
        #expect(throws: Diagnostic.self) { try sampler.draw(in: item, seed: 0, step: 0, position: -1, batch: 2) }
        #expect(throws: Diagnostic.self) { try sampler.cut(PatchDraw(start: [60, 0, 0]), from: item) }
        #expect(throws: Diagnostic.self) { try sampler.cut(PatchDraw(start: [0, 0, 1]), from: item) }
        #expect(throws: Diagnostic.self) { try sampler.cut(PatchDraw(start: [0, -8, 0]), from: item) }
    }

    @Test func `samples and cases whose parts do not fit are refused`() throws {
        let form = SampleForm(size: GridSize(4, 3), channels: 2)
        let image = AlignedBuffer<Float>(repeating: 0, count: 24),
            labels = AlignedBuffer<Int32>(repeating: 0, count: 12)
        #expect(throws: Diagnostic.self) {
            try Sample(name: "a", form: form, image: image, labels: .init(repeating: 0, count: 11))
        }
        #expect(throws: Diagnostic.self) {
            try Sample(name: "a", form: form, image: .init(repeating: 0, count: 12), labels: labels)
        }
        #expect(throws: Diagnostic.self) {
            try Sample(
                name: "a", form: form, image: image, labels: labels,
                maps: [SampleMap(name: "soft", channels: 3, values: image)])
        }
        for spacing in [0, .nan, .infinity] {
            #expect(throws: Diagnostic.self) {
                try Sample(
                    name: "a", form: SampleForm(size: GridSize(4, 3), spacing: [1, spacing, 1], channels: 2),
                    image: image, labels: labels)
            }
        }
        let picture = try Image(geometry: Geometry(size: GridSize(4, 3)), pixels: .init(repeating: 0, count: 12))
        let map = try LabelMap(geometry: Geometry(size: GridSize(3, 4)), labels: labels)
        #expect(throws: Diagnostic.self) { try TrainingCase(name: "a", image: picture, labels: map) }
        let fitting = try LabelMap(geometry: picture.geometry, labels: labels)
        #expect(try TrainingCase(name: "a", image: picture, labels: fitting).sample.size == GridSize(4, 3))
    }
}
