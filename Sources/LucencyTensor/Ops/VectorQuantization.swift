import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Replaces the vector of each site by the nearest of a codebook (van den Oord et al. 2017, "Neural discrete representation
/// learning").
///
/// Inputs: z [N, D, space...], codebook [K, D]. Results in the order of `Result`. Distances are summed in float32, channel by
/// channel; among equals the lowest index wins.
struct VectorQuantization: Operation {
    enum Result: Int, CaseIterable { case quantised, commitment, codebookLoss, perplexity, indices, counts, sums }

    let beta: Float

    var name: String { "vector-quantization" }
    var backwardReads: BackwardReads {
        BackwardReads(
            inputs: nil, outputs: [Result.quantised.rawValue, Result.counts.rawValue, Result.sums.rawValue])
    }
    var addsGradients: Bool { true }

    /// Sites of a task.
    private static let piece = 512

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let (z, codebook) = (inputs[0], inputs[1])
        guard z.rank >= 2, codebook.rank == 2, z.channels == codebook[1] else {
            throw mismatch("needs N, D, space and a codebook [K, D]", z, codebook)
        }
        return [
            z, .scalar, .scalar, .scalar, try Shape([z.images] + z.spatial), try Shape([codebook[0]]), codebook,
        ]
    }

    /// Pieces of the sites of each image.
    private func pieces(_ z: Shape) -> Int { (z.pixels + Self.piece - 1) / Self.piece }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let z = signature.inputs[0]
        // In float64: one sum of squares per piece; the sums of each channel over the sites of each code.
        return OperationMemory(
            forwardScratch: 2 * (z.images * pieces(z) + signature.inputs[1].count), workerScratch: 2 * Self.piece)
    }

    func forward(_ context: OperationContext) {
        let z = context.inputShapes[0], codes = context.inputShapes[1][0], width = z.channels, sites = z.pixels
        let pieces = pieces(z)
        let x = SharedPointer(context.inputs[0]), codebook = SharedPointer(context.inputs[1])
        let output = { (result: Result) in SharedPointer(context.outputs[result.rawValue]) }
        let quantised = output(.quantised), indices = output(.indices)
        let doubles = z.images * pieces + codes * width
        let squares = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: doubles))
        context.parallelWithScratch(z.images * pieces) { index, scratch in
            let image = index / pieces, first = index % pieces * Self.piece, count = min(Self.piece, sites - first)
            let from = x + (image * width * sites + first), found = indices + (image * sites + first)
            Self.nearest(from, sites, count, codebook + 0, codes, width, scratch, found)
            var sum = 0.0
            for channel in 0..<width {
                let to = quantised + ((image * width + channel) * sites + first), old = from + channel * sites
                for site in 0..<count {
                    // What has no nearest code stays not a number.
                    let code = found[site]
                    to[site] = code >= 0 ? codebook.pointer[Int(code) &* width &+ channel] : .nan
                    let difference = Double(to[site] - old[site])
                    sum += difference * difference
                }
            }
            squares.pointer[index] = sum
        }
        var total = 0.0
        for index in 0..<z.images * pieces { total += squares.pointer[index] }
        let mean = total / Double(z.count)
        context.outputs[Result.commitment.rawValue].pointee = Float(Double(beta) * mean)
        context.outputs[Result.codebookLoss.rawValue].pointee = Float(mean)
        count(context, squares + z.images * pieces)
    }

    /// The nearest code of each site, or NaN where no distance is a number.
    private static func nearest(
        _ z: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ codebook: UnsafePointer<Float>, _ codes: Int,
        _ width: Int, _ scratch: UnsafeMutablePointer<Float>, _ found: UnsafeMutablePointer<Float>
    ) {
        let distances = scratch, least = scratch + piece
        least.update(repeating: .infinity, count: count)
        found.update(repeating: .nan, count: count)
        for code in 0..<codes {
            distances.update(repeating: 0, count: count)
            for channel in 0..<width {
                let from = z + channel &* stride, value = codebook[code &* width &+ channel]
                for site in 0..<count {
                    let difference = from[site] - value
                    distances[site] += difference * difference
                }
            }
            let number = Float(code)
            for site in 0..<count {
                let isNearer = distances[site] < least[site]
                least[site] = isNearer ? distances[site] : least[site]
                found[site] = isNearer ? number : found[site]
            }
        }
    }

    /// How often each code was hit, the sums of the vectors that hit it, and the perplexity.
    private func count(_ context: OperationContext, _ doubles: UnsafeMutablePointer<Double>) {
        let z = context.inputShapes[0], codes = context.inputShapes[1][0], width = z.channels, sites = z.pixels
        let indices = SharedPointer(context.outputs[Result.indices.rawValue])
        let counts = context.outputs[Result.counts.rawValue]
        counts.update(repeating: 0, count: codes)
        var isComplete = true
        for site in 0..<z.images * sites {
            let code = indices.pointer[site]
            if code >= 0 { counts[Int(code)] += 1 } else { isComplete = false }
        }
        guard isComplete else {
            // Nobody shall learn from such a batch without noticing.
            counts.update(repeating: .nan, count: codes)
            context.outputs[Result.sums.rawValue].update(repeating: .nan, count: codes * width)
            context.outputs[Result.perplexity.rawValue].pointee = .nan
            return
        }
        let x = SharedPointer(context.inputs[0]), sums = SharedPointer(doubles)
        let result = SharedPointer(context.outputs[Result.sums.rawValue])
        context.parallel(width) { channel in
            let sums = sums + channel * codes
            sums.update(repeating: 0, count: codes)
            for image in 0..<z.images {
                let from = x + (image * width + channel) * sites, found = indices + image * sites
                for site in 0..<sites { sums[Int(found[site])] += Double(from[site]) }
            }
            for code in 0..<codes { result.pointer[code &* width &+ channel] = Float(sums[code]) }
        }
        var entropy = 0.0
        for code in 0..<codes {
            let p = Double(counts[code]) / Double(z.images * sites)
            entropy -= p * log(p + 1e-10)
        }
        context.outputs[Result.perplexity.rawValue].pointee = Float(exp(entropy))
    }

    func backward(_ context: OperationContext) {
        let z = context.inputShapes[0], codes = context.inputShapes[1][0], width = z.channels
        func gradient(_ result: Result) -> Float {
            context.outputGradients[result.rawValue]?.pointee ?? 0
        }
        if let target = context.inputGradients[0] {
            // Straight through; and the commitment pulls z towards its code.
            let upstream = context.outputGradients[Result.quantised.rawValue].map { SharedPointer($0) }
            let factor = gradient(.commitment) * 2 * beta / Float(z.count), adds = context.accumulates[0]
            let x = SharedPointer(context.inputs[0]), q = SharedPointer(context.outputs[Result.quantised.rawValue])
            let dx = SharedPointer(target), chunk = 1 << 14
            context.parallel((z.count + chunk - 1) / chunk) { index in
                for element in index * chunk..<min(z.count, (index + 1) * chunk) {
                    var value = factor * (x.pointer[element] - q.pointer[element])
                    if let upstream { value += upstream.pointer[element] }
                    dx.pointer[element] = adds ? dx.pointer[element] + value : value
                }
            }
        }
        if let target = context.inputGradients[1] {
            let factor = gradient(.codebookLoss) * 2 / Float(z.count), codebook = context.inputs[1]
            let counts = context.outputs[Result.counts.rawValue], sums = context.outputs[Result.sums.rawValue]
            for code in 0..<codes {
                for index in code * width..<(code + 1) * width {
                    let value = factor * (counts[code] * codebook[index] - sums[index])
                    target[index] = context.accumulates[1] ? target[index] + value : value
                }
            }
        }
    }
}

