import LucencyFoundation
import LucencyImaging
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Classifies whole images with a trained network; one that super-resolves first takes the coarse image.
public struct NetworkClassifier: Hashable, Sendable {
    /// Divides the logits (Guo et al. 2017): above 1 lowers confidence. nil: what the model holds, else 1.
    public var temperature: Double?
    /// The intensity that is full brightness; nil: what the model was trained with, else what the image's depth says.
    public var white: Double?

    public init() {}

    /// What a network says about an image.
    public struct Result: Sendable, Equatable {
        /// Names of the classes, in the network's order.
        public var classes: [String]
        /// One for each class; they sum to 1.
        public var probabilities: [Double]
        /// Before the softmax and the temperature.
        public var logits: [Float]

        /// The name of the most probable class, the first of equal ones.
        public var answer: String {
            let best = probabilities.indices.max {
                probabilities[$0] < probabilities[$1] || probabilities[$0] == probabilities[$1] && $0 > $1
            }
            return best.map { classes[$0] } ?? ""
        }
    }

    /// - Throws: `Diagnostic` in words where the model cannot take the image.
    public func callAsFunction(
        _ image: Image, _ model: ModelFile, kernels: KernelFamily = .best, pool: ThreadPool = .serial
    ) throws -> Result {
        let kernels = Kernels(family: kernels), (network, result) = try Self.part(of: model)
        guard network.inputChannels == image.channels else {
            throw Diagnostic(
                .channelMismatch,
                "the network takes \(network.inputChannels) channel(s), the image has \(image.channels)")
        }
        guard image.size.isPlanar else {
            throw Diagnostic(.shapeMismatch, "the network classifies images, and this is a volume of \(image.size)")
        }
        let temperature = try temperature ?? model.temperature ?? 1
        guard temperature > 0, temperature.isFinite else {
            throw Diagnostic(.badArgument, "a temperature of \(temperature) is not possible")
        }
        let scale = try ImageScale(
            model.preprocessing, channels: image.channels, origin: image.origin, white: white, isWhole: false)
        let input = scale.numbers(image.pixels, try Shape([1, image.channels, image.size.y, image.size.x]))
        let logits = try model.predictors.with(
            result: result, pool: pool, kernels: kernels,
            make: { try model.predictor(result: result, pool: pool, kernels: kernels) }
        ) { try $0(input).array }
        return Result(
            classes: Self.names(model, count: logits.count), probabilities: Self.softmax(logits, temperature),
            logits: logits)
    }

    private static func softmax(_ logits: [Float], _ temperature: Double) -> [Double] {
        let top = Double(logits.max() ?? 0)
        let powers = logits.map { exp((Double($0) - top) / temperature) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private static func names(_ model: ModelFile, count: Int) -> [String] {
        if let table = model.classes, table.classes.count == count { return table.classes.map(\.name) }
        return (0..<count).map { "class \($0)" }
    }

    /// Bytes that classifying takes at its peak, besides the image.
    /// - Throws: `Diagnostic` when the model classifies no images.
    public func predictedBytes(
        width: Int, height: Int, model: ModelFile, threads: Int, kernels: KernelFamily = .best
    ) throws -> Int {
        let (network, result) = try Self.part(of: model)
        let shape = try Shape([1, network.inputChannels, height, width])
        let plan = try model.predictors.planBytes(
            network, shape, result: result, threads: threads, kernels: Kernels(family: kernels))
        return saturatingSum([plan.bytes, saturatingProduct(4, shape.count)])
    }

    /// The network of a model that classifies, and which of its results that is.
    private static func part(of model: ModelFile) throws -> (network: any Network, result: Int) {
        let network = try model.builtNetwork()
        guard let index = network.results.firstIndex(of: .classes) else {
            throw Diagnostic(
                .badArgument, "a network of the kind '\(type(of: network).kind)' classifies no images",
                remedy: "give a model of train.shisrcnet, or one imported by `lucency model import --map shisrcnet`")
        }
        return (network, index)
    }
}

extension ModelFile {
    /// The temperature that was fitted to its classes, `temperature` of the training record; nil where none was.
    /// - Throws: `Diagnostic` where it is no positive number.
    public var temperature: Double? {
        get throws(Diagnostic) {
            guard let value = training?["temperature"], value != .null else { return nil }
            guard let number = value.doubleValue, number > 0, number.isFinite else {
                throw Diagnostic(.badValue, "the model's temperature is no positive number: \(value.text)")
            }
            return number
        }
    }
}
