import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
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
            let checkpoint = try withTemporaryFolder { folder in
                let path = folder.appending(path: "checkpoint.safetensors").path
                try Checkpoint(first.learner).write(to: path)
                // What is trained on afterwards does not change it.
                try first.step()
                return try Checkpoint(path: path)
            }
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

    @Test func `files that are no checkpoints, or damaged ones, are refused by name`() throws {
        let training = try Training.random(Self.settings[0])
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "checkpoint.safetensors").path
            try Safetensors.write(training.learner.parameters.weights, to: path)
            let error = #expect(throws: Diagnostic.self) { try Checkpoint(path: path) }
            #expect(error?.place?.file == path)
            var weights = try training.learner.parameters.weights
            weights.metadata = ["checkpoint": "1", "step": "-4", "seed": "1", "method": "adam"]
            try Safetensors.write(weights, to: path)
            #expect(throws: Diagnostic.self) { try Checkpoint(path: path) }
        }
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