/// What `Tape.vectorQuantization` gives.
public struct Quantization: Sendable {
    /// The nearest codes, [N, D, space…]. Its gradient goes to z unchanged.
    public let quantised: Value
    /// β · mean (z - code)², whose gradient goes to z only.
    public let commitmentLoss: Value
    /// mean (z - code)², whose gradient goes to the codebook only; for codebooks that learn by gradient.
    public let codebookLoss: Value
    /// e to the entropy (natural logarithm) of how often codes are used: 1 … K.
    public let perplexity: Value
    /// The code of each site, [N, space…]: whole numbers held as floats, NaN where z is not finite.
    public let indices: Value
    /// How many sites each code has, [K], and the sums of their vectors, [K, D]: for `CodebookAverage`. NaN where a site has
    /// no code.
    public let counts: Value
    public let sums: Value
}

extension Tape {
    /// Replaces the vector of each site of z [N, D, space…] by the nearest row of a codebook [K, D]; the lowest row among
    /// equals.
    /// - Parameter beta: weight of the commitment loss.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func vectorQuantization(
        _ z: Value, codebook: Value, beta: Float = 0.25
    ) throws(Diagnostic) -> Quantization {
        let results = try record(VectorQuantization(beta: beta), [z, codebook])
        func value(_ result: VectorQuantization.Result) -> Value { results[result.rawValue] }
        return Quantization(
            quantised: value(.quantised), commitmentLoss: value(.commitment), codebookLoss: value(.codebookLoss),
            perplexity: value(.perplexity), indices: value(.indices), counts: value(.counts), sums: value(.sums))
    }
}
