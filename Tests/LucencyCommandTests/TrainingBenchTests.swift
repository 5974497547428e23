import Foundation
import Lucency
import Support
import Testing

/// The bench that trains beside PyTorch, without it: what it leaves for the peer, and what it reports alone.
@Suite struct TrainingBenchTests {
    private let bench = Program(product: "lucency-bench")

    private func run(_ more: String...) throws -> Program.Outcome {
        try bench.run(
            [
                "training", "--steps", "3", "--seeds", "7", "--channels", "8,16", "--batch", "2", "--patch", "32",
                "--kernels", "portable", "--python", "true", "--json",
            ] + more, in: TestFiles.root)
    }

    @Test func `training leaves settings, initial weights, batches, test images and losses for a peer`() throws {
        try withTemporaryFolder { folder in
            let result = try run("--count", "3", "--size", "64", "--output", folder.path, "--kept", "2")
            try #require(result.status == 0, "\(result.errors)")
            let json = try JSONValue(parsing: result.output)
            let row = try #require(json["rows"]?.arrayValue?.first)
            let losses = try #require(row["losses"]?.arrayValue).compactMap(\.doubleValue)
            #expect(losses.count == 3 && losses.allSatisfy { $0 > 0 && $0.isFinite })
            #expect((0...1).contains(try #require(row["dice"]?.doubleValue)))
            // Without a peer there is nothing to compare, and nothing is made up.
            #expect(row["peer_dice"] == nil && row["loss_difference"] == nil && json["overlap"] == nil)
            #expect(json["notes"]?.arrayValue?.first?.stringValue?.hasPrefix("peer: none") == true)

            let dump = folder.appending(path: "seed-7")
            func weights(_ name: String) throws -> Weights { try Weights(path: dump.appending(path: name).path) }
            let settings = try JSONValue(
                parsing: String(contentsOf: dump.appending(path: "settings.json"), encoding: .utf8))
            #expect(settings["channels"]?.arrayValue?.compactMap(\.intValue) == [8, 16])
            #expect(settings["steps"]?.intValue == 3 && settings["method"]?.stringValue == "adamw")
            #expect(settings["warmUp"]?.intValue == 3)
            #expect(
                settings["objective"]?["parts"]?.arrayValue?.compactMap { $0["uses"]?.stringValue }
                    == ["cross-entropy", "dice"])

            let initial = try weights("initial.safetensors")
            let expected = try UNet(channels: [8, 16]).parameters(seed: 7)
            #expect(Set(initial.tensors.map(\.name)) == Set(expected.declarations.map(\.name)))
            #expect(try initial["up1.weight"]?.floats().array == expected["up1.weight"]?.array)

            let batches = try FileManager.default.contentsOfDirectory(
                atPath: dump.appending(path: "batches").path)
            #expect(batches.sorted() == ["0.safetensors", "1.safetensors"])
            let batch = try weights("batches/0.safetensors")
            #expect(batch["images"]?.shape == [2, 1, 32, 32] && batch["labels"]?.shape == [2, 32, 32])
            let labels = try #require(try batch["labels"]?.floats().array)
            #expect(Set(labels).isSubset(of: [-1, 0, 1]))
            #expect(try weights("test/2000.safetensors")["images"]?.shape == [1, 1, 64, 64])
            let table = try String(contentsOf: dump.appending(path: "losses.csv"), encoding: .utf8)
            #expect(
                table.split(separator: "\n").map(String.init).dropFirst()
                    == ["0", "1", "2"].map { "\($0),\(losses[Int($0) ?? 0])," }[...])
        }
    }

    @Test func `training reads a folder's lists, and names what does not fit`() throws {
        try withTemporaryFolder { folder in
            try Slices.render(
                Membranes(width: 64, height: 64), seed: 1, count: 3, images: folder.appending(path: "images"),
                masks: folder.appending(path: "masks"))
            func write(_ list: String, _ text: String) throws {
                try text.write(to: folder.appending(path: list), atomically: true, encoding: .utf8)
            }
            try write("train.txt", "00\n01\n")
            try write("test.txt", "02\n")
            let result = try run("--data", folder.path)
            try #require(result.status == 0, "\(result.errors)")
            #expect(try JSONValue(parsing: result.output)["rows"]?.arrayValue?.count == 1)

            let other = try run("--data", folder.path, "--classes", "255,1")
            #expect(other.status == 1 && other.errors.contains("holds 0, which --classes does not name"), "\(other)")
            let coarse = try run("--data", folder.path, "--channels", "1,1,1,1,1,1,1,1", "--patch", "128")
            #expect(coarse.status == 1 && coarse.errors.contains("that 128 divides"), "\(coarse)")
            try write("test.txt", "02\n17\n")
            let missing = try run("--data", folder.path)
            #expect(missing.status == 1 && missing.errors.contains("names '17'"), "\(missing)")
        }
    }

    @Test(arguments: [
        ["--seeds", "1,x"], ["--steps", "0"], ["--channels", "0"], ["--kernels", "neon512"], ["--classes", "255"],
    ])
    func `training refuses arguments it cannot use`(arguments: [String]) throws {
        #expect(try bench.run(["training"] + arguments, in: TestFiles.root).status == 64)
    }
}
