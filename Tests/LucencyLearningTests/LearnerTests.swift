import Foundation
import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// A network with an objective, ready to train on a fixed batch.
struct Training {
    let learner: Learner
    let workspace: Workspace
    let inputs: [Value: Tensor]
    let loss: Value

    init(
        _ network: UNet, images: Tensor, signs: Tensor, settings: LearningSettings, seed: UInt64 = 1, threads: Int = 1,
        family: KernelFamily = .best
    ) throws {
        let tape = Tape(.training)
        let image = tape.input("image", images.shape), sign = tape.input("sign", signs.shape)
        loss = try tape.record(LogisticLoss(), network(image, Scope(tape))[0], sign)
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: Kernels(family: family)))
        let parameters = try network.parameters(seed: seed), pool = ThreadPool(threads: threads)
        workspace = try Workspace(plan, parameters: parameters, pool: pool)
        learner = try Learner(parameters, settings: settings, seed: seed, family: family, pool: pool)
        inputs = [image: images, sign: signs]
    }

    /// A random batch for a small network with one class.
    static func random(_ settings: LearningSettings, seed: UInt64 = 1, threads: Int = 1) throws -> Training {
        var stream = PhiloxStream(seed: 9, stream: "batch")
        let shape = try Shape([2, 1, 16, 16])
        let images = Tensor.normal(shape, from: &stream)
        let signs = try Tensor(shape, AlignedBuffer(Tensor.normal(shape, from: &stream).array.map { $0 < 0 ? -1 : 1 }))
        return try Training(
            UNet(classes: 1, channels: [8, 16]), images: images, signs: signs, settings: settings, seed: seed,
            threads: threads)
    }

    @discardableResult
    func step() throws -> Double {
        try workspace.run(inputs, seed: learner.seed, step: UInt64(learner.step))
        let loss = Double(try workspace.tensor(loss).scalar)
        try learner.learn(from: workspace)
        return loss
    }

    func gradient(_ name: String) throws -> [Float] { try workspace.gradient(of: name).array }
}

@Suite struct LearnerTests {
    let constant = Schedule(.constant, rate: 0.05)
    let name = "enc1.3.weight"

