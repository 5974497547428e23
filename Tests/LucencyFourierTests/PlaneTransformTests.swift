import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Testing

@Suite struct PlaneTransformTests {
    /// One thread with one piece of working memory.
    private struct OneWorker: PlaneWorkers, @unchecked Sendable {
        let scratch: UnsafeMutablePointer<Float>

        func forEach(_ count: Int, _ work: @Sendable (_ index: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void) {
            // Backwards: no order is promised.
            for index in (0..<count).reversed() { work(index, scratch) }
        }
    }

    @Test(arguments: [[12, 20], [9, 7], [1, 8], [13, 1], [40, 35], [58, 62]], FourierBackEnd.available)
    func `a plane with empty rows has the spectrum of the whole grid, and its wanted rows return`(
        _ size: [Int], backEnd: FourierBackEnd
    ) throws {
        let height = size[0], width = size[1], filled = height / 3..<(2 * height + 2) / 3
        var stream = PhiloxStream(seed: 1, stream: "plane")
        let grid = GridSize(width, height)
        var numbers = [Float](repeating: 0, count: grid.count)
        for index in filled.lowerBound * width..<filled.upperBound * width { numbers[index] = Float(stream.uniform()) }
        let expected = try FourierTransform(size: grid, backEnd: backEnd).forward(AlignedBuffer(numbers))

        let transform = try PlaneTransform(height: height, width: width, backEnd: backEnd)
        // Not a number wherever nothing was filled in.
        var memory = AlignedBuffer<Float>(repeating: .nan, count: transform.count + transform.scratchCount)
        memory.withUnsafeMutableBufferPointer { memory in
            guard let plane = memory.baseAddress else { return }
            let worker = OneWorker(scratch: plane + transform.count)
            for y in filled {
                for x in 0..<width { plane[y * transform.rowStride + x] = numbers[y * width + x] }
            }
            transform.forward(plane, rows: filled, by: worker)
            for y in 0..<height {
                for x in 0..<expected.width {
                    let found = SIMD2(
                        plane[y * transform.rowStride + 2 * x], plane[y * transform.rowStride + 2 * x + 1])
                    #expect(found == expected[x, y], "\(x), \(y)")
                }
            }
            transform.inverse(plane, rows: filled, by: worker)
            for y in filled {
                for x in 0..<width {
                    #expect(abs(plane[y * transform.rowStride + x] - numbers[y * width + x]) <= 1e-6)
                }
            }
        }
    }
}
