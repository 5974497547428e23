import Foundation
import Lucency

/// Our side of a case: a plan with its workspace and inputs, ready to run.
final class EngineRun {
    private let workspace: Workspace
    private let inputs: [Value: Tensor]
    private let update: () throws -> Void
    let floatingPointOperations: Int
    let bytes: Int
    private let threads: Int

    init(_ item: EngineCase, kernels: Kernels, threads: Int) throws {
        self.threads = threads
        let tape = Tape(item.mode == .training ? .training : .inference)
        let shape = try Shape([item.batch, item.inputs, item.height, item.width])
        let x = tape.input("image", shape)
        var stream = PhiloxStream(seed: 1, stream: "bench")
        var inputs = [x: Tensor.normal(shape, from: &stream)]
        var loss: Value?
        let y = try Self.record(item, x, tape)
        if item.mode == .training { loss = try tape.sumTemporary(y) }
        var options = TensorPlan.Options(kernels: kernels)
        options.recomputesCheapResults = false
        let plan = try TensorPlan(
            tape, outputs: [y], gradientsOf: loss, inputGradients: item.kind == .unet ? [] : loss == nil ? [] : [x],
            options: options)
        let parameters = try Parameters(tape.parameters, seed: 1)
        let pool = ThreadPool(threads: threads)
        workspace = try Workspace(plan, parameters: parameters, pool: pool)
        self.inputs = inputs
        update = {}
        floatingPointOperations = plan.floatingPointOperations
        bytes = plan.bytes(threads: threads)
        inputs = [:]
    }

    func callAsFunction() throws {
        try workspace.run(inputs)
        try update()
    }

    /// Milliseconds by operation and direction, largest first.
    func profile() throws -> [(name: String, milliseconds: Double)] {
        workspace.measuresSteps = true
        defer { workspace.measuresSteps = false }
        try self()
        return workspace.profile()
    }

    private static func record(_ item: EngineCase, _ x: Value, _ tape: Tape) throws -> Value {
        func convolution(_ x: Value, _ outputs: Int, kernel: Int, stride: Int = 1, _ name: String) throws -> Value {
            let inputs = x.shape.dimensions[1]
            let weights = try tape.parameter(
                "\(name).weight", Shape([outputs, inputs, kernel, kernel]), .he(fanIn: inputs * kernel * kernel))
            let bias = try tape.parameter("\(name).bias", Shape([outputs]), .constant(0))
            return try tape.convolution(
                x, weights: weights, bias: bias, window: ConvolutionWindow(kernel: [kernel, kernel], stride: stride))
        }
        func transposed(_ x: Value, _ outputs: Int, kernel: Int, stride: Int, _ name: String) throws -> Value {
            let inputs = x.shape.dimensions[1]
            let weights = try tape.parameter(
                "\(name).weight", Shape([inputs, outputs, kernel, kernel]), .he(fanIn: inputs * kernel * kernel))
            let bias = try tape.parameter("\(name).bias", Shape([outputs]), .constant(0))
            return try tape.transposedConvolution(
                x, weights: weights, bias: bias,
                window: ConvolutionWindow(kernel: [kernel, kernel], stride: stride, padding: 0))
        }
        func block(_ x: Value, _ outputs: Int, _ name: String) throws -> Value {
            var x = x
            for index in 0..<2 {
                x = try convolution(x, outputs, kernel: 3, "\(name).\(index).conv")
                let shape = try Shape([outputs])
                x = try tape.batchNormalization(
                    x, scale: tape.parameter("\(name).\(index).norm.weight", shape, .constant(1)),
                    shift: tape.parameter("\(name).\(index).norm.bias", shape, .constant(0)),
                    runningMean: tape.parameter(
                        "\(name).\(index).norm.running_mean", shape, .constant(0), isTrainable: false),
                    runningVariance: tape.parameter(
                        "\(name).\(index).norm.running_var", shape, .constant(1), isTrainable: false),
                    activation: .relu)
            }
            return x
        }
        switch item.kind {
        case .convolution: return try convolution(x, item.outputs, kernel: item.kernel, stride: item.stride, "c")
        case .transposed: return try transposed(x, item.outputs, kernel: item.kernel, stride: item.stride, "c")
        case .unet:
            var x = x, kept: [Value] = []
            for (index, channels) in item.channels.enumerated() {
                if index > 0 { x = try tape.maxPooling(x) }
                x = try block(x, channels, "enc\(index)")
                kept.append(x)
            }
            for (index, channels) in item.channels.dropLast().enumerated().reversed() {
                let up = try transposed(x, channels, kernel: 2, stride: 2, "up\(index)")
                x = try block(tape.concatenation([kept[index], up]), channels, "dec\(index)")
            }
            return try convolution(x, item.classes, kernel: 1, "head")
        }
    }
}
