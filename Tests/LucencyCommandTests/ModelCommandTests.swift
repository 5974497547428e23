import Foundation
import Lucency
import Support
import Testing

@Suite struct ModelCommandTests {
    static func fixture(_ name: String) -> String { TestFiles.fixture("LucencyNetworksTests", name).path }

    @Test func `a checkpoint is inspected, also by inspect`() throws {
        for command in [["model", "inspect"], ["inspect"]] {
            let result = try runLucency(command + [Self.fixture("checkpoint-2.pt"), "--json"])
            #expect(result.status == 0, "\(result.errors)")
            let found = try JSONValue(parsing: Array(result.out))
            #expect(found["format"] == "pytorch" && found["parameters"] == 67)
            #expect(
                found["tensors"]?.arrayValue?.first == ["name": "0.weight", "dtype": "float32", "shape": [4, 1, 3, 3]])
            #expect(found["metadata"]?["epoch"] == "3" && found["sha256"]?.stringValue?.count == 64)
            #expect(found["notes"]?.arrayValue?.count == 2)
        }
        let text = try lucency("model", "inspect", Self.fixture("checkpoint-2.pt"), "--key", "optimizer").out
        #expect(text.contains("exp_avg"))
    }

    @Test func `a fitted value without weights shows its numbers`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "temperature.lucency").path
            let settings: JSONValue = [
                "classes": ["background", "cell"], "method": "temperature", "parameters": ["temperature": 1.5],
            ]
            try ModelFile(network: .init(kind: "recalibration", configuration: settings), weights: Weights([]))
                .write(to: path)
            let text = try lucency("model", "inspect", path).out
            #expect(text.contains("recalibration") && text.contains(#"{"temperature":1.5}"#))
            #expect(try lucency("model", "inspect", path, "--json").json["network"] == settings)
        }
    }

    @Test func `a checkpoint is imported, renamed and reported`() throws {
        try withTemporaryFolder { folder in
            let (map, out) = (folder.appending(path: "map.json").path, folder.appending(path: "w.safetensors").path)
            try Data(#"{"*.weight":"*.w","*.num_batches_tracked":null,"nothing":"x"}"#.utf8).write(
                to: URL(filePath: map))
            let result = try lucency(
                "model", "import", Self.fixture("checkpoint-4.pt"), out, "--map", map, "--prefix-strip", "3.", "--json")
            #expect(result.status == 0, "\(result.errors)")
            let report = try result.json
            #expect(report["unused"] == ["nothing"] && report["dropped"] == ["1.num_batches_tracked"])
            #expect(result.errors.contains("'nothing'") && result.errors.contains("'weight'"))
            let weights = try Weights(path: out)
            #expect(
                weights.tensors.map(\.name) == [
                    "0.w", "0.bias", "1.w", "1.bias", "1.running_mean", "1.running_var", "weight", "bias",
                ])
            #expect(weights.metadata["arch"] == "tiny")
            // Again from what was written.
            #expect(try lucency("model", "import", out, out).status == 1)
            let again = folder.appending(path: "again.safetensors").path
            #expect(try lucency("model", "import", out, again).status == 0)
            #expect(try Data(contentsOf: URL(filePath: again)) == Data(contentsOf: URL(filePath: out)))
        }
    }

    @Test func `names that collide, and files that ask for code, are refused`() throws {
        try withTemporaryFolder { folder in
            let (map, out) = (folder.appending(path: "map.json").path, folder.appending(path: "w.safetensors").path)
            try Data(#"{"*.weight":"one"}"#.utf8).write(to: URL(filePath: map))
            let collision = try lucency("model", "import", Self.fixture("checkpoint-2.pt"), out, "--map", map)
            #expect(collision.status == 1 && collision.errors.contains("'one'"))
            let code = try lucency("model", "import", Self.fixture("whole-module.pt"), out)
            #expect(code.status == 1 && code.errors.contains("LC0309") && code.errors.contains("torch.save"))
            #expect(!FileManager.default.fileExists(atPath: out))
        }
    }

    @Test func `a model says what it is, and its weights are exported alone`() throws {
        try withTemporaryFolder { folder in
            let (file, out) = (folder.appending(path: "m.lucency").path, folder.appending(path: "w.safetensors").path)
            let tensor = try StoredTensor(name: "w", shape: [2, 1], floats: AlignedBuffer([1, 2]))
            try ModelFile(
                network: .init(kind: "unet", configuration: ["depth": 3]),
                preprocessing: Preprocessing(channels: [.init(name: "gray", normalization: .zScore)]),
                classes: ClassTable([.init(name: "cell", value: 1)]), training: ["epochs": 2],
                weights: Weights([tensor], metadata: ["name": "em"])
            ).write(to: file)
            let found = try lucency("model", "inspect", file, "--json").json
            #expect(found["kind"] == "unet" && found["network"] == ["depth": 3] && found["training"] == ["epochs": 2])
            #expect(found["classes"] == [["name": "cell", "value": 1]])
            #expect(found["preprocessing"]?["channels"] == [["name": "gray", "normalization": ["uses": "z-score"]]])
            let text = try lucency("inspect", file).out
            #expect(text.contains("unet") && text.contains("cell = 1") && text.contains("w  float32 [2, 1]"))
            #expect(try lucency("model", "export", file, out).status == 0)
            let weights = try Weights(path: out)
            #expect(weights.metadata.isEmpty && weights.tensors.map(\.shape) == [[2, 1]])
        }
    }
}
