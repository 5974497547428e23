import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// The autoencoder of BS-LDM and its discriminator against the public code (see the fixtures' README), and their sizes.
@Suite struct BoneSuppressionGoldenTests {
    private static func weights(_ declarations: [ParameterDeclaration]) -> Int {
        declarations.reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) }
    }

    @Test func `the published networks have as many weights as published`() throws {
        #expect(try Self.weights(VectorAutoencoder().declarations()) == 38_325_509)
        #expect(try Self.weights(PatchDiscriminator().declarations()) == 2_763_585)
        // Declared, not allocated: the estimator's weights alone are 1.5 GB.
        let all = try Self.weights(LatentDiffusion().declarations())
        #expect(all - 38_325_509 == 382_978_184)
    }

    /// The layer's name in the fixture, which numbers activations too.
    private static func fixtureName(_ name: String) -> String {
        var parts = name.split(separator: ".").map(String.init)
        guard parts.count > 1, let layer = Int(parts[1]) else { return name }
        let encoder = [0, 2, 3, 4, 6, 7, 8, 10, 11, 12], decoder = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11]
        parts[1] = String(parts[0] == "encoder" ? encoder[layer] : decoder[layer])
        parts[0] = parts[0] == "encoder" ? "ae.enc" : "ae.dec"
        return parts.joined(separator: ".")
    }

    @Test(arguments: EngineSetting.families) func `a step of the autoencoder and its discriminator is the reference's`(
        _ setting: EngineSetting
    ) throws {
        let golden = try DiffusionGoldenTests.tensors("bsldm/autoencoder_step")
        var network = VectorAutoencoder(channels: [8, 12, 16], hidden: 16)
        network.codes = 16
        let discriminator = PatchDiscriminator(base: 8)
        let x = try golden.tensor("x"), options = TensorPlan.Options(kernels: setting.kernels)
        let pool = ThreadPool(threads: setting.threads)
        // Generator: the discriminator takes part without learning.
        let tape = Tape(.training), scope = Scope(tape), input = tape.input("x", x.shape)
        let z = try network.encode(input, scope), q = try network.quantise(z, scope)
        let recon = try network.decode(q.quantised, scope)
        let fake = try discriminator(recon, scope["disc"]["net"].frozen)
        let l1 = try tape.meanAbsoluteError(recon, input)
        let gen = try tape.leastSquares(fake, target: 1)
        let total = try tape.add(tape.add(l1, q.commitmentLoss), tape.scale(gen, by: 0.01))
        let plan = try TensorPlan(
            tape, outputs: [z, q.indices, recon, fake, l1, q.commitmentLoss, gen], gradientsOf: total, options: options)
        // Discriminator, on the same images: here it learns.
        let own = Tape(.training), real = own.input("real", x.shape), made = own.input("fake", x.shape)
        let place = Scope(own)["disc"]["net"]
        let onFake = try discriminator(made, place), onReal = try discriminator(real, place)
        let declarations = tape.parameters.filter { !$0.name.hasPrefix("disc.") } + own.parameters
        let parameters = try Parameters(declarations, seed: 0)
        for declaration in declarations {
            let name = declaration.name
            if name == "codebook" { try parameters.set(name, to: golden.tensor("codebook")) }
            if let tensor = golden.tensors[Self.fixtureName(name)] { try parameters.set(name, to: tensor) }
        }
        let before = parameters["codebook"]
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        try workspace.run([input: x])
        var errors: [String: Double] = [:]
        for (name, value) in [
            ("z", z), ("recon", recon), ("logits_fake", fake), ("loss.l1", l1), ("loss.quant", q.commitmentLoss),
            ("loss.gen", gen), ("loss.total_without_perceptual", total),
        ] {
            errors[name] = try workspace.tensor(value).error(against: golden.tensor(name))
        }
        #expect(try workspace.tensor(q.indices).array == golden.tensor("indices").array)
        var compared = 0
        for declaration in tape.parameters where declaration.isTrainable {
            let name = "ae.grad." + Self.fixtureName(declaration.name).dropFirst(3)
            guard let reference = golden.tensors[name] else { continue }
            errors[name] = try workspace.gradient(of: declaration.name).error(against: reference)
            compared += 1
        }
        #expect(compared == golden.names("ae.grad.").count)
        #expect(parameters["codebook"] == before)
        #expect(try workspace.gradient(of: "disc.net.0.weight").array.allSatisfy { $0 == 0 })

        let loss = try own.scale(
            own.add(own.leastSquares(onFake, target: 0), own.leastSquares(onReal, target: 1)), by: 0.5)
        let scaled = try own.scale(loss, by: 0.01)
        let second = try Workspace(
            TensorPlan(own, outputs: [onReal, loss], gradientsOf: scaled, options: options), parameters: parameters,
            pool: pool)
        try second.run([real: x, made: workspace.tensor(recon)])
        errors["logits_real"] = try second.tensor(onReal).error(against: golden.tensor("logits_real"))
        errors["loss.disc"] = try second.tensor(loss).error(against: golden.tensor("loss.disc"))
        for name in golden.names("disc.grad.") {
            errors["disc.grad." + name] = try second.gradient(of: "disc." + name)
                .error(against: golden.tensor("disc.grad." + name))
        }
        for (name, error) in errors { #expect(error <= 1e-5, "\(name)") }
        print("golden autoencoder_step \(setting): \(errors.values.max() ?? 0)")
    }

    @Test func `an untrained estimator finds no noise at all`() throws {
        var estimator = NoiseEstimator()
        (estimator.base, estimator.multipliers, estimator.blocks) = (16, [1, 2], 1)
        (estimator.attentionFactors, estimator.heads, estimator.groups) = ([2], 4, 8)
        let tape = Tape(.inference), x = tape.input("x", try Shape([1, 8, 8, 8]))
        let time = tape.input("t", try Shape([1, 16]))
        let out = try estimator(x, time: time, Scope(tape))
        let workspace = try Workspace(
            TensorPlan(tape, outputs: [out], options: .init(kernels: Kernels(family: .best))),
            parameters: Parameters(tape.parameters, seed: 3), pool: .serial)
        var stream = PhiloxStream(seed: 1, stream: "x")
        try workspace.run([x: Tensor.normal(x.shape, from: &stream), time: Tensor.timeEmbedding([500], width: 16)])
        #expect(try workspace.tensor(out).array.allSatisfy { $0 == 0 })
    }

    @Test func `settings that contradict each other are refused`() {
        var model = LatentDiffusion()
        model.autoencoder.latent = 3
        model.endsInNoise = true
        #expect(model.problems().count == 2)
        #expect(throws: Diagnostic.self) { try model.declarations() }
        #expect(throws: DiagnosticList.self) {
            try NetworkRegistry.network("latent-diffusion", ["times": 0])
        }
    }
}
