import LucencyFoundation

/// How a codebook follows the vectors that hit its codes, by moving averages (van den Oord et al. 2017, appendix A.1).
///
/// N ← γN + (1 - γ) · count, m ← γm + (1 - γ) · Σz, then each code is m / N̂ with N̂ = (N + ε) / (ΣN + Kε) · ΣN.
public struct CodebookAverage: Hashable, Sendable {
    /// γ, in 0..<1: how much of the past stays.
    public var decay: Float
    /// ε, which keeps codes that nothing hits from a division by 0.
    public var epsilon: Float

    /// The defaults are those of BS-LDM's public code; elsewhere a decay of 0.99 is usual.
    public init(decay: Float = 0.5, epsilon: Float = 1e-5) {
        self.decay = decay
        self.epsilon = epsilon
    }

    /// The state that moving averages keep besides the codebook.
    public struct State: Hashable, Sendable {
        /// N [K]: the averaged number of hits.
        public var sizes: Tensor
        /// m [K, D]: the averaged sums of vectors.
        public var sums: Tensor

        public init(sizes: Tensor, sums: Tensor) {
            self.sizes = sizes
            self.sums = sums
        }

        /// Where averages begin: N = 1 for every code and m = the codebook, so that codes not hit at first stay in reach.
        /// - Parameter size: 0 is what the published code begins with; codes not hit in the first update then leap far away.
        /// - Throws: `Diagnostic` when the codebook is no matrix.
        public init(of codebook: Tensor, size: Float = 1) throws(Diagnostic) {
            guard codebook.shape.rank == 2 else {
                throw Diagnostic(.shapeMismatch, "a codebook is [codes, width], not \(codebook.shape)")
            }
            sizes = Tensor(try Shape([codebook.shape[0]]), repeating: size)
            sums = codebook
        }
    }

    /// Moves the averages by one batch.
    ///
    /// - Parameters:
    ///   - counts, sums: of the batch, as `Quantization` has them; those of several workers are added before.
    /// - Throws: `Diagnostic` when shapes do not belong together, or the batch holds what is not finite. Nothing has changed
    ///   then.
    public func update(
        codebook: inout Tensor, state: inout State, counts: Tensor, sums: Tensor
    ) throws(Diagnostic) {
        let shape = codebook.shape
        guard shape.rank == 2, state.sums.shape == shape, sums.shape == shape,
            state.sizes.shape.dimensions == [shape[0]], counts.shape == state.sizes.shape
        else {
            throw Diagnostic(
                .shapeMismatch,
                "a codebook \(shape) does not go with sizes \(state.sizes.shape), sums \(state.sums.shape) and a batch of "
                    + "\(counts.shape) and \(sums.shape)")
        }
        guard counts.array.allSatisfy(\.isFinite), sums.array.allSatisfy(\.isFinite) else {
            throw Diagnostic(.notFinite, "the vectors to be quantised hold NaN or infinity")
        }
        let codes = shape[0], width = shape[1]
        var sizes = state.sizes.array, averages = state.sums.array, rows = codebook.array
        let batchCounts = counts.array, batchSums = sums.array
        for code in 0..<codes { sizes[code] = decay * sizes[code] + (1 - decay) * batchCounts[code] }
        let total = sizes.reduce(0.0) { $0 + Double($1) }
        for code in 0..<codes {
            let smoothed =
                (Double(sizes[code]) + Double(epsilon)) / (total + Double(codes) * Double(epsilon)) * total
            for index in code * width..<(code + 1) * width {
                averages[index] = decay * averages[index] + (1 - decay) * batchSums[index]
                rows[index] = Float(Double(averages[index]) / smoothed)
            }
        }
        // A batch in which nothing was ever hit leaves no total to divide by.
        guard total > 0 else { return }
        state.sizes = try Tensor([codes], sizes)
        state.sums = try Tensor(shape.dimensions, averages)
        codebook = try Tensor(shape.dimensions, rows)
    }
}
