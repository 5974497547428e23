import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct SpatialTransformTests {
    func transform(
        _ degrees: SIMD3<Double> = .zero, scale: Double = 1, amplitude: Double = 0, distance: Double = 16,
        _ interpolation: Interpolation = .linear, _ labels: LabelInterpolation = .nearest
    ) -> SpatialTransform.Drawn {
        var drawn = SpatialTransform.Drawn()
        drawn.rotation = degrees
        drawn.scale = [scale, scale, scale]
        drawn.elasticAmplitude = amplitude
        drawn.elasticDistance = distance
        drawn.seed = 77
        drawn.interpolation = interpolation
        drawn.labelInterpolation = labels
        return drawn
    }

    @Test func `parameters that move nothing give identical bytes`() throws {
        for size in [GridSize(13, 9), GridSize(7, 6, 5)] {
            let sample = try Samples.random(size, channels: 2, spacing: [0.7, 0.9, 3.1])
            #expect(try sample.after(.spatial(transform())) == sample)
        }
    }

    @Test(arguments: [Interpolation.nearest, .linear, .cubic], LabelInterpolation.allCases)
    func `rotated and scaled discs stay with their labels`(
        interpolation: Interpolation, labels: LabelInterpolation
    ) throws {
        let disc = try Samples.disc(GridSize(96, 80), x: 55, y: 33, radius: 17)
        for drawn in [
            transform([0, 0, 33], interpolation, labels), transform([0, 0, -121], scale: 0.8, interpolation, labels),
            transform([0, 0, 12], scale: 1.3, amplitude: 5, distance: 24, interpolation, labels),
        ] {
            let moved = try disc.after(.spatial(drawn))
            #expect(moved.labels.array.filter { $0 == 1 }.count > 300)
            #expect(moved.alignment > 0.97)
            // The map is resampled as the image is, linearly.
            if interpolation == .linear {
                let inside = moved.labels.array.indices.filter { moved.labels[$0] >= 0 }
                #expect(inside.allSatisfy { moved.maps[0].values[$0] == moved.image[$0] })
            }
        }
    }

    @Test func `a disc turns about the middle of the sample, from x towards y`() throws {
        let disc = try Samples.disc(GridSize(101, 101), x: 80, y: 50, radius: 6)
        let moved = try disc.after(.spatial(transform([0, 0, 60])))
        var x = 0.0, y = 0.0, sum = 0.0
        for j in 0..<101 {
            for i in 0..<101 {
                let value = Double(moved[i, j])
                x += value * Double(i)
                y += value * Double(j)
                sum += value
            }
        }
        #expect(abs(x / sum - (50 + 30 * cos(Double.pi / 3))) < 0.05)
        #expect(abs(y / sum - (50 + 30 * sin(Double.pi / 3))) < 0.05)
    }

    @Test(arguments: [Interpolation.nearest, .linear, .cubic])
    func `a rotation by 90 degrees is a quarter turn`(interpolation: Interpolation) throws {
        let sample = try Samples.random(GridSize(16, 16), channels: 2)
        let turned = try sample.after(.rot90(.init(axis: .z, turns: 1)))
        let rotated = try sample.after(.spatial(transform([0, 0, 90], interpolation)))
        for y in 1..<15 {
            for x in 1..<15 {
                #expect(abs(rotated[x, y, channel: 1] - turned[x, y, channel: 1]) < 1e-5)
                #expect(rotated.label(x, y) == turned.label(x, y))
            }
        }
    }

    @Test(arguments: GridAxis.allCases)
    func `rotations about each axis are quarter turns about it`(axis: GridAxis) throws {
        let sample = try Samples.random(GridSize(9, 9, 9))
        var degrees = SIMD3<Double>.zero
        degrees[axis.rawValue] = 90
        for interpolation in [Interpolation.linear, .cubic] {
            let turned = try sample.after(.rot90(.init(axis: axis, turns: 1)))
            let rotated = try sample.after(.spatial(transform(degrees, interpolation)))
            for z in 1..<8 {
                for y in 1..<8 {
                    for x in 1..<8 {
                        #expect(abs(rotated[x, y, z] - turned[x, y, z]) < 1e-5)
                        #expect(rotated.label(x, y, z) == turned.label(x, y, z))
                    }
                }
            }
        }
    }

    @Test func `a scale of 2 makes areas four times as large, and of √2 twice`() throws {
        let disc = try Samples.disc(GridSize(128, 128), x: 63.5, y: 63.5, radius: 20)
        let area = disc.image.array.mean
        #expect(abs(try disc.after(.spatial(transform(scale: 2))).image.array.mean / area - 4) < 0.03)
        #expect(abs(try disc.after(.spatial(transform(scale: 2.0.squareRoot()))).image.array.mean / area - 2) < 0.02)
    }

    @Test func `samples turn in millimetres`() throws {
        // A bar of 40 × 8 mm on pixels of 1 × 2 mm.
        let bar = try Samples.drawn(GridSize(64, 32), spacing: [1, 2, 1]) { x, y, _ in
            abs(x - 31.5) < 20 && abs((y - 15.5) * 2) < 4 ? 1 : 0
        }
        let turned = try bar.after(.spatial(transform([0, 0, 90])))
        let row = (0..<64).filter { turned[$0, 15] > 0.5 }.count
        let column = (0..<32).filter { turned[31, $0] > 0.5 }.count
        #expect(row == 8)
        #expect(column == 20)
        #expect(turned.spacing == [1, 2, 1])
    }

    @Test func `elastic shifts bend within their bounds and do not fold`() throws {
        // Values that tell where a pixel comes from.
        let size = GridSize(96, 96)
        let x = try Samples.drawn(size) { x, _, _ in x }, y = try Samples.drawn(size) { _, y, _ in y }
        let drawn = transform(amplitude: 6.4, distance: 16)
        let fromX = try x.after(.spatial(drawn)), fromY = try y.after(.spatial(drawn))
        var greatest: Float = 0
        for j in 8..<87 {
            for i in 8..<87 {
                greatest = max(greatest, abs(fromX[i, j] - Float(i)), abs(fromY[i, j] - Float(j)))
                let a = fromX[i + 1, j] - fromX[i, j], b = fromX[i, j + 1] - fromX[i, j]
                let c = fromY[i + 1, j] - fromY[i, j], d = fromY[i, j + 1] - fromY[i, j]
                #expect(a * d - b * c > 0)
            }
        }
        #expect(greatest > 1.5 && greatest <= 6.4)
        #expect(try x.after(.spatial(drawn)) == fromX)
        var other = drawn
        other.seed = 78
        #expect(try x.after(.spatial(other)) != fromX)
    }

    @Test func `volumes bend along all axes, thick slices only in their plane`() throws {
        let sample = try Samples.drawn(GridSize(24, 24, 24)) { _, _, z in z }
        var drawn = transform(amplitude: 2, distance: 8)
        let bent = try sample.after(.spatial(drawn))
        #expect((4..<20).contains { abs(bent[12, 12, $0] - Float($0)) > 0.1 })
        drawn.isInPlane = true
        let flat = try sample.after(.spatial(drawn))
        for z in 0..<24 { #expect(abs(flat[12, 12, z] - Float(z)) < 1e-4) }
    }

    @Test(arguments: [Interpolation.linear, .cubic])
    func `volumes turn about x, then y, then z, as polynomials between their pixels show`(
        interpolation: Interpolation
    ) throws {
        // Linear interpolation is exact for the first degree, Keys' cubic for the second.
        let square = interpolation == .cubic ? 0.01 : 0.0
        func value(_ p: SIMD3<Double>) -> Double {
            0.3 * p.x - 0.2 * p.y + 0.1 * p.z + square * p.x * p.x - square * p.z * p.z
        }
        let spacing = SIMD3(1.0, 1.5, 2.0), size = GridSize(33, 25, 17), middle = SIMD3(16.0, 12, 8)
        let sample = try Samples.drawn(size, spacing: spacing) { value([$0, $1, $2]) }
        let moved = try sample.after(.spatial(transform([20, -15, 40], scale: 1.25, interpolation)))
        func turned(_ p: SIMD3<Double>, _ a: Int, _ b: Int, _ degrees: Double) -> SIMD3<Double> {
            var turned = p
            let angle = degrees * .pi / 180
            turned[a] = cos(angle) * p[a] - sin(angle) * p[b]
            turned[b] = sin(angle) * p[a] + cos(angle) * p[b]
            return turned
        }
        var compared = 0
        for z in 0..<17 {
            for y in 0..<25 {
                for x in 0..<33 {
                    var way = (SIMD3(Double(x), Double(y), Double(z)) - middle) * spacing
                    // Back: about z, then y, then x.
                    way = turned(turned(turned(way, 0, 1, -40), 2, 0, 15), 1, 2, -20)
                    let source = middle + way / 1.25 / spacing
                    guard source.min() >= 1, source.x <= 31, source.y <= 23, source.z <= 15 else { continue }
                    compared += 1
                    #expect(abs(Double(moved[x, y, z]) - value(source)) < 1e-4)
                }
            }
        }
        #expect(compared > 5000)
    }

    @Test func `labels vote where classes meet`() throws {
        let labels: [Int32] = [1, 1, 2, 2]
        let sample = try Sample(
            name: "labels", form: SampleForm(size: GridSize(4, 1)), image: AlignedBuffer([0, 0, 0, 0]),
            labels: AlignedBuffer(labels))
        // Twice as long, pixel centres lie at −0.25 + i/2 from the second pixel on.
        let moved = try sample.after(.spatial(transform(scale: 2, .linear, .vote)))
        #expect(moved.labels.array == [1, 1, 2, 2])
        // On the edge between two classes the lower label wins the tie.
        let three = try Sample(
            name: "labels", form: SampleForm(size: GridSize(3, 1)), image: AlignedBuffer([0, 0, 0]),
            labels: AlignedBuffer<Int32>([3, 2, 3]))
        #expect(try three.after(.spatial(transform(scale: 2, .linear, .vote))).labels.array == [2, 2, 2])
    }

    @Test func `impossible records are refused`() throws {
        let sample = try Samples.random(GridSize(8, 8))
        var records = [
            transform([0, 0, .nan]), transform(scale: 0), transform(scale: .nan), transform(amplitude: 1, distance: 0),
        ]
        records.append(transform(amplitude: 1e-9, distance: 1e-5))
        records.append(transform(amplitude: 2, distance: 1))
        records.append(transform([0, 0, 5], .lanczos))
        for record in records {
            #expect(throws: Diagnostic.self) { try sample.after(.spatial(record)) }
        }
    }
}
