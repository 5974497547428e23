import LucencyFoundation
import LucencyImaging

extension Mask {
    /// The skeleton of a planar mask, one pixel wide and as connected as the mask: Z. Guo and R. W. Hall, "Parallel thinning
    /// with two-subiteration algorithms", Comm. ACM 32(3) (1989), until nothing changes.
    package func thinned() -> Mask {
        let width = size.x, height = size.y, stride = width + 2
        // With a margin of 0, so that every pixel has eight neighbours.
        var pixels = [UInt8](repeating: 0, count: stride * (height + 2))
        for y in 0..<height { for x in 0..<width { pixels[(y + 1) * stride + x + 1] = bits[y * width + x] } }
        // Counter-clockwise from the right.
        let offsets = [1, 1 - stride, -stride, -1 - stride, -1, stride - 1, stride, stride + 1]
        var candidates = pixels.indices.filter { pixels[$0] != 0 }
        var changed = true
        while changed {
            changed = false
            for pass in 0..<2 {
                let table = Self.removable[pass]
                let removed = pixels.withUnsafeBufferPointer { pixels in
                    candidates.filter { index in
                        var code = 0
                        for bit in 0..<8 { code |= Int(pixels[index &+ offsets[bit]]) << bit }
                        return table[code]
                    }
                }
                guard !removed.isEmpty else { continue }
                changed = true
                for index in removed { pixels[index] = 0 }
                candidates = candidates.filter { pixels[$0] != 0 }
            }
        }
        return Mask(
            size: size,
            bits: AlignedBuffer(count: bits.count) { out in
                for y in 0..<height {
                    for x in 0..<width { out[y &* width &+ x] = pixels[(y &+ 1) &* stride &+ x &+ 1] }
                }
            })
    }

    /// Whether a pixel goes in each of the two sub-iterations, by the code of its neighbours.
    private static let removable: [[Bool]] = (0..<2).map { pass in
        (0..<256).map { code in
            func x(_ number: Int) -> Bool { code >> ((number - 1) % 8) & 1 == 1 }
            // G1: it does not hold parts together. G2: it is neither an end nor inside. G3: sides in turn.
            let parts = (1...4).count { !x(2 * $0 - 1) && (x(2 * $0) || x(2 * $0 + 1)) }
            let pairs = (1...4).count { x(2 * $0 - 1) || x(2 * $0) }
            let others = (1...4).count { x(2 * $0) || x(2 * $0 + 1) }
            let blocked = pass == 0 ? (x(2) || x(3) || !x(8)) && x(1) : (x(6) || x(7) || !x(4)) && x(5)
            return parts == 1 && (2...3).contains(min(pairs, others)) && !blocked
        }
    }
}
