/// Loops over flat memory in pieces whose size does not depend on threads.
extension OperationContext {
    /// Elements of a piece: a multiple of 64.
    static let chunk = 1 << 14

    /// Calls `body` for every piece of `count` elements: where it begins, and how many there are.
    func chunks(_ count: Int, _ body: @Sendable (_ first: Int, _ count: Int) -> Void) {
        let size = Self.chunk
        parallel((count + size - 1) / size) { index in
            let first = index &* size
            body(first, min(size, count &- first))
        }
    }

    /// A float64 sum over `count` elements: of each piece by `measure`, then of the pieces in their order.
    /// - Parameter scratch: `sumScratch(count)` floats.
    func sum(
        _ count: Int, _ scratch: UnsafeMutablePointer<Float>,
        _ measure: @Sendable (_ first: Int, _ count: Int) -> Double
    ) -> Double {
        let size = Self.chunk, pieces = (count + size - 1) / size
        let partials = SharedPointer(
            UnsafeMutableRawPointer(scratch).bindMemory(to: Double.self, capacity: pieces))
        chunks(count) { first, count in (partials + first / size).pointee = measure(first, count) }
        var total = 0.0
        for piece in 0..<pieces { total += partials.pointer[piece] }
        return total
    }

    static func sumScratch(_ count: Int) -> Int { 2 * ((count + chunk - 1) / chunk) }

    /// Floats of the first result.
    var outputCount: Int { signature.outputLayouts[0].count(outputShapes[0]) }
}
