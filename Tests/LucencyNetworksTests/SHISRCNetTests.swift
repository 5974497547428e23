import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct SHISRCNetTests {
    private static func trainable(_ network: some Network) throws -> Int {
        try network.declarations().filter(\.isTrainable).reduce(0) { $0 + $1.shape.count }
    }

    @Test(
        arguments: [
            (2, MultiFeature.Gate.reference, 733_120), (4, .reference, 880_832), (8, .reference, 1_028_544),
            (2, .plain, 730_816), (4, .plain, 878_528), (8, .plain, 1_026_240),
        ])
    func `modules have as many parameters as the specification says`(
        _ factor: Int, _ gate: MultiFeature.Gate, _ count: Int
    ) throws {
        #expect(try Self.trainable(SuperResolver(factor: factor, gate: gate)) == count)
        #expect(try Self.trainable(SuperResolver(factor: factor, gate: gate, skip: .cubic)) == count)
        #expect(try Self.trainable(PatchClassifier()) == 615_778)
        #expect(try Self.trainable(SHISRCNet(factor: factor, gate: gate)) == count + 615_778)
    }

    @Test func `an image of 96 pixels becomes one of 384, two logits and a descriptor of 384 numbers`() throws {
        let tape = Tape(.inference), x = tape.input("x", try Shape([2, 3, 96, 96]))
        let network = SHISRCNet(factor: 4)
        let results = try network(x, Scope(tape))
        #expect(results.map(\.shape.dimensions) == [[2, 3, 384, 384], [2, 2]])
        let described = try network.classifier.withDescriptor(results[0], Scope(tape)["cf"])
        #expect(described.descriptor.shape.dimensions == [2, 384])
        #expect(network.results == [.image(factor: 4), .classes])
    }

    /// Runs a network at inference.
    private static func run(_ network: some Network, _ x: Tensor, result: Int = 0, seed: UInt64 = 3) throws -> Tensor {
        let tape = Tape(.inference), input = tape.input("x", x.shape)
        let out = try network(input, Scope(tape))[result]
        let plan = try TensorPlan(tape, outputs: [out], options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: network.parameters(seed: seed), pool: .serial)
        try workspace.run([input: x])
        return try workspace.tensor(out)
    }

    private static func noise(_ dimensions: [Int], seed: Float = 0.37) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor(dimensions, (0..<shape.count).map { 0.5 + 0.5 * sine(Float($0) * seed) })
    }

    /// Some periodic numbers in -1...1.
    private static func sine(_ x: Float) -> Float {
        let t = x - x.rounded(.down) - 0.5
        return 8 * t * (1 - 2 * abs(t)) * (t == 0 ? 0 : 1)
    }

    @Test func `with a cubic skip the network begins as the bicubic enlargement`() throws {
        var network = SuperResolver(factor: 4, skip: .cubic)
        network.features = 8
        network.blocks = 1
        let x = try Self.noise([1, 3, 6, 5])
        let tape = Tape(.inference), input = tape.input("x", x.shape)
        let cubic = try tape.resize(input, by: 4, .cubic(a: -0.5))
        let workspace = try Workspace(
            TensorPlan(tape, outputs: [cubic], options: .init(kernels: Kernels(family: .best))),
            parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([input: x])
        #expect(try Self.run(network, x).error(against: workspace.tensor(cubic)) == 0)
        network.skip = .none
        #expect(try Self.run(network, x).error(against: workspace.tensor(cubic)) > 0.1)
    }

    @Test func `an image's results do not depend on others in the batch`() throws {
        var network = SHISRCNet(factor: 2, gate: .reference)
        (network.features, network.blocks) = (8, 1)
        let one = try Self.noise([1, 3, 32, 32]), other = try Self.noise([1, 3, 32, 32], seed: 0.61)
        let both = try Tensor([2, 3, 32, 32], one.array + other.array)
        for result in 0..<2 {
            let alone = try Self.run(network, one, result: result).array
            let together = try Self.run(network, both, result: result).array
            let difference = zip(alone, together).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference <= 1e-5, "result \(result)")
            #expect(zip(alone, together.suffix(alone.count)).contains { abs($0 - $1) > 1e-4 }, "result \(result)")
        }
    }

    @Test(arguments: [[64, 64], [50, 39], [7, 9], [1, 1]])
    func `a classifier takes patches of any size`(_ size: [Int]) throws {
        let logits = try Self.run(PatchClassifier(classes: 3), Self.noise([1, 3] + size))
        #expect(logits.shape.dimensions == [1, 3])
        #expect(logits.array.allSatisfy { $0.isFinite })
    }

    @Test(arguments: [false, true])
    func `one image alone can be learnt from`(_ groupNorm: Bool) throws {
        var network = SHISRCNet(factor: 2, gate: .reference)
        (network.features, network.blocks, network.groupNormOnVectors) = (8, 1, groupNorm)
        let tape = Tape(.training), input = tape.input("x", try Shape([1, 3, 32, 32]))
        let results = try network(input, Scope(tape))
        let loss = try tape.add(tape.mean(tape.square(results[1])), tape.mean(tape.square(results[0])))
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: network.parameters(seed: 1), pool: .serial)
        try workspace.run([input: Self.noise([1, 3, 32, 32])])
        for declaration in tape.parameters where declaration.isTrainable {
            let gradient = try workspace.gradient(of: declaration.name).array
            #expect(gradient.allSatisfy { $0.isFinite }, "\(declaration.name)")
        }
        #expect(try workspace.gradient(of: "sr.head.weight").array.contains { $0 != 0 })
        #expect(try workspace.gradient(of: "cf.fuse.0.squeeze.0.0.weight").array.contains { $0 != 0 })
    }

    @Test func `gradients of the super-resolver agree with differences`() throws {
        var network = SuperResolver(factor: 2, skip: .cubic)
        (network.features, network.blocks) = (4, 1)
        try checkGradients(of: network, shape: try Shape([2, 3, 6, 7]))
    }

    @Test func `settings that contradict each other are reported`() {
        var network = SHISRCNet(factor: 3)
        network.classes = 0
        network.blocks = 0
        network.inputChannels = 0
        #expect(network.problems().count == 4)
        #expect(throws: Diagnostic.self) { try network.parameters(seed: 0) }
        #expect(PatchClassifier(classes: 2).problems().isEmpty)
    }

    /// The guide's own lines, in a place where they can be compiled and run.
    private func guide() throws {
        let network = SHISRCNet(factor: 4, skip: .cubic)
        let parameters = try network.parameters(seed: 1)
        let image = try Tensor(Shape([1, 3, 32, 32]), repeating: 0.5)
        let sharp = try Predictor(network, parameters: parameters)(image)
        let logits = try Predictor(network, parameters: parameters, result: 1)(image)
        #expect(sharp.shape.dimensions == [1, 3, 128, 128] && logits.shape.dimensions == [1, 2])
    }

    @Test func `the guide's lines run as they stand there`() throws {
        try guide()
        let page = try String(
            contentsOf: TestFiles.root.appending(path: "Sources/Lucency/Lucency.docc/SuperResolution.md"),
            encoding: .utf8)
        let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
        let lines = page.components(separatedBy: "```swift\n").dropFirst()
            .flatMap { ($0.components(separatedBy: "\n```").first ?? "").split(separator: "\n") }
        #expect(lines.count == 5)
        for line in lines { #expect(source.contains("        " + line + "\n"), "\(line)") }
    }
}
