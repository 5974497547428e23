import Foundation
import LucencyFoundation
import LucencyNetworks
import Support
import Testing

@Suite("Model files")
struct ModelFileTests {
    static let preprocessing = Preprocessing(
        spacing: [0.5, 0.5, 2], orientation: "LPS",
        channels: [
            .init(name: "ct", normalization: .standard(mean: 40, deviation: 12.5, low: -100, high: 300)),
            .init(name: "pet", normalization: .percentile(lower: 0.5, upper: 99.5)),
            .init(name: "t1", normalization: .zScore),
            .init(name: "t2", normalization: .window(low: 0, high: 1)), .init(name: "raw"),
        ])
    static let classes = ClassTable([
        .init(name: "membrane", value: 0), .init(name: "cell", value: 255, color: [255, 0, 10]),
    ])

    func model(_ change: (inout Preprocessing, inout ClassTable) -> Void = { _, _ in }) throws -> ModelFile {
        var (preprocessing, classes) = (Self.preprocessing, Self.classes)
        change(&preprocessing, &classes)
        return try ModelFile(
            network: .init(kind: "unet", configuration: ["channels": [16, 32], "residual": true]),
            preprocessing: preprocessing, classes: classes, training: ["epochs": 20, "objective": "nacl"],
            weights: Weights(
                [StoredTensor(name: "w", shape: [2], floats: AlignedBuffer([1, 2]))], metadata: ["name": "em"]))
    }

