import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// The authors' checkpoints of BS-LDM, as far as their names and shapes go.
@Suite struct BoneSuppressionImportTests {
    /// Every name finds its parameter, of the same shape, and no parameter is left without one. Nothing is allocated: the
    /// estimator alone has 1.5 GB.
    private func verify(_ file: String, _ map: NameMap, _ declarations: [ParameterDeclaration]) throws {
        let names = try DiffusionGoldenTests.json("checkpoint-names/" + file).objectValue ?? [:]
        var wanted = Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, $0.shape.dimensions) })
        #expect(!names.isEmpty)
        for (name, shape) in names {
            // A tensor of one number stands for the name.
            let stand = try StoredTensor(name: name, shape: [1], floats: AlignedBuffer(repeating: 0, count: 1))
            let outcome = map.apply(to: [stand])
            #expect(outcome.unknown.isEmpty && outcome.dropped.isEmpty, "\(name)")
            let ours = try #require(outcome.tensors.first?.name)
            if ours.hasSuffix("num_batches_tracked") { continue }
            let found = wanted.removeValue(forKey: ours)
            #expect(found == shape.arrayValue?.compactMap(\.intValue), "\(name) → \(ours)")
        }
        #expect(wanted.isEmpty, "\(wanted.keys.sorted().prefix(5))")
    }

    @Test func `every tensor of the authors' autoencoder has its place`() throws {
        try verify("bs-ldm-vqgan", .boneAutoencoder, VectorAutoencoder().declarations())
    }

    @Test func `every tensor of the authors' discriminator has its place`() throws {
        try verify("bs-ldm-discriminator", .boneDiscriminator, PatchDiscriminator().declarations())
    }

    @Test func `every tensor of the authors' estimator has its place`() throws {
        let all = try LatentDiffusion().declarations().filter { $0.name.hasPrefix("estimator.") }
        try verify(
            "bs-ldm-unet", .boneEstimator,
            all.map {
                ParameterDeclaration(
                    name: String($0.name.dropFirst(10)), shape: $0.shape, initializer: $0.initializer,
                    isTrainable: $0.isTrainable)
            })
    }
}
