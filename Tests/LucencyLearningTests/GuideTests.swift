import Foundation
import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct GuideTests {
    /// The guide's own lines, in a place where they can be compiled and run.
    private func guide() throws {
        let network = UNet(inputChannels: 1, classes: 4, channels: [16, 32, 64])
        let parameters = try network.parameters(seed: 1)
        let pool = ThreadPool(threads: 2)
        let predict = try Predictor(network, parameters: parameters, pool: pool)
        let logits = try predict(Tensor(Shape([1, 1, 50, 70]), repeating: 0.5))
        print(logits.shape)
        #expect(logits.shape == (try Shape([1, 4, 50, 70])))

        let tape = Tape(.training)
        let images = try tape.input("images", Shape([2, 1, 32, 32]))
        let labels = try tape.input("labels", Shape([2, 32, 32]))
        let loss = try tape.crossEntropy(network(images, Scope(tape))[0], labels: labels)
        let options = TensorPlan.Options(kernels: Kernels(family: .best))
        let plan = try TensorPlan(tape, outputs: [loss], gradientsOf: loss, options: options)
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        let settings = LearningSettings(optimizer: .adamW(), schedule: Schedule(.cosine, rate: 1e-3, steps: 100))
        let learner = try Learner(parameters, settings: settings, pool: pool)
        try workspace.run([images: Tensor(images.shape, repeating: 0.5), labels: Tensor(labels.shape, repeating: 1)])
        try learner.learn(from: workspace)
        #expect(try workspace.tensor(loss).scalar > 0 && learner.step == 1)
    }

    @Test func `the guide's lines run as they stand there`() throws {
        try guide()
        let page = try String(
            contentsOf: TestFiles.root.appending(path: "Sources/Lucency/Lucency.docc/RunningNetworks.md"),
            encoding: .utf8)
        let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
        let lines = page.components(separatedBy: "```swift\n").dropFirst()
            .flatMap { ($0.components(separatedBy: "\n```").first ?? "").split(separator: "\n") }
        #expect(lines.count > 10)
        // A file of the working directory is the one thing that a test does elsewhere.
        for line in lines where !line.contains("step.checkpoint") {
            #expect(source.contains(line), "not in this test: \(line)")
        }
    }
}
