/// Something that the engine and its peers are timed at: one layer, or a whole network.
struct EngineCase: Codable, Sendable {
    enum Kind: String, Codable { case convolution, transposed, unet, upscale }
    enum Mode: String, Codable { case inference, training }

    var name: String
    var kind: Kind
    var mode: Mode
    var batch = 1
    var inputs: Int
    var outputs = 0
    var kernel = 3
    var stride = 1
    var height: Int
    var width: Int
    /// Channels of each level of a U-Net, and its classes.
    var channels: [Int] = []
    var classes = 0
    /// How many times as large an upscaler makes images.
    var factor = 1
    /// The peer, where it is not the usual one.
    var rival: String?

    /// The fastest peers: ONNX Runtime runs networks, PyTorch trains them.
    var peer: String { rival ?? (mode == .inference ? "onnxruntime" : "torch") }

    /// Whether it is a whole network.
    var isNetwork: Bool { kind == .unet || kind == .upscale }

    private static func layer(
        _ name: String, _ kind: Kind = .convolution, _ inputs: Int, _ outputs: Int, _ side: Int, kernel: Int = 3,
        stride: Int = 1
    ) -> [EngineCase] {
        [Mode.inference, .training].map { mode in
            EngineCase(
                name: "\(name) \(mode == .inference ? "forward" : "forward+backward")", kind: kind, mode: mode,
                inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, height: side, width: side)
        }
    }

    private static func unet(_ name: String, _ mode: Mode, batch: Int, side: Int) -> EngineCase {
        EngineCase(
            name: name, kind: .unet, mode: mode, batch: batch, inputs: 1, height: side, width: side,
            channels: [32, 64, 128, 256, 512], classes: 4)
    }

    /// The super-resolver of SHISRCNet with plain gates.
    private static func upscale(factor: Int, side: Int, rival: String? = nil) -> EngineCase {
        EngineCase(
            name: "upscale x\(factor) 1x3x\(side)x\(side)" + (rival.map { " (\($0))" } ?? ""), kind: .upscale,
            mode: .inference, inputs: 3, height: side, width: side, factor: factor, rival: rival)
    }

    static let layers: [EngineCase] =
        layer("3x3 1-32 @256", 1, 32, 256) + layer("3x3 32-32 @256", 32, 32, 256)
        + layer("3x3 64-64 @128", 64, 64, 128) + layer("3x3 128-128 @64", 128, 128, 64)
        + layer("3x3 256-256 @32", 256, 256, 32) + layer("3x3 512-512 @16", 512, 512, 16)
        + layer("3x3 64-32 @256", 64, 32, 256) + layer("1x1 32-4 @256", 32, 4, 256, kernel: 1)
        + layer("1x1 256-256 @32", 256, 256, 32, kernel: 1) + layer("3x3 stride 2 32-64 @256", 32, 64, 256, stride: 2)
        + layer("3x3 stride 2 128-256 @64", 128, 256, 64, stride: 2) + layer("7x7 3-64 @256", 3, 64, 256, kernel: 7)
        + layer("transposed 2x2 64-32 @128", .transposed, 64, 32, 128, kernel: 2, stride: 2)
        + layer("transposed 2x2 512-256 @16", .transposed, 512, 256, 16, kernel: 2, stride: 2)

    static let networks: [EngineCase] = [
        unet("unet inference 1x1x512x512", .inference, batch: 1, side: 512),
        unet("unet inference 8x1x256x256", .inference, batch: 8, side: 256),
        unet("unet training 8x1x256x256", .training, batch: 8, side: 256),
        unet("unet training 1x1x512x512", .training, batch: 1, side: 512),
        upscale(factor: 4, side: 128), upscale(factor: 4, side: 128, rival: "torch"),
    ]

    /// What a minute allows.
    static let quick: [EngineCase] =
        layer("3x3 64-64 @128", 64, 64, 128) + [
            unet("unet inference 1x1x512x512", .inference, batch: 1, side: 512),
            unet("unet training 2x1x128x128", .training, batch: 2, side: 128),
        ]
}

extension EngineCase {
    /// Convenience of the table above: kind before the sizes.
    private static func layer(
        _ name: String, _ inputs: Int, _ outputs: Int, _ side: Int, kernel: Int = 3, stride: Int = 1
    )
        -> [EngineCase]
    {
        layer(name, .convolution, inputs, outputs, side, kernel: kernel, stride: stride)
    }
}
