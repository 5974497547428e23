import LucencyFoundation
import LucencyTensor
import Testing

@Suite struct ShapeTests {
    @Test func `a dimension of zero, or too many elements, is refused`() {
        #expect(throws: Diagnostic.self) { try Shape([2, 0, 3]) }
        #expect(throws: Diagnostic.self) { try Shape([1 << 30, 1 << 30]) }
        #expect(throws: Diagnostic.self) { try Shape([Int.max, 2]) }
    }

    @Test func `a tensor needs as many numbers as its shape has elements`() throws {
        #expect(throws: Diagnostic.self) { try Tensor([2, 3], [1, 2, 3]) }
        #expect(try Tensor([2, 2], [1, 2, 3, 4]).reshaped([4]).array == [1, 2, 3, 4])
    }
}