    func values(_ training: Training) throws -> [Float] { try #require(training.learner.parameters[name]).array }

    /// Runs the steps and, beside them, the formula on one parameter in double precision.
    func compare(_ optimizer: Optimizer, _ formula: (inout [Double], _ gradient: Double, _ step: Double) -> Void) throws
    {
        let training = try Training.random(LearningSettings(optimizer: optimizer, schedule: constant))
        var states = try values(training).map { [Double($0), 0, 0] }
        for step in 1...4 {
            try training.step()
            for (index, gradient) in try training.gradient(name).enumerated() {
                formula(&states[index], Double(gradient), Double(step))
            }
            for (value, state) in try zip(values(training), states) { #expect(abs(Double(value) - state[0]) < 2e-6) }
        }
    }

    @Test func `descent with momentum follows PyTorch's formula, also in Nesterov's form`() throws {
        try compare(.sgd(decay: 0.1)) { (state: inout [Double], gradient: Double, _: Double) in
            let step: Double = gradient + 0.1 * state[0]
            state[0] -= 0.05 * step
        }
        try compare(.sgd(momentum: 0.9)) { state, gradient, _ in
            state[1] = 0.9 * state[1] + gradient
            state[0] -= 0.05 * state[1]
        }
        try compare(.sgd(momentum: 0.9, isNesterov: true, decay: 0.01)) { state, gradient, _ in
            let gradient = gradient + 0.01 * state[0]
            state[1] = 0.9 * state[1] + gradient
            state[0] -= 0.05 * (gradient + 0.9 * state[1])
        }
    }

    @Test func `Adam and AdamW follow their papers`() throws {
        func adam(_ state: inout [Double], _ gradient: Double, _ step: Double) {
            state[1] = 0.9 * state[1] + 0.1 * gradient
            let squared: Double = gradient * gradient
            state[2] = 0.999 * state[2] + 0.001 * squared
            let mean: Double = state[1] / (1 - pow(0.9, step))
            let square: Double = state[2] / (1 - pow(0.999, step))
            state[0] -= 0.05 * mean / (square.squareRoot() + 1e-8)
        }
        try compare(.adam(decay: 0.1)) { state, gradient, step in
            let decayed: Double = gradient + 0.1 * state[0]
            adam(&state, decayed, step)
        }
        try compare(.adamW(decay: 0.1)) { state, gradient, step in
            state[0] -= 0.05 * 0.1 * state[0]
            adam(&state, gradient, step)
        }
    }

    @Test func `weight decay can spare biases and norms`() throws {
        var optimizer = Optimizer.adamW(decay: 10)
        optimizer.sparesVectors = true
        var settings = LearningSettings(optimizer: optimizer, schedule: constant)
        let spared = try Training.random(settings)
        settings.optimizer.sparesVectors = false
        let all = try Training.random(settings)
        settings.optimizer.decay = 0
        let none = try Training.random(settings)
        for training in [spared, all, none] { try training.step() }
        func value(_ training: Training, _ name: String) -> Tensor? { training.learner.parameters[name] }
        for vector in ["enc1.0.bias", "enc1.1.weight", "head.bias"] {
            #expect(value(spared, vector) == value(none, vector))
        }
        #expect(value(all, "enc1.1.weight") != value(none, "enc1.1.weight"))
        for matrix in ["enc1.0.weight", "up1.weight", "head.weight"] {
            #expect(value(spared, matrix) == value(all, matrix))
            #expect(value(spared, matrix) != value(none, matrix))
        }
    }

    @Test func `gradients longer than the limit are shortened to it, others left`() throws {
        var settings = LearningSettings(optimizer: .sgd(), schedule: Schedule(.constant, rate: 1))
        let free = try Training.random(settings)
        let start = try values(free)
        try free.workspace.run(free.inputs)
        let names = free.learner.parameters.declarations.filter(\.isTrainable).map(\.name)
        let squares = try names.flatMap { try free.gradient($0) }.reduce(0) { $0 + Double($1) * Double($1) }
        let gradient = try free.gradient(name)
        let norm = try free.learner.learn(from: free.workspace).gradientNorm
        #expect(abs(norm / squares.squareRoot() - 1) < 1e-9)
        for (limit, factor) in [(norm / 4, 0.25), (norm * 2, 1)] {
            settings.maximumNorm = Float(limit)
            let limited = try Training.random(settings)
            try limited.step()
            for (index, value) in try values(limited).enumerated() {
                #expect(abs(Double(start[index] - value) - factor * Double(gradient[index])) < 1e-6)
            }
        }
    }

    @Test func `gradients that are not finite stop training before it does harm`() throws {
        let training = try Training.random(LearningSettings(optimizer: .adam(), schedule: constant))
        let broken = try Training(
            UNet(classes: 1, channels: [8, 16]), images: Tensor(Shape([2, 1, 16, 16]), repeating: .nan),
            signs: Tensor(Shape([2, 1, 16, 16]), repeating: 1), settings: training.learner.settings)
        let before = broken.learner.parameters["head.weight"]
        #expect(throws: Diagnostic.self) { try broken.step() }
        #expect(broken.learner.parameters["head.weight"] == before)
        #expect(broken.learner.step == 0)
    }

    @Test func `the moving average follows its formula and copies states`() throws {
        var settings = LearningSettings(optimizer: .adam(), schedule: constant)
        settings.averageDecay = 0.25
        let training = try Training.random(settings)
        var expected = try values(training).map(Double.init)
        for step in 1...5 {
            try training.step()
            let keep = min(0.25, Double(1 + step) / Double(10 + step))
            expected = try zip(expected, values(training)).map { keep * $0 + (1 - keep) * Double($1) }
        }
        let average = try #require(training.learner.average)
        for (value, wanted) in zip(try #require(average[name]).array, expected) {
            #expect(abs(Double(value) - wanted) < 1e-6)
        }
        #expect(average[name] != training.learner.parameters[name])
        #expect(average["enc1.1.running_var"] == training.learner.parameters["enc1.1.running_var"])
    }

    @Test func `the number of threads changes no bit of what is learnt`() throws {
        var settings = LearningSettings(optimizer: .adamW(), schedule: constant, maximumNorm: 0.1)
        settings.averageDecay = 0.9
        let results = try [1, 2, 3].map { threads in
            let training = try Training.random(settings, threads: threads)
            for _ in 0..<4 { try training.step() }
            return Checkpoint(training.learner)
        }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test func `settings out of range are refused`() throws {
        let parameters = try UNet(channels: [4]).parameters(seed: 1)
        var settings = LearningSettings(optimizer: .sgd(isNesterov: true), schedule: constant)
        #expect(throws: Diagnostic.self) { try Learner(parameters, settings: settings) }
        settings.optimizer = .adam(decay: -1)
        #expect(throws: Diagnostic.self) { try Learner(parameters, settings: settings) }
        settings.optimizer = .adam()
        settings.averageDecay = 1
        #expect(throws: Diagnostic.self) { try Learner(parameters, settings: settings) }
        settings.averageDecay = nil
        settings.schedule.rate = .nan
        #expect(throws: Diagnostic.self) { try Learner(parameters, settings: settings) }
    }
}
