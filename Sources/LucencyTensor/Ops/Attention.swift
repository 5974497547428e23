import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How queries, keys and values of several heads share the channels of one tensor.
public enum AttentionLayout: String, Codable, CaseIterable, Sendable {
    /// Heads first: q, k and v of head 0, then of head 1, …
    case interleaved
    /// All queries, then all keys, then all values, each with its heads one behind another.
    case splitFirst
}

/// Scaled dot-product attention of several heads between all sites of an image (Vaswani et al. 2017).
///
/// Scores are formed by tiles of keys with a running maximum and sum (Milakov and Gimelshein 2018; Dao et al. 2022), so
/// memory grows with the number of sites, not with its square. Of the weights, only the log of each query's sum is kept;
/// the gradient forms them again.
struct Attention: Operation {
    let heads: Int
    let layout: AttentionLayout
    /// nil: 1/√(channels of a head).
    let scale: Float?

    var name: String { "attention" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0], outputs: [0]) }
    var addsGradients: Bool { true }

    /// Queries and keys of a tile. The cut changes last bits, so it never depends on threads.
    private static let queries = 64, keys = 256

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard x.rank >= 3, heads >= 1, x.channels % (3 * heads) == 0 else {
            throw mismatch("needs N, 3 · C, space with C divided by \(heads) heads", x)
        }
        return [try x.with(channels: x.channels / 3)]
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let out = signature.outputs[0]
        // Scores (and in the gradient theirs), then per query the maximum, the sum and a factor.
        let tile = Self.queries * Self.keys
        return OperationMemory(
            saved: out.images * heads * out.pixels,
            workerScratch: (signature.isTraining ? 2 : 1) * tile + 3 * Self.queries)
    }

    /// One head of one image: where its queries, keys, values and results begin.
    private struct Head {
        let width: Int
        let sites: Int
        /// Of the input and its gradient.
        let q: Int, k: Int, v: Int
        /// Of the result and its gradient.
        let out: Int
        let scale: Float
    }

    private func head(_ index: Int, _ out: Shape) -> Head {
        let image = index / heads, head = index % heads
        let width = out.channels / heads, sites = out.pixels
        let first: (q: Int, k: Int, v: Int) =
            switch layout {
            case .interleaved: (3 * head * width, (3 * head + 1) * width, (3 * head + 2) * width)
            case .splitFirst: (head * width, out.channels + head * width, 2 * out.channels + head * width)
            }
        let start = image * 3 * out.channels
        return Head(
            width: width, sites: sites, q: (start + first.q) * sites, k: (start + first.k) * sites,
            v: (start + first.v) * sites, out: (image * out.channels + head * width) * sites,
            scale: scale ?? 1 / Float(width).squareRoot())
    }

    // MARK: Forward

    func forward(_ context: OperationContext) {
        let out = context.outputShapes[0], family = context.signature.kernels.family
        let tiles = (out.pixels + Self.queries - 1) / Self.queries
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let saved = context.signature.isTraining ? SharedPointer(context.saved) : nil
        context.parallelWithScratch(out.images * heads * tiles) { index, scratch in
            let head = head(index / tiles, out), sites = head.sites
            let first = index % tiles * Self.queries, count = min(Self.queries, sites - first)
            let scores = scratch, maxima = scratch + Self.queries * Self.keys
            let sums = maxima + Self.queries, factors = sums + Self.queries
            // Everything lies [channel][site]: the queries of the tile are columns.
            let q = Matrix(UnsafePointer(x + (head.q + first)), stride: sites, isTransposed: true)
            let result = y + (head.out + first)
            maxima.update(repeating: -.infinity, count: count)
            sums.update(repeating: 0, count: count)
            for start in stride(from: 0, to: sites, by: Self.keys) {
                let width = min(Self.keys, sites - start)
                MatrixProducts.multiply(
                    q, Matrix(UnsafePointer(x + (head.k + start)), stride: sites), into: scores, stride: Self.keys,
                    rows: count, columns: width, inner: head.width, scale: head.scale, family: family)
                for row in 0..<count {
                    factors[row] = Self.weigh(scores + row &* Self.keys, width, &maxima[row], &sums[row])
                }
                if start > 0 { Self.scale(result, sites, head.width, by: factors, count) }
                MatrixProducts.multiply(
                    Matrix(UnsafePointer(x + (head.v + start)), stride: sites),
                    Matrix(UnsafePointer(scores), stride: Self.keys, isTransposed: true), into: result, stride: sites,
                    rows: head.width, columns: count, inner: width, accumulates: start > 0, family: family)
            }
            for row in 0..<count {
                factors[row] = 1 / sums[row]
                if let saved { saved.pointer[index / tiles * sites + first + row] = maxima[row] + log(sums[row]) }
            }
            Self.scale(result, sites, head.width, by: factors, count)
        }
    }

    /// Turns scores into weights e^(score - maximum) and adds them to the sum.
    /// - Returns: by what earlier weights change because the maximum did.
    @inline(__always)
    private static func weigh(
        _ scores: UnsafeMutablePointer<Float>, _ count: Int, _ maximum: inout Float, _ sum: inout Float
    ) -> Float {
        let padded = (count &+ 7) & ~7
        for index in count..<padded { scores[index] = -.infinity }
        let raw = UnsafeMutableRawPointer(scores)
        var largest = SIMD8<Float>(repeating: maximum)
        for byte in stride(from: 0, to: padded &* 4, by: 32) {
            let s = raw.loadUnaligned(fromByteOffset: byte, as: SIMD8<Float>.self)
            largest.replace(with: s, where: s .> largest)
        }
        let old = maximum
        maximum = largest.max()
        var total = SIMD8<Float>.zero
        for byte in stride(from: 0, to: padded &* 4, by: 32) {
            let weights = exponential(raw.loadUnaligned(fromByteOffset: byte, as: SIMD8<Float>.self) - maximum)
            raw.storeBytes(of: weights, toByteOffset: byte, as: SIMD8<Float>.self)
            total += weights
        }
        let factor = exponential(old - maximum)
        sum = sum * factor + total.sum()
        return factor
    }

    @inline(__always)
    private static func scale(
        _ target: UnsafeMutablePointer<Float>, _ stride: Int, _ rows: Int, by factors: UnsafePointer<Float>,
        _ count: Int
    ) {
        for row in 0..<rows {
            let to = target + row &* stride
            for column in 0..<count { to[column] *= factors[column] }
        }
    }

    // MARK: Backward

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let out = context.outputShapes[0], family = context.signature.kernels.family
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let dy = SharedPointer(gradient), dx = SharedPointer(target), saved = SharedPointer(context.saved)
        let adds = context.accumulates[0]
        // One task per head, as all its queries add to the gradients of all its keys.
        context.parallelWithScratch(out.images * heads) { index, scratch in
            let head = head(index, out), sites = head.sites
            let weights = scratch, changes = scratch + Self.queries * Self.keys
            let means = changes + Self.queries * Self.keys
            func part(_ base: SharedPointer<Float>, _ offset: Int) -> Matrix {
                Matrix(UnsafePointer(base + offset), stride: sites)
            }
            for first in stride(from: 0, to: sites, by: Self.queries) {
                let count = min(Self.queries, sites - first)
                let q = part(x, head.q + first), dout = part(dy, head.out + first)
                let logs = saved + (index * sites + first)
                // Σ over keys of weight · its gradient, which is the result times its gradient.
                means.update(repeating: 0, count: count)
                for channel in 0..<head.width {
                    let result = y + (head.out + first + channel * sites)
                    let change = dy + (head.out + first + channel * sites)
                    for row in 0..<count { means[row] += result[row] * change[row] }
                }
                for start in stride(from: 0, to: sites, by: Self.keys) {
                    let width = min(Self.keys, sites - start)
                    let k = part(x, head.k + start), v = part(x, head.v + start)
                    MatrixProducts.multiply(
                        q.transposed, k, into: weights, stride: Self.keys, rows: count, columns: width,
                        inner: head.width, scale: head.scale, family: family)
                    MatrixProducts.multiply(
                        dout.transposed, v, into: changes, stride: Self.keys, rows: count, columns: width,
                        inner: head.width, family: family)
                    for row in 0..<count {
                        Self.differentiate(
                            weights + row &* Self.keys, changes + row &* Self.keys, width, log: logs[row],
                            mean: means[row])
                    }
                    let p = Matrix(UnsafePointer(weights), stride: Self.keys)
                    let ds = Matrix(UnsafePointer(changes), stride: Self.keys)
                    MatrixProducts.multiply(
                        dout, p, into: dx + (head.v + start), stride: sites, rows: head.width, columns: width,
                        inner: count, accumulates: adds || first > 0, family: family)
                    MatrixProducts.multiply(
                        q, ds, into: dx + (head.k + start), stride: sites, rows: head.width, columns: width,
                        inner: count, scale: head.scale, accumulates: adds || first > 0, family: family)
                    MatrixProducts.multiply(
                        k, ds.transposed, into: dx + (head.q + first), stride: sites, rows: head.width,
                        columns: count, inner: width, scale: head.scale, accumulates: adds || start > 0, family: family)
                }
            }
        }
    }

    /// Turns scores into weights again, and gradients of weights into those of scores.
    @inline(__always)
    private static func differentiate(
        _ scores: UnsafeMutablePointer<Float>, _ changes: UnsafeMutablePointer<Float>, _ count: Int, log: Float,
        mean: Float
    ) {
        // Numbers beyond the last key are worked on too, and read by no one.
        let s = UnsafeMutableRawPointer(scores), c = UnsafeMutableRawPointer(changes)
        for byte in stride(from: 0, to: count &* 4, by: 32) {
            let weights = exponential(s.loadUnaligned(fromByteOffset: byte, as: SIMD8<Float>.self) - log)
            let change = c.loadUnaligned(fromByteOffset: byte, as: SIMD8<Float>.self)
            s.storeBytes(of: weights, toByteOffset: byte, as: SIMD8<Float>.self)
            c.storeBytes(of: weights * (change - mean), toByteOffset: byte, as: SIMD8<Float>.self)
        }
    }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        4 * outputs[0].count * outputs[0].pixels
    }
}

extension Tape {
    /// Attention of several heads between all sites of each image: softmax(qᵀk · scale) weighs the values.
    ///
    /// - Parameters:
    ///   - qkv: queries, keys and values, [N, 3 · C, space…].
    ///   - heads: a divisor of C; each has C / heads channels.
    ///   - layout: how heads share the channels.
    ///   - scale: of the scores; 1/√(C / heads) unless given.
    /// - Returns: [N, C, space…], heads one behind another.
    /// - Throws: `Diagnostic` naming the shape that does not fit.
    public func attention(
        _ qkv: Value, heads: Int, layout: AttentionLayout = .interleaved, scale: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(Attention(heads: heads, layout: layout, scale: scale), qkv)
    }
}
