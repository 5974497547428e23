import Foundation
import Lucency
import Support
import Testing

/// What `model import --map`, `upscale`, `apply upscale.shisrcnet` and `apply classify.shisrcnet` promise.
@Suite struct UpscalingTests {
    private let bench = Program(product: "lucency-bench")

    private static func write(_ network: some LucencyNetworks.Network, channels: Int, to path: String) throws {
        let window = Preprocessing.Normalization.window(low: 0, high: 255)
        try ModelFile(
            network, parameters: network.parameters(seed: 5),
            preprocessing: Preprocessing(
                channels: (0..<channels).map { .init(name: "channel \($0)", normalization: window) })
        ).write(to: path)
    }

    private static func gray(_ width: Int, _ height: Int) -> [Float] {
        (0..<width * height).map { Float((($0 % width) * 7 + ($0 / width) * 5) % 256) }
    }

    private static func resolver(channels: Int) -> SuperResolver {
        var network = SuperResolver(factor: 2, skip: .cubic)
        (network.inputChannels, network.features, network.blocks) = (channels, 8, 1)
        return network
    }

    @Test func `a reference checkpoint becomes a model that enlarges and classifies`() throws {
        try withTemporaryFolder { folder in
            // A state dictionary under the public code's names.
            let names = try TestFiles.json(TestFiles.fixture("LucencyNetworksTests", "shisrcnet/names.json"))
            let tensors = try (names.objectValue ?? [:]).sorted { $0.key < $1.key }.map { name, shape in
                let extents = shape.arrayValue?.compactMap(\.intValue) ?? [], count = extents.reduce(1, *)
                let isScale = extents.count == 1 && !name.hasSuffix("bias") && !name.hasSuffix("mean")
                let values = (0..<count).map { isScale ? 1 : 0.02 * Float(($0 * 37) % 19 - 9) }
                return try StoredTensor(name: name, shape: extents, floats: AlignedBuffer(values))
            }
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Safetensors.write(Weights(tensors), to: path("state.safetensors"))
            let imported = try lucency(
                "model", "import", path("state.safetensors"), path("model.lucency"), "--map", "shisrcnet-upright",
                "--json")
            #expect(imported.status == 0 && imported.errors.isEmpty, "\(imported.errors)")
            let report = try imported.json
            #expect(report["factor"] == 4 && report["gate"] == "reference" && report["classes"] == 2)
            try writeImage(
                (0..<3 * 24 * 16).map { Float($0 % 251) }, size: GridSize(24, 16), to: path("coarse.png"), model: .rgb,
                bits: 8)
            let apply = try lucency(
                "apply", "upscale.shisrcnet", path("coarse.png"), "model=" + path("model.lucency"), "--output",
                path("sharp.png"), "--assume-spacing", "2um")
            #expect(apply.status == 0, "\(apply.errors)")
            let sharp = try facts(path("sharp.png"))
            #expect(sharp.text.contains("96") && sharp.text.contains("64"))
            let classes = try lucency(
                "apply", "classify.shisrcnet", path("coarse.png"), "model=" + path("model.lucency"), "--output", "-")
            #expect(classes.status == 0, "\(classes.errors)")
            let lines = classes.out.split(separator: "\n").map { $0.split(separator: ",") }
            #expect(lines.count == 2 && lines[0] == ["class", "benign", "malignant"])
            let probabilities = lines[1].dropFirst().compactMap { Double($0) }
            #expect(probabilities.count == 2 && abs(probabilities.reduce(0, +) - 1) < 1e-6)
            #expect(lines[1][0] == (probabilities[0] >= probabilities[1] ? "benign" : "malignant"))
            // Weights of something else.
            let wrong = try lucency(
                "model", "import", ModelCommandTests.fixture("checkpoint-4.pt"), path("wrong.lucency"), "--map",
                "shisrcnet")
            #expect(wrong.status == 1 && wrong.errors.contains("not the weights of SHISRCNet"))
        }
    }

