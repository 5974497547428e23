import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// The losses of Gaussian mixtures against golden numbers, and what must hold of them whatever the numbers are.
@Suite struct GaussianMixtureTests {
    /// A scene with labels where -1 is unlabelled.
    private struct Scene {
        var logits: Tensor
        var features: Tensor
        var labels: Tensor
        var inside: Tensor
        var absent: Tensor

        var classes: Int { logits.shape.channels }
    }

    private struct Run {
        let values: [String: Double]
        let memberships: [Float]
        let gradLogits: [Float]
        let gradFeatures: [Float]
        var total: Double { values.values.reduce(0, +) }
    }

    private static func run(
        _ scene: Scene, _ mixture: GaussianMixture = GaussianMixture(), family: KernelFamily = .best, threads: Int = 1
    ) throws -> Run {
        let tape = Tape(.training)
        let logits = tape.input("logits", scene.logits.shape), features = tape.input("features", scene.features.shape)
        let labels = tape.input("labels", scene.labels.shape)
        let inputs = try mixture.inputs(on: tape, logits: logits.shape)
        let made = try mixture.record(on: tape, logits: logits, features: features, inputs: inputs)
        let parts = [
            "seg": try tape.crossEntropy(logits, labels: labels, ignoring: -1), "absent": made.absent,
            "self": made.mutual, "supervisedMixture": made.supervised, "separation": made.separation,
        ]
        var total: Value?
        for part in parts.sorted(by: { $0.key < $1.key }) {
            total = try total.map { try tape.add($0, part.value) } ?? part.value
        }
        let loss = try #require(total)
        let plan = try TensorPlan(
            tape, outputs: Array(parts.values) + [made.memberships], gradientsOf: loss,
            inputGradients: [logits, features], options: .init(kernels: Kernels(family: family)))
        let workspace = try Workspace(
            plan, parameters: Parameters([], seed: 0), pool: ThreadPool(threads: threads))
        try workspace.run([
            logits: scene.logits, features: scene.features, labels: scene.labels, inputs.inside: scene.inside,
            inputs.absent: scene.absent,
            inputs.labelled: GaussianMixture.labelled(scene.labels, classes: scene.classes),
        ])
        return Run(
            values: try parts.mapValues { Double(try workspace.tensor($0).scalar) },
            memberships: try workspace.tensor(made.memberships).array,
            gradLogits: try workspace.gradient(of: logits).array,
            gradFeatures: try workspace.gradient(of: features).array)
    }

    /// Some labelled pixels among many, in the plane or in a volume, the last row void.
    private static func scene(_ space: [Int], coarse: [Int]? = nil, classes: Int = 3) throws -> Scene {
        var random = PhiloxStream(seed: 2, stream: "scene")
        let images = 2, pixels = space.reduce(1, *), rows = space[0]
        let labels = (0..<images * pixels).map { index -> Float in
            let isVoid = index % pixels / (pixels / rows) == rows - 1
            return isVoid || random.uniform() > 0.2 ? -1 : Float(random.int(in: 0...classes - 1))
        }
        let inside = (0..<images * pixels).map { $0 % pixels / (pixels / rows) == rows - 1 ? Float(0) : 1 }
        return Scene(
            logits: .normal(try Shape([images, classes] + space), from: &random),
            features: .normal(try Shape([images, 5] + (coarse ?? space)), from: &random),
            labels: try Tensor([images] + space, labels), inside: try Tensor([images, 1] + space, inside),
            absent: try Tensor(
                [images, classes] + space.map { _ in 1 }, (0..<images * classes).map { $0 == 1 ? 1 : 0 }))
    }

    // MARK: Golden numbers

