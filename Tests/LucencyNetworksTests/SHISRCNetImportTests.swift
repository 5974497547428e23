import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct SHISRCNetImportTests {
    /// The public code's state dictionary, ×4 with reference gates, with numbers of a fixed stream.
    private static func dictionary(
        renaming: (String) -> String? = { $0 }
    ) throws -> [StoredTensor] {
        let names = try TestFiles.json(TestFiles.fixture("LucencyNetworksTests", "shisrcnet/names.json"))
        var stream = PhiloxStream(seed: 9, stream: "dictionary"), tensors: [StoredTensor] = []
        for (name, shape) in (names.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
            let extents = shape.arrayValue?.compactMap(\.intValue) ?? []
            let count = extents.reduce(1, *), fanIn = max(1, extents.dropFirst().reduce(1, *))
            var values = Tensor.normal(try Shape([count]), from: &stream).array
            // Numbers of a size that keeps images in range; variances are positive.
            let scale = name.hasSuffix("running_var") ? 0 : 1.4 / Float(fanIn).squareRoot()
            let offset: Float = extents.count == 1 && !name.hasSuffix("bias") && !name.hasSuffix("mean") ? 1 : 0
            values = values.map { offset + scale * (extents.count == 1 ? 0.1 * $0 : $0) }
            guard let renamed = renaming(name) else { continue }
            tensors.append(try StoredTensor(name: renamed, shape: extents, floats: AlignedBuffer(values)))
        }
        return tensors
    }

    @Test func `a full state dictionary maps by name and shape, and nothing is left over`() throws {
        let tensors = try Self.dictionary()
        #expect(tensors.count == 549)
        let outcome = try NameMap.shisrcNet(factor: 4).apply(to: tensors)
        #expect(outcome.unknown == [] && outcome.unused == [] && outcome.dropped == [])
        let network = SHISRCNet(factor: 4, gate: .reference)
        let declared = try network.declarations()
        let counters = outcome.tensors.filter { $0.name.hasSuffix("num_batches_tracked") }
        #expect(outcome.tensors.count - counters.count == declared.count)
        let shapes = Dictionary(outcome.tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { a, _ in a })
        for declaration in declared {
            #expect(shapes[declaration.name] == declaration.shape.dimensions, "\(declaration.name)")
        }
        // As strictly as any weights are taken.
        #expect(try network.parameters(seed: 1).load(Weights(outcome.tensors)).isEmpty)
    }

    @Test func `factor, gates and classes follow from the shapes`() throws {
        let (model, network) = try SHISRCNetImport(.stored)(Weights(Self.dictionary()))
        #expect(network == SHISRCNet(factor: 4, gate: .reference))
        #expect(model.classes?.classes.map(\.name) == ["benign", "malignant"])
        #expect(model.preprocessing?.channels.map(\.name) == ["blue", "green", "red"])
        // ×2 has one doubling less, plain gates have a convolution without a bias alone.
        let plain = try Self.dictionary { name in
            if name.contains(".SE"), name.hasPrefix("SRNet") {
                return name.hasSuffix("conv.0.weight") ? name.replacing("conv.0.weight", with: "conv.weight") : nil
            }
            if name.hasPrefix("SRNet.up.3.") { return nil }
            return name.replacing("SRNet.up.6", with: "SRNet.up.3").replacing("SRNet.up.8", with: "SRNet.up.5")
        }
        #expect(try SHISRCNetImport(.stored)(Weights(plain)).network == SHISRCNet(factor: 2, gate: .plain))
        let wrapped = try Self.dictionary { "module." + $0 }
        #expect(try SHISRCNetImport(.upright)(Weights(wrapped)).network.factor == 4)
    }

    @Test func `upright weights do to usual images what stored ones do to turned ones`() throws {
        let weights = try Weights(Self.dictionary())
        let stored = try SHISRCNetImport(.stored)(weights).model
        let upright = try SHISRCNetImport(.upright)(weights).model
        #expect(upright.preprocessing?.channels.map(\.name) == ["red", "green", "blue"])
        var stream = PhiloxStream(seed: 4, stream: "image")
        let (height, width) = (12, 16)
        let image = Tensor.normal(try Shape([1, 3, height, width]), from: &stream)
        /// Red exchanged with blue, and rows with columns.
        func turned(_ x: Tensor) throws -> Tensor {
            let (h, w) = (x.shape[2], x.shape[3])
            var values: [Float] = []
            for color in 0..<3 {
                for column in 0..<w {
                    for row in 0..<h { values.append(x.array[((2 - color) * h + row) * w + column]) }
                }
            }
            return try Tensor([1, 3, w, h], values)
        }
        let sharp = try upright.predictor()(image)
        #expect(try sharp.error(against: turned(stored.predictor()(turned(image)))) < 1e-4)
        let classes = try upright.predictor(result: 1)(image)
        #expect(try classes.error(against: stored.predictor(result: 1)(turned(image))) < 1e-4)
        // The two are not the same without turning.
        #expect(try sharp.error(against: stored.predictor()(image)) > 0.01)
    }

    @Test func `weights of another network, or a part of them, are refused by name`() throws {
        #expect {
            try SHISRCNetImport(.stored)(Weights([StoredTensor(name: "a", shape: [1], floats: AlignedBuffer([1]))]))
        } throws: { "\($0)".contains("not the weights of SHISRCNet") }
        let partial = try Self.dictionary { $0 == "classNet.FPN.CSF2.Up.0.bias" ? nil : $0 }
        #expect {
            try SHISRCNetImport(.stored)(Weights(partial))
        } throws: { "\($0)".contains("cf.fuse.1.up.0.bias") }
        let extra = try Self.dictionary { $0 == "classNet.FPN.CSF2.Up.0.bias" ? "classNet.other" : $0 }
        #expect {
            try SHISRCNetImport(.stored)(Weights(extra))
        } throws: { "\($0)".contains("classNet.other") }
    }
}
