import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyPipeline

/// A network as a pipeline names it. Channels of its input, classes and dimensions follow from the data; with `auto`, depth,
/// width and much of the training too.
struct NetworkChoice: ComponentValue {
    /// As it is written.
    let settings: any NetworkSettings

    /// The network with what the data do not decide.
    var network: any Network { settings.network }
    /// nil where everything is as it is written.
    var automatic: AutomaticNetwork? { settings.automatic }

    static var componentKind: String { "network" }
    static var components: [Component<NetworkChoice>] { [.unet, .residualUNet] }
}

/// What a plan is asked for.
struct AutomaticNetwork: Sendable {
    var network: PlannedNetwork
    var budget = TrainingBudget()
    /// What is stated about the network; what is stated about the training is added by the trainer.
    var stated = StatedSettings()
}

/// The parameters of a network in YAML.
protocol NetworkSettings: Sendable {
    var network: any Network { get }
    var automatic: AutomaticNetwork? { get }
}

/// Whether a network is planned, and for what.
struct AutomaticSettings: Sendable {
    var isOn = false
    var memory: MemorySize?
    var time: TimeSpan?

    static func parameters<Root>(
        _ isOn: any WritableKeyPath<Root, Bool> & Sendable, _ memory: any WritableKeyPath<Root, MemorySize?> & Sendable,
        _ time: any WritableKeyPath<Root, TimeSpan?> & Sendable
    ) -> [Parameter<Root>] {
        [
            Parameter("auto", isOn, help: "Derive from the training images what is not stated here or in the trainer."),
            Parameter(
                "memory", memory, help: "With auto: what training may take besides the images; left out: 2 GB."),
            Parameter("time", time, help: "With auto: how long training may take on one thread; left out: 10 min."),
        ]
    }

    /// - Throws: `Diagnostic` when there is a budget for nothing.
    func check() throws(Diagnostic) {
        guard !isOn, memory != nil || time != nil else { return }
        throw Diagnostic(
            .badArgument, "`\(memory != nil ? "memory" : "time")` is for networks that are planned",
            remedy: "add `auto: true`, or leave it out")
    }

    func request(_ network: PlannedNetwork, channels: [Int]?, norm: Norm.Kind?) -> AutomaticNetwork? {
        guard isOn else { return nil }
        var request = AutomaticNetwork(network: network)
        if let memory { request.budget.memory = memory.bytes }
        if let time { request.budget.seconds = time.seconds }
        request.stated.channels = channels
        request.stated.norm = norm
        return request
    }
}

extension UNet.Upsampling: ChoiceParameter {}
extension Norm.Kind: ChoiceParameter {}

/// Channels of each level where none are stated and nothing is planned.
private let usualChannels = [16, 32, 64, 128]

private struct UNetSettings: NetworkSettings {
    var base = UNet(channels: usualChannels)
    var channels: [Int]?
    var norm: Norm.Kind?
    var auto = AutomaticSettings()

    init() {}

    private var unet: UNet {
        var network = base
        if let channels { network.channels = channels }
        if let norm { network.norm = norm }
        return network
    }

    var network: any Network { unet }
    var automatic: AutomaticNetwork? { auto.request(.unet(unet), channels: channels, norm: norm) }
}

/// `ResidualEncoderUNet` with isotropic kernels and strides, unless it is planned.
private struct ResidualSettings: NetworkSettings {
    var channels: [Int]?
    var blocks = [2]
    var norm = Norm.Kind.instance
    var deepSupervision = false
    var auto = AutomaticSettings()

    init() {}

    private var residual: ResidualEncoderUNet {
        let channels = channels ?? usualChannels, stages = channels.count
        var network = ResidualEncoderUNet(
            inputChannels: 1, classes: 2, channels: channels,
            kernels: Array(repeating: [3, 3, 3], count: stages),
            strides: (0..<stages).map { Array(repeating: $0 == 0 ? 1 : 2, count: 3) },
            blocks: blocks.count == 1 ? Array(repeating: blocks[0], count: stages) : blocks,
            decoderConvolutions: Array(repeating: 1, count: max(0, stages - 1)))
        network.norm = norm
        network.deepSupervision = deepSupervision
        return network
    }

    var network: any Network { residual }
    var automatic: AutomaticNetwork? { auto.request(.residual(residual), channels: channels, norm: nil) }

    func check() throws(Diagnostic) {
        try auto.check()
        guard auto.isOn, channels == nil, blocks.count > 1 else { return }
        throw Diagnostic(
            .badArgument, "\(blocks.count) numbers of blocks are for stages that are not planned yet",
            remedy: "give one number for all stages, or `channels` too")
    }
}

extension Component<NetworkChoice> {
    static let unet = Component(
        "unet", "The U-Net (Ronneberger et al. 2015).", prototype: UNetSettings(),
        parameters: [
            Parameter(
                "channels", \.channels, in: .within(1...8192),
                help:
                    "Channels of each level; their number is the number of levels. Left out: \(usualChannels), or planned."
            ),
            Parameter("convolutions", \.base.convolutions, in: .within(1...16), help: "Convolutions in each block."),
            Parameter("kernel", \.base.kernel, in: .within(1...31), help: "Side of the convolutions' kernels, odd."),
            Parameter(
                "norm", \.norm, help: "What means and variances are taken over; left out: batch, or planned."),
            Parameter(
                "groups", \.base.groups, in: .within(1...8192), help: "Groups of channels, for the norm `group`."),
            Parameter("residual", \.base.isResidual, help: "Add each block's input to its result."),
            Parameter(
                "upsampling", \.base.upsampling, help: "How a level is brought to the resolution of the one above."),
            Parameter(
                "scales", \.base.scales, in: .within(1...9),
                help: "Deep supervision: decoder levels that give a result to learn from."),
            Parameter(
                "dropout", \.base.dropout, in: .within(0...0.9),
                help: "Probability with which a number at the end of a block is dropped while learning."),
        ] + AutomaticSettings.parameters(\.auto.isOn, \.auto.memory, \.auto.time),
        check: { try $0.auto.check() },
        make: { NetworkChoice(settings: $0) }, match: { $0.settings as? UNetSettings })

    static let residualUNet = Component(
        "residual-unet", "The U-Net with a residual encoder as nnU-Net v2 plans it (Isensee et al. 2024).",
        prototype: ResidualSettings(),
        parameters: [
            Parameter(
                "channels", \.channels, in: .within(1...8192),
                help:
                    "Channels of each stage; their number is the number of stages. Left out: \(usualChannels), or planned."
            ),
            Parameter(
                "blocks", \.blocks, in: .within(1...32), help: "Residual blocks of each stage, or one number for all."),
            Parameter("norm", \.norm, help: "What means and variances are taken over."),
            Parameter("deepSupervision", \.deepSupervision, help: "Learn from coarser decoder stages too."),
        ] + AutomaticSettings.parameters(\.auto.isOn, \.auto.memory, \.auto.time),
        check: { try $0.check() },
        make: { NetworkChoice(settings: $0) }, match: { $0.settings as? ResidualSettings })
}

extension NetworkChoice {
    /// The U-Net with its usual settings.
    static var usual: NetworkChoice { NetworkChoice(settings: UNetSettings()) }
}