    @Test("A model reads back whole, and writes to the same bytes again") func roundTrip() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "m.lucency").path, again = folder.appending(path: "n.lucency").path
            try model().write(to: path)
            let read = try ModelFile(path: path)
            #expect(read.network == .init(kind: "unet", configuration: ["channels": [16, 32], "residual": true]))
            #expect(read.preprocessing == Self.preprocessing && read.classes == Self.classes)
            #expect(read.training == ["epochs": 20, "objective": "nacl"])
            #expect(read.weights.metadata == ["name": "em"])
            #expect(try read.weights["w"]?.floats().array == [1, 2])
            try read.write(to: again)
            #expect(try Data(contentsOf: URL(filePath: path)) == Data(contentsOf: URL(filePath: again)))
            #expect(try Weights(path: path).metadata["lucency"] == "1")
        }
    }

    @Test("In half precision a model takes half the bytes, and its numbers are the nearest halves") func halves() throws
    {
        var random = PhiloxStream(seed: 1)
        let values = [0, -0.0, 1, -1, 65504, -65504, 1e-8, -3e-6] + (0..<1000).map { _ in Float(random.normal()) }
        let model = try ModelFile(
            network: .init(kind: "unet", configuration: [:]), training: ["epochs": 20],
            weights: Weights([StoredTensor(name: "w", shape: [values.count], floats: AlignedBuffer(values))]))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "h.lucency").path
            try model.halved().write(to: path)
            let read = try ModelFile(path: path), tensor = try #require(read.weights["w"])
            #expect(read.training == ["epochs": 20] && read.network == model.network)
            #expect(tensor.elementType == .float16 && tensor.byteCount == 2 * values.count)
            for (half, value) in zip(try tensor.floats().array, values) {
                #expect(abs(half - value) <= max(abs(value) / 2048, 0x1p-25) && (half.sign == value.sign))
            }
            // Halves stay what they are.
            #expect(try read.halved().weights["w"]?.bytes() == tensor.bytes())
        }
        let large = try ModelFile(
            network: .init(kind: "unet", configuration: [:]),
            weights: Weights([StoredTensor(name: "w", shape: [1], floats: AlignedBuffer([7e4]))]))
        #expect(throws: Diagnostic.self) { try large.halved() }
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "w.safetensors").path
            try Safetensors.write(
                Weights([StoredTensor(name: "w", shape: [1], floats: AlignedBuffer([1]))]), to: path)
            let plain = try ModelFile(path: path)
            #expect(throws: Diagnostic.self) { try plain.halved() }
        }
    }

    @Test("Parts that are not possible are refused by name") func validation() throws {
        func message(_ change: (inout Preprocessing, inout ClassTable) -> Void) -> String {
            (#expect(throws: Diagnostic.self) { try model(change) })?.message ?? ""
        }
        #expect(message { preprocessing, _ in preprocessing.spacing = [1, 0] }.contains("spacing"))
        #expect(message { preprocessing, _ in preprocessing.spacing = [1] }.contains("spacing"))
        #expect(message { preprocessing, _ in preprocessing.orientation = "LRS" }.contains("LRS"))
        #expect(message { preprocessing, _ in preprocessing.channels = [] }.contains("channel"))
        #expect(message { preprocessing, _ in preprocessing.channels[1].name = "ct" }.contains("same name"))
        #expect(
            message { preprocessing, _ in preprocessing.channels[3].normalization = .window(low: 1, high: 1) }.contains(
                "t2"))
        #expect(message { _, classes in classes.classes = [] }.contains("none"))
        #expect(message { _, classes in classes.classes[1].name = "membrane" }.contains("membrane"))
        #expect(message { _, classes in classes.classes[1].value = 0 }.contains("cell"))
        #expect(message { _, classes in classes.classes[1].value = -1 }.contains("-1"))
        #expect(message { _, classes in classes.classes[1].color = [1] }.contains("colour"))
        let empty = try Weights([])
        for training in [["data": ["/home/x"]], ["data": ["deep": "file:///x"]], [1]] as [JSONValue] {
            #expect(throws: Diagnostic.self) {
                try ModelFile(network: .init(kind: "unet"), training: training, weights: empty)
            }
        }
        #expect(throws: Diagnostic.self) { try ModelFile(network: .init(kind: ""), weights: empty) }
        #expect(throws: Diagnostic.self) {
            try ModelFile(network: .init(kind: "unet", configuration: 1), weights: empty)
        }
        #expect(throws: Diagnostic.self) {
            try ModelFile(network: .init(kind: "unet"), weights: Weights([], metadata: ["classes": ""]))
        }
    }

    @Test(
        "Damaged descriptions are refused with the file's name",
        arguments: [
            ["lucency": "x"], ["lucency": "2", "network": #"{"uses":"unet"}"#], ["lucency": "1"],
            ["lucency": "1", "network": "{"], ["lucency": "1", "network": #"{"with":{}}"#],
            ["lucency": "1", "network": #"{"uses":"unet","with":3}"#],
            ["lucency": "1", "network": #"{"uses":"unet"}"#, "classes": "{}"],
            ["lucency": "1", "network": #"{"uses":"unet"}"#, "classes": #"[{"name":"a"}]"#],
            ["lucency": "1", "network": #"{"uses":"unet"}"#, "classes": #"[{"name":"a","value":9999999999}]"#],
            [
                "lucency": "1", "network": #"{"uses":"unet"}"#,
                "preprocessing": #"{"channels":[{"name":"a","normalization":{"uses":"magic"}}]}"#,
            ],
            [
                "lucency": "1", "network": #"{"uses":"unet"}"#,
                "preprocessing": #"{"channels":[{"name":"a","normalization":{"uses":"window"}}]}"#,
            ],
            ["lucency": "1", "network": #"{"uses":"unet"}"#, "training": "7"],
        ])
    func damaged(_ metadata: [String: String]) throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "m.lucency").path
            try Safetensors.write(Weights([], metadata: metadata), to: path)
            let error = #expect(throws: Diagnostic.self) { try ModelFile(path: path) }
            #expect(error?.place?.file == path)
        }
    }

    @Test("Plain weights open without a network; a checkpoint is pointed to the import") func plain() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "w.safetensors").path
            try Safetensors.write(Weights([], metadata: ["network": "not ours"]), to: path)
            let model = try ModelFile(path: path)
            #expect(model.network == nil && model.weights.metadata == ["network": "not ours"])
            let error = #expect(throws: Diagnostic.self) { try ModelFile(path: PyTorchTests.path("types.pt")) }
            #expect(error?.remedy?.contains("model import") == true)
        }
    }

    @Test("A name map renames by rule and star, drops, and reports what it did not use") func names() throws {
        func renamed(_ json: JSONValue, _ names: [String]) throws -> NameMap.Outcome {
            let tensors = try names.map { try StoredTensor(name: $0, shape: [0], floats: AlignedBuffer<Float>([])) }
            return try NameMap(json).apply(to: tensors)
        }
        let outcome = try renamed(
            [
                "encoder.*.conv*.w": "down.*.*.weight", "encoder.0.conv1.w": "stem", "step": nil, "*.gone": "x.*",
                "a.*": "first.*", "a.b.*": "longer.*",
            ],
            ["encoder.0.conv1.w", "encoder.1.conv2.w", "encoder.2.conv10.w", "step", "a.c", "a.b.c", "kept"])
        #expect(
            outcome.tensors.map(\.name) == [
                "stem", "down.1.2.weight", "down.2.10.weight", "first.c", "longer.c", "kept",
            ])
        #expect(outcome.unknown == ["kept"] && outcome.unused == ["*.gone"] && outcome.dropped == ["step"])
        #expect(try renamed(["*": "net.*"], ["w", ""]).tensors.map(\.name) == ["net.w", "net."])
        #expect(try renamed(["a*b*": "*"], ["aXbY", "ab", "b"]).tensors.map(\.name) == ["X", "", "b"])
        for json in [["a": "*"], ["a*": "**"], ["a": 1], ["a": ""], []] as [JSONValue] {
            #expect(throws: Diagnostic.self) { try NameMap(json) }
        }
    }
}
