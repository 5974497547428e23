import LucencyFoundation
import LucencyTensor
import Support
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Attention against the plain formula in float64, with more sites than a tile has.
@Suite struct AttentionTests {
    /// Result and gradient of Σ upstream · result, site by site.
    private static func reference(
        _ x: Tensor, upstream: Tensor, heads: Int, layout: AttentionLayout, scale: Double? = nil
    ) -> (out: [Double], gradient: [Double]) {
        let images = x.shape[0], channels = x.shape[1] / 3, sites = x.shape.count / (images * 3 * channels)
        let width = channels / heads, x = x.array.map(Double.init), u = upstream.array.map(Double.init)
        let scale = scale ?? 1 / Double(width).squareRoot()
        var out = [Double](repeating: 0, count: u.count), gradient = [Double](repeating: 0, count: x.count)
        for image in 0..<images {
            for head in 0..<heads {
                func start(_ part: Int) -> Int {
                    let channel = layout == .interleaved ? (3 * head + part) * width : part * channels + head * width
                    return (image * 3 * channels + channel) * sites
                }
                let (q, k, v) = (start(0), start(1), start(2)), o = (image * channels + head * width) * sites
                for i in 0..<sites {
                    let scores = (0..<sites).map { j in
                        scale * (0..<width).reduce(0.0) { $0 + x[q + $1 * sites + i] * x[k + $1 * sites + j] }
                    }
                    let largest = scores.max() ?? 0, weights = scores.map { exp($0 - largest) }
                    let total = weights.reduce(0, +), p = weights.map { $0 / total }
                    for c in 0..<width {
                        out[o + c * sites + i] = (0..<sites).reduce(0.0) { $0 + p[$1] * x[v + c * sites + $1] }
                    }
                    let changes = (0..<sites).map { j in
                        (0..<width).reduce(0.0) { $0 + u[o + $1 * sites + i] * x[v + $1 * sites + j] }
                    }
                    let mean = zip(p, changes).reduce(0.0) { $0 + $1.0 * $1.1 }
                    for j in 0..<sites {
                        let ds = p[j] * (changes[j] - mean) * scale
                        for c in 0..<width {
                            gradient[v + c * sites + j] += p[j] * u[o + c * sites + i]
                            gradient[q + c * sites + i] += ds * x[k + c * sites + j]
                            gradient[k + c * sites + j] += ds * x[q + c * sites + i]
                        }
                    }
                }
            }
        }
        return (out, gradient)
    }

    private static func run(
        _ x: Tensor, upstream: Tensor, heads: Int, layout: AttentionLayout, setting: EngineSetting, scale: Float? = nil
    ) throws -> (out: Tensor, gradient: Tensor, bytes: Int) {
        let tape = Tape(.training), input = tape.input("x", x.shape)
        let out = try tape.attention(input, heads: heads, layout: layout, scale: scale)
        let plan = try TensorPlan(
            tape, outputs: [out], gradientsOf: tape.weightedSum(out, upstream),
            inputGradients: [input], options: .init(kernels: setting.kernels))
        let workspace = try Workspace(
            plan, parameters: Parameters([], seed: 0), pool: ThreadPool(threads: setting.threads))
        try workspace.run([input: x])
        return try (workspace.tensor(out), workspace.gradient(of: input), plan.bytes(threads: setting.threads))
    }

    private static func tensors(
        _ images: Int, _ channels: Int, _ space: [Int], scale: Float = 1
    ) throws -> (x: Tensor, upstream: Tensor) {
        var stream = PhiloxStream(seed: 5, stream: "attention")
        return try (
            .normal(Shape([images, 3 * channels] + space), standardDeviation: scale, from: &stream),
            .normal(Shape([images, channels] + space), from: &stream)
        )
    }

