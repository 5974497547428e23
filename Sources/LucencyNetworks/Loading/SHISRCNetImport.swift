import LucencyFoundation
import LucencyTensor

extension NameMap {
    /// From the names of SHISRCNet's public code to those of `SHISRCNet`, with either gate.
    /// - Parameter factor: 2, 4 or 8, from which the numbers of the last convolutions follow.
    public static func shisrcNet(factor: Int) throws(Diagnostic) -> NameMap {
        var rules: [String: JSONValue] = [
            "SRNet.backbone.0.*": "sr.head.*",
            "SRNet.backbone.1.sub.3.*": "sr.tail.*",
            // Classification.
            "classNet.backbone.basic_conv.*": "cf.stem.*",
            "classNet.FPN.CSF1.Up.*": "cf.fuse.0.up.*", "classNet.FPN.CSF2.Up.*": "cf.fuse.1.up.*",
            "classNet.fc.0.*": "cf.hidden.*", "classNet.fc.3.*": "cf.classes.*",
        ]
        for block in 0..<3 {
            let old = "SRNet.backbone.1.sub.\(block)", new = "sr.body.\(block)"
            for branch in 0..<4 {
                rules["\(old).layer\(branch + 1).*"] = .string("\(new).branch.\(branch).*")
                // Reference gates are a sequence, plain ones a convolution.
                rules["\(old).SE\(branch + 1).conv.*"] = .string("\(new).gate.\(branch).*")
            }
            rules["\(old).project.*"] = .string("\(new).project.*")
        }
        for (stage, first) in [(1, 0), (2, 2), (3, 4)] {
            let old = "classNet.backbone.stage_\(stage)"
            for unit in 0..<(stage == 3 ? 4 : 2) {
                let new = "cf.units.\(first + unit)"
                for (part, name) in [
                    ("conv1", "a"), ("conv2_sk.convs", "b.branch"), ("conv2_sk.fc", "b.reduce"),
                    ("conv2_sk.fcs", "b.expand"), ("conv3", "c"), ("shortcut", "s"),
                ] {
                    // Only where the channels change is there a shortcut with weights.
                    if part == "shortcut", unit > 0 || stage == 3 { continue }
                    rules["\(old).\(unit).\(part).*"] = .string("\(new).\(name).*")
                }
            }
        }
        for fusion in 0..<2 {
            let old = "classNet.FPN.CSF\(fusion + 1)", new = "cf.fuse.\(fusion)"
            for unit in 0..<2 {
                rules["\(old).layer1.\(unit).conv.*"] = .string("\(new).squeeze.\(unit).*")
                rules["\(old).SE\(unit + 1).conv.*"] = .string("\(new).g\(unit + 1).*")
            }
        }
        // Convolutions of the doublings are 0, 3, 6, each before a shuffle and an activation.
        let doublings = factor.trailingZeroBitCount
        for index in 0..<doublings { rules["SRNet.up.\(3 * index).*"] = .string("sr.up.\(index).*") }
        rules["SRNet.up.\(3 * doublings).*"] = "sr.h0.*"
        rules["SRNet.up.\(3 * doublings + 2).*"] = "sr.h1.*"
        return try NameMap(.object(rules))
    }
}

/// A state dictionary of SHISRCNet's public code as a model.
///
/// What the network is follows from the shapes: the factor from the number of doublings, the gates from whether they have a
/// norm, the classes from the last layer. Images are bytes divided by 255.
public struct SHISRCNetImport: Sendable {
    public enum Orientation: Sendable {
        /// Weights as they are: the network then wants what the public code feeds it, channels in the order blue, green, red
        /// and rows exchanged with columns.
        case stored
        /// Weights turned so that the network takes red, green, blue and upright images: kernels are transposed, colours
        /// exchanged, and so are the middle two of each four channels before a shuffle. The numbers stay the same.
        case upright
    }

    public var orientation: Orientation
    public init(_ orientation: Orientation) { self.orientation = orientation }

    /// - Throws: `Diagnostic` when the weights are not those of the network, `DiagnosticList` with all that do not fit.
    public func callAsFunction(_ weights: Weights) throws -> (model: ModelFile, network: SHISRCNet) {
        let plain = weights.tensors.map { tensor in
            tensor.name.hasPrefix("module.") ? tensor.renamed(String(tensor.name.dropFirst(7))) : tensor
        }
        var shapes: [String: [Int]] = [:]
        for tensor in plain { shapes[tensor.name] = tensor.shape }
        let network = try Self.network(of: shapes)
        let parameters = try Parameters(network.declarations().map(\.unset), seed: 0)
        try parameters.load(Weights(plain), names: .shisrcNet(factor: network.factor))
        if orientation == .upright { try Self.turn(parameters, network) }
        let window = Preprocessing.Normalization.window(low: 0, high: 255)
        let colors = orientation == .upright ? ["red", "green", "blue"] : ["blue", "green", "red"]
        let model = try ModelFile(
            network, parameters: parameters,
            preprocessing: Preprocessing(channels: colors.map { .init(name: $0, normalization: window) }),
            classes: ClassTable(
                network.classes == 2
                    ? [.init(name: "benign", value: 0), .init(name: "malignant", value: 1)]
                    : (0..<network.classes).map { .init(name: "class \($0)", value: Int32($0)) }),
            training: ["method": "imported"])
        return (model, network)
    }

    private static func network(of shapes: [String: [Int]]) throws(Diagnostic) -> SHISRCNet {
        let doublings = [1, 2, 3].first { shapes["SRNet.up.\(3 * $0 + 2).weight"] != nil }
        guard let doublings, let classes = shapes["classNet.fc.3.bias"]?.first, (1...1 << 12).contains(classes) else {
            throw Diagnostic(
                .missingKey, "these are not the weights of SHISRCNet: there is no 'SRNet.up' or 'classNet.fc.3.bias'",
                remedy: "say the entry that holds them by --key, or take off a prefix by --prefix-strip")
        }
        var network = SHISRCNet(factor: 1 << doublings, classes: classes)
        network.gate = shapes["SRNet.backbone.1.sub.0.SE1.conv.1.weight"] == nil ? .plain : .reference
        return network
    }

    /// Exchanges rows with columns and red with blue.
    private static func turn(_ parameters: Parameters, _ network: SHISRCNet) throws {
        for declaration in parameters.declarations {
            let name = declaration.name, shape = declaration.shape.dimensions
            guard let tensor = parameters[name] else { continue }
            var values = tensor.array
            let inner = shape.dropFirst().reduce(1, *)
            if shape.count == 4, shape[2] > 1 {
                let (height, width) = (shape[2], shape[3])
                values = values.indices.map { index in
                    let kernel = index / (height * width), y = index / width % height, x = index % width
                    return values[(kernel * width + x) * height + y]
                }
            }
            if ["sr.head.weight", "cf.stem.0.weight"].contains(name) {
                // Their inputs are colours.
                let area = shape[2] * shape[3], colors = shape[1]
                values = values.indices.map { index in
                    let color = index / area % colors
                    return values[index + (colors - 1 - 2 * color) * area]
                }
            }
            if name == "sr.h1.weight" {
                values = values.indices.map { values[(shape[0] - 1 - $0 / inner) * inner + $0 % inner] }
            }
            if name.hasPrefix("sr.up.") {
                // Of each four channels, 1 is the right neighbour and 2 the lower one.
                values = values.indices.map { index in
                    let channel = index / inner, place = [0, 2, 1, 3][channel % 4]
                    return values[(channel - channel % 4 + place) * inner + index % inner]
                }
            }
            try parameters.set(name, to: Tensor(shape, values))
        }
    }
}
