import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Files and arguments that ask for more than there is.
@Suite struct HostileModelTests {
    @Test func `a model file whose settings ask for more weights than it holds is refused at once`() throws {
        let settings: JSONValue = ["channels": [8192, 8192], "kernel": 31]
        let model = try ModelFile(
            network: .init(kind: "unet", configuration: settings), preprocessing: nil, classes: nil, training: nil,
            weights: Weights([], metadata: [:]))
        #expect(throws: DiagnosticList.self) { try model.predictor() }
    }

    @Test func `an empty view with strides beyond all numbers is no trap`() throws {
        let checkpoint = TestFiles.fixture("LucencyNetworksTests", "empty-view.pth")
        let weights = try Weights(path: checkpoint.path)
        #expect(weights.tensors.allSatisfy { $0.count == 0 })
    }

    @Test func `a summary of enormous settings saturates`() throws {
        var network = UNet(channels: [8192, 8192])
        network.kernel = 31
        let summary = try NetworkSummary(network, input: Shape([1, 1, 512, 512]), kernels: Kernels(family: .portable))
        #expect(summary.operations > 1 << 50)
    }

    @Test(arguments: [Norm.Kind.instance, .batch])
    func `the smallest images are padded until every norm has something to measure`(norm: Norm.Kind) throws {
        var network = UNet(channels: [4, 8, 16, 16])
        network.norm = norm
        let predictor = try Predictor(network, parameters: network.parameters(seed: 1))
        for side in [1, 5, 8, 9] {
            let result = try predictor(Tensor(Shape([1, 1, side, side]), repeating: 0.5))
            #expect(result.shape.spatial == [side, side])
            #expect(!result.array.contains { !$0.isFinite })
        }
    }

    @Test func `predictions whose channels change, and tiles beyond the memory, are refused`() throws {
        let images = Tensor(try Shape([2, 1, 4, 4]), repeating: 1)
        var calls = 0
        #expect(throws: Diagnostic.self) {
            try SlidingWindow(tile: [4, 4])(images) { _ in
                calls += 1
                return Tensor(try Shape([1, calls == 1 ? 3 : 1, 4, 4]), repeating: 1)
            }
        }
        let volume = Tensor(try Shape([1, 1, 4, 4, 4]), repeating: 1)
        #expect(throws: Diagnostic.self) {
            try SlidingWindow(tile: [1 << 20, 1 << 20, 1 << 20])(volume) { $0 }
        }
    }
}