    @Test(arguments: ["code", "batchMean", "batchMean_variance"])
    func `losses, memberships and gradients are the golden ones`(_ name: String) throws {
        let golden = try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "agmm.json"))
        let item = try #require(golden["cases"]?.arrayValue?.first { $0["name"]?.stringValue == name })
        let unlabelled = try #require(golden["unlabelled"]?.intValue), void = try #require(golden["void"]?.intValue)
        func tensor(_ name: String) throws -> Tensor {
            let value = try #require(golden[name])
            return try Tensor(value.tensorShape, value.tensorData.map { Float($0) })
        }
        let labels = try tensor("labels"), classes = try tensor("imageClasses")
        let scene = Scene(
            logits: try tensor("logits"), features: try tensor("features"),
            labels: try Tensor(labels.shape.dimensions, labels.array.map { Int($0) >= unlabelled ? -1 : $0 }),
            inside: try Tensor(
                [2, 1] + labels.shape.dimensions.dropFirst(), labels.array.map { Int($0) == void ? 0 : 1 }),
            absent: try Tensor(classes.shape.dimensions + [1, 1], classes.array.map { 1 - $0 }))
        let mixture = GaussianMixture(
            separation: name == "code" ? .code : .batchMean, adaptsVariance: name.hasSuffix("variance"),
            excludesVoid: false)
        for family in KernelFamily.available {
            let run = try Self.run(scene, mixture, family: family, threads: 2)
            for (part, value) in run.values {
                let expected = try #require(item[part]?.doubleValue)
                #expect(abs(value - expected) <= 1e-5 * max(1, expected), "\(part): \(value), not \(expected)")
            }
            #expect(Self.difference(run.memberships, item["responses"]) <= 1e-5)
            #expect(Self.difference(run.gradLogits, item["gradLogits"]) <= 1e-5)
            #expect(Self.difference(run.gradFeatures, item["gradFeatures"]) <= 1e-5)
        }
    }

    private static func difference(_ found: [Float], _ expected: JSONValue?) -> Double {
        let expected = expected?.tensorData ?? []
        guard found.count == expected.count else { return .infinity }
        return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    }

    // MARK: Properties

    @Test(arguments: [[6, 8], [4, 6, 4]])
    func `memberships lie in 0 to 1, and are 0 for classes without labels`(_ space: [Int]) throws {
        var scene = try Self.scene(space, coarse: space.map { $0 / 2 })
        // No pixel of class 2 in the second image.
        let pixels = space.reduce(1, *), labels = scene.labels.array
        scene.labels = try Tensor(
            [2] + space, labels.enumerated().map { $0 >= pixels && $1 == 2 ? -1 : $1 })
        for mixture in [GaussianMixture(), GaussianMixture(adaptsVariance: true), GaussianMixture(excludesVoid: false)]
        {
            let run = try Self.run(scene, mixture)
            #expect(run.memberships.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-6 })
            #expect(run.memberships.suffix(pixels).allSatisfy { $0 == 0 })
            #expect(run.values.values.allSatisfy { $0.isFinite } && run.gradFeatures.allSatisfy { $0.isFinite })
        }
    }

    @Test func `the only labelled pixel of a class belongs to it`() throws {
        var scene = try Self.scene([6, 8])
        var labels = [Float](repeating: -1, count: 2 * 48)
        labels[10] = 1
        scene.labels = try Tensor([2, 6, 8], labels)
        let run = try Self.run(scene)
        #expect(abs(run.memberships[48 + 10] - 1) < 1e-6)
        #expect(run.values["separation"] == 0)
    }

    @Test func `constant features make all pixels members of all classes, and classes alike; far ones are apart`()
        throws
    {
        var scene = try Self.scene([6, 8])
        let inside = scene.inside.array
        scene.features = Tensor(scene.features.shape, repeating: 0.7)
        let run = try Self.run(scene)
        #expect(abs((run.values["separation"] ?? 0) - 1) < 1e-5)
        for (index, value) in run.memberships.enumerated() {
            let image = index / (3 * 48), expected = inside[image * 48 + index % 48]
            #expect(abs(value - expected) < 1e-5)
        }
        // Features that tell the label.
        let labels = scene.labels.array
        let telling = (0..<2 * 5 * 48).map { (index: Int) -> Float in
            let image = index / (5 * 48)
            return 20 * labels[image * 48 + index % 48]
        }
        scene.features = try Tensor([2, 5, 6, 8], telling)
        #expect(try #require(try Self.run(scene).values["separation"]) < 1e-6)
    }

    @Test func `permuting the classes leaves the losses`() throws {
        let scene = try Self.scene([6, 8])
        let order = [2, 0, 1]
        var permuted = scene
        func planes(_ tensor: Tensor, _ count: Int) -> [Float] {
            let numbers = tensor.array
            var planes: [Float] = []
            for image in 0..<2 {
                for number in order {
                    let first = (image * 3 + number) * count
                    planes += numbers[first..<first + count]
                }
            }
            return planes
        }
        permuted.logits = try Tensor(scene.logits.shape.dimensions, planes(scene.logits, 48))
        permuted.absent = try Tensor(scene.absent.shape.dimensions, planes(scene.absent, 1))
        let labels = scene.labels.array.map { label -> Float in Float(order.firstIndex(of: Int(label)) ?? -1) }
        permuted.labels = try Tensor([2, 6, 8], labels)
        for mixture in [GaussianMixture(), GaussianMixture(separation: .code, adaptsVariance: true)] {
            let before = try Self.run(scene, mixture), after = try Self.run(permuted, mixture)
            for (part, value) in before.values { #expect(abs(value - (after.values[part] ?? .nan)) < 1e-5, "\(part)") }
        }
    }

    @Test(arguments: [false, true])
    func `logits of void pixels change no loss and have no gradient`(_ excludesVoid: Bool) throws {
        var scene = try Self.scene([6, 8])
        let mixture = GaussianMixture(excludesVoid: excludesVoid)
        let before = try Self.run(scene, mixture)
        let isVoid = { (index: Int) in index % 48 >= 40 }
        scene.logits = try Tensor(
            scene.logits.shape.dimensions, scene.logits.array.enumerated().map { isVoid($0) ? 9 - $1 : $1 })
        let after = try Self.run(scene, mixture)
        #expect(before.values == after.values)
        #expect(after.gradLogits.enumerated().allSatisfy { !isVoid($0) || $1 == 0 })
    }

    @Test func `without a labelled pixel nothing but the absent classes costs, and void alone costs nothing`() throws {
        var scene = try Self.scene([6, 8])
        scene.labels = Tensor(scene.labels.shape, repeating: -1)
        let run = try Self.run(scene)
        for part in ["seg", "self", "supervisedMixture", "separation"] { #expect(run.values[part] == 0, "\(part)") }
        #expect(run.values["absent"] ?? 0 > 0)
        scene.inside = Tensor(scene.inside.shape, repeating: 0)
        #expect(try Self.run(scene).total == 0)
    }

    @Test func `numbers do not depend on threads`() throws {
        let scene = try Self.scene([6, 8], coarse: [3, 4])
        let one = try Self.run(scene), two = try Self.run(scene, threads: 2)
        #expect(one.values == two.values && one.gradFeatures == two.gradFeatures)
    }

    // MARK: Networks

    @Test func `networks tell what their classifiers read, and nothing else about them changes`() throws {
        let residual = ResidualEncoderUNet(
            inputChannels: 1, classes: 3, channels: [6, 8], kernels: [[3, 3], [3, 3]], strides: [[1, 1], [2, 2]],
            blocks: [1, 1], decoderConvolutions: [1])
        var plain = UNet(classes: 3, channels: [4, 8, 8])
        plain.scales = 2
        for (network, width) in [(plain, 4), (residual, 6)] as [(any Network, Int)] {
            let tape = Tape(.training), x = tape.input("x", try Shape([2, 1, 16, 16]))
            let (results, features) = try network.withFeatures(x, Scope(tape))
            #expect(features?.shape.dimensions == [2, width, 16, 16])
            let other = Tape(.training)
            let same = try network(other.input("x", try Shape([2, 1, 16, 16])), Scope(other))
            #expect(results == same && tape.parameters == other.parameters)
        }
    }
}
