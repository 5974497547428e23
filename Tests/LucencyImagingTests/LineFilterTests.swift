import LucencyFoundation
import LucencyImaging
import Testing

@Suite struct LineFilterTests {
    /// The middle of a line, far from its ends.
    private static func middle(_ filter: LineFilter, _ value: (Double) -> Double) -> Double {
        let size = GridSize(101, 1), values = (0..<101).map { Float(value(Double($0 - 50))) }
        return Double(AlignedBuffer(values).filtered([filter], size: size, pool: .serial)[50])
    }

    @Test func `a Gaussian and its derivatives answer polynomials as they should`() {
        for sigma in [1.5, 3.0, 5.0] {
            let filters = (0...2).map { LineFilter.gaussian(sigma: sigma, truncate: 6, order: $0) }
            #expect(abs(Self.middle(filters[0]) { _ in 2 } - 2) < 1e-6)
            #expect(abs(Self.middle(filters[0]) { $0 * $0 } - sigma * sigma) < 1e-4 * sigma * sigma)
            #expect(abs(Self.middle(filters[1]) { 3 * $0 + 1 } - 3) < 1e-5)
            #expect(abs(Self.middle(filters[1]) { _ in 2 }) < 1e-6)
            #expect(abs(Self.middle(filters[2]) { 0.5 * $0 * $0 + $0 } - 1) < 1e-4)
            #expect(abs(Self.middle(filters[2]) { _ in 2 }) < 1e-4)
        }
    }
}
