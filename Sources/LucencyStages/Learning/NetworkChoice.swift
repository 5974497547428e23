import LucencyFoundation
import LucencyNetworks
import LucencyPipeline

/// A network as a pipeline names it. Channels of its input, classes and dimensions follow from the data.
struct NetworkChoice: ComponentValue {
    /// The network with what the data do not decide.
    let network: any Network

    static var componentKind: String { "network" }
    static var components: [Component<NetworkChoice>] { [.unet, .residualUNet] }
}

extension UNet.Upsampling: ChoiceParameter {}
extension Norm.Kind: ChoiceParameter {}

extension Component<NetworkChoice> {
    static let unet = Component(
        "unet", "The U-Net (Ronneberger et al. 2015).", prototype: UNet(channels: [16, 32, 64, 128]),
        parameters: [
            Parameter(
                "channels", \.channels, in: .within(1...8192),
                help: "Channels of each level; their number is the number of levels."),
            Parameter("convolutions", \.convolutions, in: .within(1...16), help: "Convolutions in each block."),
            Parameter("kernel", \.kernel, in: .within(1...31), help: "Side of the convolutions' kernels, odd."),
            Parameter("norm", \.norm, help: "What means and variances are taken over."),
            Parameter("groups", \.groups, in: .within(1...8192), help: "Groups of channels, for the norm `group`."),
            Parameter("residual", \.isResidual, help: "Add each block's input to its result."),
            Parameter("upsampling", \.upsampling, help: "How a level is brought to the resolution of the one above."),
            Parameter(
                "scales", \.scales, in: .within(1...9),
                help: "Deep supervision: decoder levels that give a result to learn from."),
            Parameter(
                "dropout", \.dropout, in: .within(0...0.9),
                help: "Probability with which a number at the end of a block is dropped while learning."),
        ],
        make: { NetworkChoice(network: $0) }, match: { $0.network as? UNet })

    static let residualUNet = Component(
        "residual-unet", "The U-Net with a residual encoder as nnU-Net v2 plans it (Isensee et al. 2024).",
        prototype: ResidualPlan(),
        parameters: [
            Parameter(
                "channels", \.channels, in: .within(1...8192),
                help: "Channels of each stage; their number is the number of stages."),
            Parameter(
                "blocks", \.blocks, in: .within(1...32), help: "Residual blocks of each stage, or one number for all."),
            Parameter("norm", \.norm, help: "What means and variances are taken over."),
            Parameter("deepSupervision", \.deepSupervision, help: "Learn from coarser decoder stages too."),
        ],
        make: { NetworkChoice(network: $0.network) },
        match: { ($0.network as? ResidualEncoderUNet).map(ResidualPlan.init) })
}

/// `ResidualEncoderUNet` with isotropic kernels and strides.
private struct ResidualPlan: Sendable {
    var channels = [16, 32, 64, 128]
    var blocks = [2]
    var norm = Norm.Kind.instance
    var deepSupervision = false

    init() {}

    init(_ network: ResidualEncoderUNet) {
        channels = network.channels
        blocks = Set(network.blocks).count == 1 ? Array(network.blocks.prefix(1)) : network.blocks
        norm = network.norm
        deepSupervision = network.deepSupervision
    }

    var network: ResidualEncoderUNet {
        let stages = channels.count
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
}