    @Test func `nnU-Net's names come apart from their copies by a map of that name`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "w.safetensors").path
            let fixture = ModelCommandTests.fixture("residual_encoder_unet.safetensors")
            let run = try lucency("model", "import", fixture, out, "--map", "nnunet", "--prefix-strip", "state.")
            #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
            let names = try Weights(path: out).tensors.map(\.name)
            #expect(names.contains("encoder.stem.convs.0.conv.weight"))
            #expect(!names.contains { $0.contains("all_modules") || $0.hasPrefix("decoder.encoder") })
        }
    }

    @Test func `upscale writes what apply writes, with the spacing divided`() throws {
        try withTemporaryFolder { folder in
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Self.write(Self.resolver(channels: 3), channels: 3, to: path("model.lucency"))
            let pixels = (0..<3).flatMap { channel in
                Self.gray(150, 210).map { (255 - $0 + Float(60 * channel)).truncatingRemainder(dividingBy: 256) }
            }
            try writeImage(
                pixels, size: GridSize(150, 210), to: path("in.tif"), model: .rgb, bits: 8, spacing: [0.004, 0.004, 1])
            let bands = try lucency(
                "upscale", path("in.tif"), path("bands.tif"), "--model", path("model.lucency"), "--tile", "64",
                "--block",
                "48")
            #expect(bands.status == 0, "\(bands.errors)")
            let whole = try lucency(
                "apply", "upscale.shisrcnet", path("in.tif"), "model=" + path("model.lucency"), "--output",
                path("whole.tif"), "--with", "tile=[64, 64]", "--writer", "tile=48")
            #expect(whole.status == 0, "\(whole.errors)")
            // Byte for byte.
            #expect(
                try Data(contentsOf: URL(filePath: path("bands.tif")))
                    == Data(contentsOf: URL(filePath: path("whole.tif"))))
            let image = try TIFFFormat().readImage(
                path("bands.tif"), pages: .automatic, region: nil, limits: .standard)
            #expect(image.size == GridSize(300, 420) && image.origin?.stored == .uint8)
            #expect(abs(image.geometry.spacing.x - 0.002) < 1e-9)
            // Only TIFF comes in bands.
            let png = try lucency("upscale", path("in.tif"), path("out.png"), "--model", path("model.lucency"))
            #expect(png.status == 1 && png.errors.contains("TIFF"))
        }
    }

    @Test(.disabled(if: Sanitizer.isOn))
    func `upscale takes no more memory for a taller image, and not more than predicted`() throws {
        try withTemporaryFolder { folder in
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Self.write(Self.resolver(channels: 1), channels: 1, to: path("model.lucency"))
            func peak(_ height: Int) throws -> Int {
                try writeImage(Self.gray(160, height), size: GridSize(160, height), to: path("in.tif"), bits: 8)
                let run = try bench.run([
                    "memory", "--", lucencyBinary.path, "upscale", path("in.tif"), path("out.tif"), "--model",
                    path("model.lucency"), "--threads", "1",
                ])
                let report = try JSONValue(parsing: String(run.output.split(separator: "\n").last ?? ""))
                #expect(report["exitCode"]?.intValue == 0, "\(run.errors)")
                return try #require(report["peakBytes"]?.intValue)
            }
            let low = try peak(800), high = try peak(9000)
            // The image and its result would take 29 MB as floats, and those of the low one 3.
            #expect(high - low < 6 << 20, "\(low) and \(high)")
            let predicted = try NetworkUpscaler().predictedBytes(
                width: 160, height: 9000, channels: 1, model: ModelFile(path: path("model.lucency")), threads: 1)
            // What the program itself takes comes on top.
            let program = try bench.run(["memory", "--", lucencyBinary.path, "inspect", path("model.lucency")])
            let base = try JSONValue(parsing: String(program.output.split(separator: "\n").last ?? ""))["peakBytes"]
            #expect(high < predicted + (base?.intValue ?? 0) + (24 << 20))
        }
    }

    @Test(.disabled(if: Sanitizer.isOn), .timeLimit(.minutes(2)))
    func `upscale of a wide tiled picture by the published network stays within the stated bound`() throws {
        try withTemporaryFolder { folder in
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Self.write(SuperResolver(factor: 4, skip: .cubic), channels: 3, to: path("model.lucency"))
            let size = GridSize(1200, 96), plane = Self.gray(1200, 96)
            let image = try Image(
                geometry: Geometry(size: size), colorModel: .rgb, pixels: AlignedBuffer(plane + plane + plane))
            try TIFFFormat().write(image, to: path("in.tif"), options: WriteOptions(bits: 8, tile: 256))
            func peak(_ command: [String]) throws -> Int {
                let run = try bench.run(["memory", "--", lucencyBinary.path] + command)
                let report = try JSONValue(parsing: String(run.output.split(separator: "\n").last ?? ""))
                #expect(report["exitCode"]?.intValue == 0, "\(run.errors)")
                return try #require(report["peakBytes"]?.intValue)
            }
            let used = try peak([
                "upscale", path("in.tif"), path("out.tif"), "--model", path("model.lucency"), "--threads", "1",
                "--tile",
                "64", "--block", "256",
            ])
            var upscaler = NetworkUpscaler()
            upscaler.tile = [64, 64]
            let bound = try upscaler.predictedBytes(
                width: size.x, height: size.y, channels: 3, model: ModelFile(path: path("model.lucency")), threads: 1)
            // A row of the result's tiles waits for its last rows.
            let writing = TIFFBandWriter.predictedBytes(
                width: 4800, channels: 3, stored: .uint8, options: WriteOptions(tile: 256))
            #expect(writing > 4800 * 3 * 256 * 5)
            // What the guide states: 4 bytes × channels × rows of a tile × width × (2 + 3 · factor²), beside the network.
            #expect(bound > 4 * 3 * 64 * 1200 * 50)
            let program = try peak(["inspect", path("model.lucency")])
            // Codecs and gaps of the heap come on top.
            let stated = bound + writing + program + (8 << 20)
            #expect(used < stated, "\(used) of \(bound), \(writing) and the program's \(program)")
        }
    }
}
