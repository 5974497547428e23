import LucencyNetworks

/// A network whose depth and width a plan may choose.
public enum PlannedNetwork: Sendable {
    /// Halves all axes alike.
    case unet(UNet)
    /// Halves each axis as it needs.
    case residual(ResidualEncoderUNet)

    /// Whether all axes are halved together.
    var isAlike: Bool { if case .unet = self { true } else { false } }

    var name: String { if case .unet = self { "U-Net" } else { "residual U-Net" } }

    /// Channels of each level: twice as many from one to the next, up to 16 times those of the first.
    static func channels(width: Int, levels: Int) -> [Int] {
        (0..<levels).map { width << min($0, 4) }
    }

    /// - Parameter norm: nil keeps the network's own.
    func network(
        channels: [Int], scheme: PoolingScheme, norm: Norm.Kind?, inputChannels: Int, classes: Int
    ) -> any Network {
        let axes = scheme.strides.first?.count ?? 2
        switch self {
        case .unet(var network):
            network.channels = channels
            if let norm { network.norm = norm }
            return network.fitted(axes: axes, inputChannels: inputChannels, classes: classes)
        case .residual(var network):
            let blocks = network.blocks
            network.channels = channels
            // Tensors have their slowest axis first.
            network.strides = scheme.strides.map { $0.reversed() }
            network.kernels = scheme.kernels.map { $0.reversed() }
            network.blocks = channels.indices.map { $0 < blocks.count ? blocks[$0] : blocks.last ?? 2 }
            network.decoderConvolutions = Array(repeating: 1, count: max(0, channels.count - 1))
            if let norm { network.norm = norm }
            (network.inputChannels, network.classes) = (inputChannels, classes)
            return network
        }
    }

    /// Fewest levels at which the network's own settings hold.
    var fewestLevels: Int {
        switch self {
        case .unet(let network): min(5, network.scales + 1)
        case .residual: 2
        }
    }
}
