import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Testing

@Suite struct CheckpointTests {
    static let settings: [LearningSettings] = {
        var schedule = Schedule(.cosine, rate: 0.02, steps: 10)
        schedule.warmUp = 3
        var adam = LearningSettings(optimizer: .adamW(), schedule: schedule, maximumNorm: 0.5)
        adam.averageDecay = 0.99
        return [adam, LearningSettings(optimizer: .sgd(momentum: 0.9, isNesterov: true), schedule: schedule)]
    }()

    @Test(arguments: settings) func `ten steps are five, a checkpoint, and five more, byte for byte`(
        settings: LearningSettings
    ) throws {
        let whole = try Training.random(settings, seed: 3)
        for _ in 0..<10 { try whole.step() }
        for threads in [1, 2] {
            let first = try Training.random(settings, seed: 3, threads: threads)
            for _ in 0..<5 { try first.step() }
            let checkpoint = Checkpoint(first.learner)
            // The checkpoint is a value: training on does not change it.
            try first.step()
            let second = try Training.random(settings, seed: 77, threads: 3 - threads)
            try second.learner.restore(checkpoint)
            #expect(second.learner.step == 5)
            #expect(second.learner.seed == 3)
            for _ in 0..<5 { try second.step() }
            #expect(Checkpoint(second.learner) == Checkpoint(whole.learner))
        }
    }

    @Test func `a checkpoint of another optimiser or network is refused, and nothing changes`() throws {
        let adam = try Training.random(Self.settings[0]), descent = try Training.random(Self.settings[1], seed: 2)
        try adam.step()
        let before = Checkpoint(descent.learner)
        #expect(throws: DiagnosticList.self) { try descent.learner.restore(Checkpoint(adam.learner)) }
        var checkpoint = Checkpoint(descent.learner)
        checkpoint.step = 9
        checkpoint.tensors["moment.0.head.weight"] = Tensor(1)
        #expect(throws: DiagnosticList.self) { try descent.learner.restore(checkpoint) }
        checkpoint = Checkpoint(descent.learner)
        checkpoint.tensors["network.head.bias"] = nil
        #expect(throws: DiagnosticList.self) { try descent.learner.restore(checkpoint) }
        #expect(Checkpoint(descent.learner) == before)
    }

    @Test func `averaged weights are handed out where there are some`() throws {
        let training = try Training.random(Self.settings[0])
        for _ in 0..<3 { try training.step() }
        let checkpoint = Checkpoint(training.learner)
        #expect(checkpoint.weights(averaged: false) == training.learner.parameters.tensors)
        #expect(checkpoint.weights(averaged: true) == training.learner.average?.tensors)
        let plain = try Training.random(Self.settings[1])
        #expect(Checkpoint(plain.learner).weights(averaged: true) == plain.learner.parameters.tensors)
    }
}
