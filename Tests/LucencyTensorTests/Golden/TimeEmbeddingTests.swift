import LucencyFoundation
import LucencyTensor
import Support
import Testing

@Suite struct TimeEmbeddingTests {
    @Test func `times become cosines, then sines, as in the reference`() throws {
        let golden = try GoldenRun.fixture("time_embedding")
        let times = try golden.tensor("t").array.map(Double.init)
        for width in [16, 128] {
            let error = try Tensor.timeEmbedding(times, width: width).error(against: golden.tensor("dim\(width)"))
            #expect(error <= 1e-5)
            print("golden time_embedding \(width): \(error)")
        }
    }

    @Test func `an odd width, or no time, is refused`() {
        #expect(throws: Diagnostic.self) { try Tensor.timeEmbedding([1], width: 7) }
        #expect(throws: Diagnostic.self) { try Tensor.timeEmbedding([1], width: 0) }
        #expect(throws: Diagnostic.self) { try Tensor.timeEmbedding([], width: 8) }
    }
}
