import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How good a network is on the middle patches of cases that it does not learn from.
public struct HistologyScore: Codable, Hashable, Sendable {
    /// Mean over pictures of 10 log₁₀(1 / mean squared error) over all channels, in dB, of results clamped to 0...1.
    public var psnr: Double
    /// The same of bicubic interpolation (Keys, a = −0.5) of the coarse pictures.
    public var bicubicPSNR: Double
    /// Mean over pictures of the mean distance of super-resolved and sharp pictures, not clamped.
    public var distance: Double
    /// Part of the super-resolved pictures whose most probable class is theirs.
    public var accuracy: Double
    /// The same of the sharp pictures.
    public var sharpAccuracy: Double
    /// Mean of −log p of the class of super-resolved pictures.
    public var logLoss: Double
    /// Mean of (1 − p)^γ times that.
    public var focal: Double

    /// By their names in records.
    public var values: [String: Double] {
        [
            "psnr": psnr, "bicubicPSNR": bicubicPSNR, "distance": distance, "accuracy": accuracy,
            "sharpAccuracy": sharpAccuracy, "logLoss": logLoss, "focal": focal,
        ]
    }

    init(
        psnr: Double = 0, bicubicPSNR: Double = 0, distance: Double = 0, accuracy: Double = 0,
        sharpAccuracy: Double = 0, logLoss: Double = 0, focal: Double = 0
    ) {
        self.psnr = psnr
        self.bicubicPSNR = bicubicPSNR
        self.distance = distance
        self.accuracy = accuracy
        self.sharpAccuracy = sharpAccuracy
        self.logLoss = logLoss
        self.focal = focal
    }

    /// Higher is better.
    func merit(_ metric: HistologySettings.Metric, _ objective: HistologyObjective) -> Double {
        switch metric {
        case .objective: -(objective.superResolution * distance + objective.classification * focal)
        case .psnr: psnr
        case .accuracy: accuracy
        case .logLoss: -logLoss
        }
    }
}

/// Super-resolves and classifies the middle patch of each case.
struct HistologyValidation {
    private struct Picture {
        let coarse: Tensor
        let sharp: Tensor
        let label: Int
        let bicubicPSNR: Double
    }

    private let pictures: [Picture]
    private let gamma: Double
    private let plan: TensorPlan
    private let coarse: Value, sharp: Value
    private let upscaled: Value, logits: Value, sharpLogits: Value

    init(
        _ cases: [HistologyCase], _ network: SHISRCNet, settings: HistologySettings, kernels: Kernels, pool: ThreadPool
    ) throws {
        let factor = network.factor, side = settings.patch, channels = network.inputChannels
        pictures = try cases.map { item in
            let x = (item.coarse.size.x - side / factor) / 2, y = (item.coarse.size.y - side / factor) / 2
            let patch = try item.patch(x: x, y: y, side: side, factor: factor)
            let coarse = try HistologyBatches.tensor([patch.coarse], white: settings.white)
            let sharp = try HistologyBatches.tensor([patch.sharp], white: settings.white)
            let image = try Image(
                geometry: Geometry(size: patch.coarse.size), colorModel: .channels(channels), pixels: coarse.buffer)
            let cubic = try Resample(size: [side, side], interpolation: .cubic)(image, pool: pool)
            return Picture(
                coarse: coarse, sharp: sharp, label: item.label,
                bicubicPSNR: Self.psnr(try Tensor(sharp.shape, cubic.pixels), sharp))
        }
        gamma = settings.objective.gamma
        let tape = Tape(.inference)
        coarse = tape.input("coarse", try Shape([1, channels, side / factor, side / factor]))
        sharp = tape.input("sharp", try Shape([1, channels, side, side]))
        let scope = Scope(tape)
        upscaled = try network.resolver(coarse, scope["sr"])[0]
        logits = try network.classifier(upscaled, scope["cf"])[0]
        sharpLogits = try network.classifier(sharp, scope["cf"])[0]
        plan = try TensorPlan(tape, outputs: [upscaled, logits, sharpLogits], options: .init(kernels: kernels))
    }

    /// How good some weights are.
    func callAsFunction(_ parameters: Parameters, pool: ThreadPool) throws -> HistologyScore {
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        var score = HistologyScore()
        let share = 1 / Double(max(1, pictures.count))
        for picture in pictures {
            try workspace.run([coarse: picture.coarse, sharp: picture.sharp])
            let result = try workspace.tensor(upscaled)
            score.psnr += share * Self.psnr(result, picture.sharp)
            score.bicubicPSNR += share * picture.bicubicPSNR
            var distance = 0.0
            for (a, b) in zip(result.array, picture.sharp.array) { distance += Double(abs(a - b)) }
            score.distance += share * distance / Double(max(1, result.shape.count))
            let told = Self.logProbabilities(try workspace.tensor(logits).array)
            let sharpTold = Self.logProbabilities(try workspace.tensor(sharpLogits).array)
            if told.firstIndex(of: told.max() ?? 0) == picture.label { score.accuracy += share }
            if sharpTold.firstIndex(of: sharpTold.max() ?? 0) == picture.label { score.sharpAccuracy += share }
            score.logLoss -= share * told[picture.label]
            score.focal -= share * pow(1 - exp(told[picture.label]), gamma) * told[picture.label]
        }
        return score
    }

    private static func logProbabilities(_ logits: [Float]) -> [Double] {
        let largest = Double(logits.max() ?? 0), sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
        return logits.map { Double($0) - largest - log(sum) }
    }

    /// In dB, of results clamped to 0...1; 100 where there is no difference.
    static func psnr(_ result: Tensor, _ sharp: Tensor) -> Double {
        var sum = 0.0
        for (a, b) in zip(result.array, sharp.array) {
            let difference = Double(min(max(a, 0), 1)) - Double(b)
            sum += difference * difference
        }
        return sum > 0 ? -10 * log10(sum / Double(max(1, sharp.shape.count))) : 100
    }
}
