import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Schedules and steps of sampling against the tables and steps of diffusers 0.27.2 (see the fixtures' README).
@Suite struct DiffusionGoldenTests {
    static func tensors(_ name: String) throws -> GoldenTensors {
        try GoldenTensors(TestFiles.fixture("LucencyNetworksTests", name + ".safetensors"))
    }

    static func json(_ name: String) throws -> JSONValue {
        let data = try Data(contentsOf: TestFiles.fixture("LucencyNetworksTests", name + ".json"))
        return try JSONValue(parsing: String(decoding: data, as: UTF8.self))
    }

    @Test(arguments: NoiseSchedule.Form.allCases, [false, true])
    func `tables of the noise are the reference's`(_ form: NoiseSchedule.Form, _ endsInNoise: Bool) throws {
        let golden = try Self.tensors("diffusion/tables")
        let schedule = try NoiseSchedule(form, endsInNoise: endsInNoise)
        let name = ["linear": "linear", "scaled-linear": "scaled_linear", "cosine": "cosine"][form.rawValue] ?? ""
        let suffix = endsInNoise ? "_zsnr" : ""
        let betas = try golden.tensor(name + suffix + ".betas").array
        let left = try golden.tensor(name + suffix + ".alphas_cumprod").array
        #expect(schedule.betas.count == 1000)
        for (ours, reference) in zip(schedule.betas, betas) {
            #expect(abs(ours - reference) <= (endsInNoise ? 5e-6 : 3e-8))
        }
        for (ours, reference) in zip(schedule.cumulative, left) {
            #expect(abs(ours - reference) <= (endsInNoise ? 1e-6 : 3e-7))
        }
        if endsInNoise {
            #expect(schedule.cumulative[999] == 0 && schedule.betas[999] == 1)
            #expect(zip(schedule.cumulative, schedule.cumulative.dropFirst()).allSatisfy { $0 > $1 })
            #expect(throws: Diagnostic.self) { try Denoising(schedule, .epsilon) }
        }
    }

    @Test func `the times that are visited are the reference's`() throws {
        let schedule = try NoiseSchedule(.cosine)
        var compared = 0
        for (key, value) in try Self.json("diffusion/timesteps").objectValue ?? [:] {
            let parts = key.split(separator: "_").map(String.init)
            let spacing = try #require(NoiseSchedule.Spacing(rawValue: parts[0]))
            let count = try #require(Int(parts[1])), offset = try #require(Int(parts[2].dropFirst(6)))
            let times = try schedule.times(count, spacing: spacing, offset: offset)
            #expect(times == value.arrayValue?.compactMap(\.intValue).map { min($0, 999) }, "\(key)")
            compared += 1
        }
        #expect(compared >= 36)
        #expect(throws: Diagnostic.self) { try schedule.times(0) }
        #expect(throws: Diagnostic.self) { try schedule.times(1001) }
    }

    @Test func `single steps are the reference's`() throws {
        let golden = try Self.tensors("diffusion/steps"), schedule = try NoiseSchedule(.scaledLinear)
        let x = try golden.tensor("x"), output = try golden.tensor("model_output"), z = try golden.tensor("z")
        var worst = 0.0, count = 0
        for entry in try Self.json("diffusion/steps").arrayValue ?? [] {
            let key = try #require(entry["key"]?.stringValue), time = try #require(entry["t"]?.intValue)
            let previous = try #require(entry["prev"]?.intValue)
            let kind = ["epsilon": DiffusionPrediction.epsilon, "sample": .sample, "v_prediction": .velocity]
            var denoising = try Denoising(schedule, #require(kind[entry["prediction"]?.stringValue ?? ""]))
            denoising.finalIsOne = entry["final_alpha_one"]?.boolValue ?? true
            denoising.recomputesNoise = entry["use_clipped_model_output"]?.boolValue ?? false
            let found = denoising.estimates(x, output: output, time: time)
            let clip = entry["clip"]?.doubleValue
            let clean = denoising.limited(found.clean, clip.map { .range($0) } ?? .none, threshold: clip)
            let next: Tensor
            if entry["kind"]?.stringValue == "ddpm" {
                let isLarge = entry["variance"]?.stringValue == "fixed_large"
                next = denoising.ancestral(
                    x, clean: clean, from: time, to: previous, variance: isLarge ? .large : .small, noise: z)
                worst = try max(worst, clean.error(against: golden.tensor(key + ".x0")))
            } else {
                next = denoising.implicit(
                    x, clean: clean, estimate: found.noise, from: time, to: previous,
                    eta: entry["eta"]?.doubleValue ?? 0, noise: z)
            }
            let error = try next.error(against: golden.tensor(key))
            #expect(error <= 1e-5, "\(key)")
            worst = max(worst, error)
            count += 1
        }
        #expect(count == 180 && worst <= 1e-5)
        print("golden diffusion steps: \(worst)")
    }

    @Test func `noisy images and velocities are the reference's`() throws {
        let golden = try Self.tensors("diffusion/steps"), schedule = try NoiseSchedule(.cosine)
        let x0 = try golden.tensor("fwd.x0"), noise = try golden.tensor("fwd.noise"), times = [0, 10, 500, 999]
        let noised = try schedule.noised(x0, noise: noise, times: times)
        let velocity = try schedule.velocity(x0, noise: noise, times: times)
        #expect(try noised.error(against: golden.tensor("fwd.xt")) <= 1e-5)
        #expect(try velocity.error(against: golden.tensor("fwd.velocity")) <= 1e-5)
        #expect(throws: Diagnostic.self) { try schedule.noised(x0, noise: noise, times: [0, 1000, 1, 2]) }
        // Each prediction leads back to the image and its noise.
        for (prediction, output) in [(DiffusionPrediction.epsilon, noise), (.sample, x0), (.velocity, velocity)] {
            let denoising = try Denoising(schedule, prediction)
            for (row, time) in times.enumerated() where time == 500 || time == 10 {
                let found = denoising.estimates(
                    try noised.row(row), output: try output.row(row), time: time)
                #expect(try found.clean.error(against: x0.row(row)) <= 1e-5)
                #expect(try found.noise.error(against: noise.row(row)) <= 1e-5)
            }
        }
    }

    /// The network that stands in for one in the fixtures' chains.
    static func toy(_ x: Tensor, _ time: Int) throws -> Tensor {
        let shift = 0.3 * cos(0.01 * Double(time))
        return try Tensor(
            x.shape.dimensions, x.array.map { Float(tanh(0.7 * Double($0) + shift) + 0.1 * Double($0)) })
    }

    private static func verify(
        _ reference: Tensor, from start: Tensor, _ schedule: NoiseSchedule, _ sampler: DiffusionSampler,
        noise: Tensor? = nil, _ name: String
    ) throws {
        var worst = 0.0
        _ = try sampler(
            from: start, Denoising(schedule, .epsilon), noise: { (try? noise?.row($0)) ?? start }, network: toy
        ) { step, clean, x in
            worst = try max(worst, x.error(against: reference.row(step)))
            if let s = sampler.limit.threshold(step: step, of: sampler.steps, times: schedule.steps) {
                #expect(clean.array.allSatisfy { abs($0) <= Float(s) })
            }
        }
        #expect(worst <= 2e-5, "\(name)")
        print("golden \(name): \(worst)")
    }

    @Test func `chains of steps are the reference's`() throws {
        let golden = try Self.tensors("diffusion/steps"), x = try golden.tensor("x")
        var sampler = DiffusionSampler()
        sampler.steps = 10
        sampler.limit = .range(1.4)
        sampler.followsTimes = false
        for spacing in [NoiseSchedule.Spacing.leading, .trailing] {
            sampler.spacing = spacing
            let name = "chain_ddim10_\(spacing.rawValue)"
            try Self.verify(golden.tensor(name), from: x, NoiseSchedule(.cosine), sampler, name)
        }
        sampler.method = .ddpm
        (sampler.steps, sampler.spacing) = (50, .leading)
        try Self.verify(
            golden.tensor("chain_ddpm50"), from: x, NoiseSchedule(.cosine, steps: 50), sampler,
            noise: golden.tensor("chain_ddpm50.noise"), "chain_ddpm50")
    }

    @Test func `thresholds that grow while sampling are BS-LDM's`() throws {
        let golden = try Self.tensors("bsldm/threshold_chains"), x = try golden.tensor("x_T")
        let schedule = try NoiseSchedule(.cosine, steps: 40)
        var sampler = DiffusionSampler()
        sampler.followsTimes = false
        sampler.spacing = .leading
        (sampler.method, sampler.steps) = (.ddpm, 40)
        try Self.verify(
            golden.tensor("ddpm40"), from: x, schedule, sampler, noise: golden.tensor("noise"), "threshold ddpm40")
        (sampler.method, sampler.steps) = (.ddim, 10)
        sampler.limit = .adaptive(intercept: 1.4, slope: 0.03)
        try Self.verify(golden.tensor("ddim10"), from: x, schedule, sampler, "threshold ddim10")
        #expect(CleanLimit.published.threshold(step: 0, of: 1000, times: 1000) == 1.4)
        #expect(abs((CleanLimit.published.threshold(step: 999, of: 1000, times: 1000) ?? 0) - 4.397) < 1e-12)
    }

    @Test func `DDIM with all its noise is DDPM with the small variance`() throws {
        let golden = try Self.tensors("diffusion/steps"), schedule = try NoiseSchedule(.scaledLinear)
        let x = try golden.tensor("x"), output = try golden.tensor("model_output"), z = try golden.tensor("z")
        let denoising = try Denoising(schedule, .epsilon)
        for time in [1, 20, 500, 999] {
            let found = denoising.estimates(x, output: output, time: time)
            let a = denoising.ancestral(x, clean: found.clean, from: time, to: time - 1, noise: z)
            let b = denoising.implicit(
                x, clean: found.clean, estimate: found.noise, from: time, to: time - 1, eta: 1, noise: z)
            #expect(a.error(against: b) <= 1e-5)
        }
        // The true noise leads back to the image in one step.
        let noised = try schedule.noised(x, noise: z, times: [700])
        let found = denoising.estimates(noised, output: z, time: 700)
        let back = denoising.implicit(noised, clean: found.clean, estimate: found.noise, from: 700, to: -1)
        #expect(back.error(against: x) <= 1e-5)
    }

    @Test func `BS-LDM's noise, noisy latents and loss are the reference's`() throws {
        let golden = try Self.tensors("bsldm/forward_and_loss"), schedule = try NoiseSchedule(.cosine)
        let gauss = try golden.tensor("gauss"), offsets = try golden.tensor("bias")
        let noise = try OffsetNoise()(gauss, offsets: offsets)
        #expect(try noise.error(against: golden.tensor("offset_noise")) <= 1e-6)
        let times = try golden.tensor("t").array.map { Int($0) }
        let zt = try schedule.noised(golden.tensor("z0"), noise: noise, times: times)
        #expect(try zt.error(against: golden.tensor("zt")) <= 1e-5)
        #expect(try OffsetNoise(strength: 0)(gauss, offsets: offsets) == gauss)
        // The common part is the mean of what was added.
        for row in 0..<12 {
            let added = (0..<36).map { noise.array[36 * row + $0] - gauss.array[36 * row + $0] }
            #expect(abs(added.reduce(0, +) / 36 - 0.1 * offsets.array[row]) < 1e-6)
        }
        let tape = Tape(.inference), pred = try golden.tensor("pred")
        let a = tape.input("a", pred.shape), b = tape.input("b", pred.shape), loss = try tape.meanSquaredError(a, b)
        let workspace = try Workspace(
            TensorPlan(tape, outputs: [loss], options: .init(kernels: Kernels(family: .best))),
            parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([a: pred, b: noise])
        #expect(try workspace.tensor(loss).error(against: golden.tensor("loss")) <= 1e-5)
    }

    @Test func `the two-step solver is of second order on a normal distribution with a known score`() throws {
        // Numbers from N(m, s²): the exact path of the flow keeps each number's place in the distribution of its time.
        let (m, s, first, last) = (0.7, 0.4, 9000, 1000)
        let schedule = try NoiseSchedule(.scaledLinear, steps: 10000, ends: (0.000085, 0.0012))
        let denoising = try Denoising(schedule, .sample)
        func spread(_ left: Double) -> Double { (left * s * s + 1 - left).squareRoot() }
        let numbers = [-1.5, -0.3, 0.4, 1.2]
        let a = schedule.left(at: first), b = schedule.left(at: last)
        let start = try Tensor([4], numbers.map { Float(a.squareRoot() * m + spread(a) * $0) })
        let exact = numbers.map { b.squareRoot() * m + spread(b) * $0 }
        var errors: [Double] = []
        for count in [10, 20, 40] {
            // Even steps in the logarithm of the signal-to-noise ratio.
            func logarithm(_ time: Int) -> Double {
                let left = schedule.left(at: time)
                return 0.5 * log(left / (1 - left))
            }
            let times = (0...count).map { index -> Int in
                let wanted =
                    logarithm(first)
                    + (logarithm(last) - logarithm(first)) * Double(index) / Double(count)
                return (last...first).min { abs(logarithm($0) - wanted) < abs(logarithm($1) - wanted) } ?? first
            }
            var x = start, memory: Denoising.Memory?
            for (time, previous) in zip(times, times.dropFirst()) {
                let left = schedule.left(at: time)
                let clean = try Tensor(
                    [4],
                    x.array.map { value in
                        Float(
                            m + left.squareRoot() * s * s / (spread(left) * spread(left))
                                * (Double(value) - left.squareRoot() * m))
                    })
                x = denoising.multistep(x, clean: clean, from: time, to: previous, memory: &memory)
            }
            errors.append(zip(x.array, exact).map { abs(Double($0) - $1) }.max() ?? .infinity)
        }
        print("solver errors at 10, 20, 40 steps: \(errors)")
        #expect(errors[0] / errors[1] > 3 && errors[1] / errors[2] > 3)
        #expect(errors[2] < 1e-3)
    }
}

extension Tensor {
    /// An entry of the first dimension, as a batch of one (or as it is behind a step's dimension).
    fileprivate func row(_ index: Int) throws -> Tensor {
        let rest = Array(shape.dimensions.dropFirst()), count = rest.reduce(1, *)
        let dimensions = shape.rank == 5 ? rest : [1] + rest
        return try Tensor(dimensions, Array(array[index * count..<(index + 1) * count]))
    }
}