    /// Compares every family and number of threads with the plain formula.
    private static func compare(
        _ space: [Int], channels: Int, heads: Int, _ layout: AttentionLayout, scale: Float = 1, tolerance: Double
    ) throws {
        let (x, upstream) = try tensors(1, channels, space, scale: scale)
        let wanted = reference(x, upstream: upstream, heads: heads, layout: layout)
        let out = try Tensor(upstream.shape.dimensions, wanted.out.map { Float($0) })
        let gradient = try Tensor(x.shape.dimensions, wanted.gradient.map { Float($0) })
        for setting in EngineSetting.families {
            let found = try run(x, upstream: upstream, heads: heads, layout: layout, setting: setting)
            #expect(found.out.error(against: out) <= tolerance, "\(space), \(setting)")
            #expect(found.gradient.error(against: gradient) <= tolerance, "\(space), \(setting)")
        }
    }

    @Test func `many tiles of queries and keys give the plain formula`() throws {
        try Self.compare([19, 17], channels: 6, heads: 2, .interleaved, tolerance: 2e-6)
        try Self.compare([2, 3, 43], channels: 4, heads: 1, .splitFirst, tolerance: 2e-6)
        try Self.compare([256], channels: 3, heads: 3, .splitFirst, tolerance: 2e-6)
        try Self.compare([1], channels: 6, heads: 1, .interleaved, tolerance: 2e-6)
    }

    @Test func `scores of ±80 and more stay finite and right`() throws {
        // Products of numbers near ±6 in 16 channels bring scores to hundreds, whose rounding (5e-5) the exponentials show.
        try Self.compare([5, 53], channels: 16, heads: 1, .splitFirst, scale: 6, tolerance: 1e-4)
    }

    @Test(arguments: EngineSetting.families) func `equal scores average the values`(_ setting: EngineSetting) throws {
        let sites = 700
        let values = (0..<sites).map { Float($0) }, keys = [Float](repeating: 30, count: 2 * sites)
        let x = try Tensor([1, 3, sites], keys + values)
        let found = try Self.run(
            x, upstream: Tensor([1, 1, sites], keys.prefix(sites)), heads: 1, layout: .splitFirst, setting: setting,
            scale: 1)
        #expect(found.out.array.allSatisfy { abs($0 - 349.5) < 1e-3 })
        // Turning a query changes nothing where all keys are equal; its gradient is a sum of numbers up to 400.
        #expect(found.gradient.array.prefix(sites).allSatisfy { abs($0) < 0.5 })
    }

    @Test func `one and two threads give the same bytes`() throws {
        let (x, upstream) = try Self.tensors(2, 8, [21, 22])
        for family in KernelFamily.available {
            let results = try [1, 2].map { threads in
                try Self.run(
                    x, upstream: upstream, heads: 2, layout: .interleaved,
                    setting: EngineSetting(kernels: Kernels(family: family), threads: threads))
            }
            #expect(results[0].out == results[1].out)
            #expect(results[0].gradient == results[1].gradient)
        }
    }

    @Test func `memory grows with the sites, not with their square`() throws {
        let setting = EngineSetting.families[0]
        let bytes = try [4096, 16384].map { sites in
            let tape = Tape(.training), input = tape.input("x", try Shape([1, 24, sites]))
            let out = try tape.attention(input, heads: 1)
            let loss = try tape.weightedSum(out, Tensor(out.shape, repeating: 1))
            return try TensorPlan(
                tape, outputs: [out], gradientsOf: loss, inputGradients: [input],
                options: .init(kernels: setting.kernels)
            ).bytes(threads: 1)
        }
        // The full matrix of weights would be 1 GB at 16384 sites.
        #expect(bytes[1] < 5 * bytes[0])
        #expect(bytes[1] < 8 << 20)
    }

    @Test func `channels that heads do not divide are refused by name`() throws {
        let tape = Tape(.inference), x = tape.input("x", try Shape([1, 24, 5]))
        for heads in [0, 3, 16] {
            #expect { _ = try tape.attention(x, heads: heads) } throws: { "\($0)".contains("attention") }
        }
        #expect(throws: Diagnostic.self) { try tape.attention(tape.input("y", Shape([24, 3])), heads: 1) }
    }
}
