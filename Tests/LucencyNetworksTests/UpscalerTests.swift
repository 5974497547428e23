import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct UpscalerTests {
    private static func network(_ skip: SuperResolver.Skip = .none) -> SuperResolver {
        var network = SuperResolver(factor: 2, skip: skip)
        (network.features, network.blocks) = (16, 1)
        return network
    }

    private static func model(_ network: some Network, white: Double? = 255, training: JSONValue? = nil) throws
        -> ModelFile
    {
        let channels = ["red", "green", "blue"].map {
            Preprocessing.Channel(name: $0, normalization: .window(low: 0, high: white ?? 1))
        }
        return try ModelFile(
            network, parameters: network.parameters(seed: 5),
            preprocessing: white == nil ? nil : Preprocessing(channels: channels), training: training)
    }

    /// A smooth image of three channels with whole numbers in 0...255.
    private static func image(
        _ width: Int, _ height: Int, stored: SampleType? = .uint8, spacing: Double? = nil
    ) throws -> Image {
        let size = GridSize(width, height)
        let geometry =
            try spacing.map {
                try Geometry(size: size, spacing: SIMD3($0, $0, 1), source: .stated(.um))
            } ?? Geometry(size: size)
        let pixels = AlignedBuffer(
            (0..<3 * width * height).map { index -> Float in
                let x = index % width, y = index / width % height, channel = index / (width * height)
                return Float((x * 7 + y * 5 + (x * y) / 9 + 40 * channel) % 256)
            })
        return try Image(
            geometry: geometry, colorModel: .rgb, pixels: pixels, origin: stored.map { Origin(stored: $0) })
    }

    @Test func `an image grows by the factor, on the same extent, with its depth kept`() throws {
        let image = try Self.image(20, 14, spacing: 0.5)
        let result = try NetworkUpscaler()(image, Self.model(Self.network(.cubic)))
        #expect(result.size == GridSize(40, 28) && result.colorModel == .rgb)
        #expect(result.geometry.spacing == SIMD3(0.25, 0.25, 1))
        #expect(result.geometry.spacingSource == image.geometry.spacingSource)
        #expect(result.origin == image.origin)
        #expect(result.pixels.array.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() })
        // A network that begins as the bicubic enlargement gives the stage's bicubic, but for edges, cuts and rounding.
        let cubic = try Resample(factor: [2, 2], interpolation: .cubic, antialias: false)(image)
        for y in 4..<24 {
            for x in 4..<36 {
                let index = y * 40 + x
                #expect(abs(result.pixels[index] - min(255, max(0, cubic.pixels[index]))) <= 0.51)
            }
        }
    }

    @Test func `what a network overshoots is cut, and floats stay floats`() throws {
        let network = Self.network(), model = try Self.model(network)
        // Half of the range, so that the untrained network's numbers around 0 are below it often.
        let whole = try NetworkUpscaler()(Self.image(24, 24, stored: nil), model)
        #expect(whole.origin == nil && whole.pixels.array.allSatisfy { $0 == $0.rounded() && (0...255).contains($0) })
        #expect(whole.pixels.array.contains(0))
        let image = try Self.image(24, 24, stored: nil)
        let shifted = try Image(
            geometry: image.geometry, colorModel: .rgb, pixels: AlignedBuffer(image.pixels.array.map { $0 + 0.25 }))
        let float = try NetworkUpscaler()(shifted, model)
        #expect(float.pixels.array.contains { $0 != $0.rounded() })
        #expect(float.pixels.array.allSatisfy { (0...255).contains($0) })
    }

    @Test func `white comes from the model, the depth or the parameter, and is asked for otherwise`() throws {
        let network = Self.network(.cubic), image = try Self.image(16, 16)
        let known = try NetworkUpscaler()(image, Self.model(network))
        let silent = try Self.model(network, white: nil)
        #expect(try NetworkUpscaler()(image, silent) == known)
        let float = try Self.image(16, 16, stored: nil)
        #expect { try NetworkUpscaler()(float, silent) } throws: { "\($0)".contains("white: 255") }
        var upscaler = NetworkUpscaler()
        upscaler.white = 255
        #expect(try upscaler(float, silent).pixels == known.pixels)
        upscaler.white = 128
        #expect(try upscaler(image, silent).pixels.array.max() == 128)
    }

    @Test func `tiles leave no seams`() throws {
        let image = try Self.image(150, 90, stored: nil), model = try Self.model(Self.network(.cubic))
        // Scores of gates see the tile alone, so that tiles differ a little; nowhere more than between neighbours anyway.
        var upscaler = NetworkUpscaler()
        let whole = try upscaler(image, model)
        upscaler.tile = [48, 48]
        let tiled = try upscaler(image, model)
        #expect(tiled.geometry == whole.geometry)
        for index in whole.pixels.array.indices { #expect(abs(whole.pixels[index] - tiled.pixels[index]) <= 1) }
    }

    /// Weights of an untrained network that are not those of bicubic interpolation.
    @Test func `where two tiles meet, the result is as smooth as elsewhere`() throws {
        var network = Self.network()
        network.inputChannels = 1
        let parameters = try network.parameters(seed: 2)
        let model = try ModelFile(
            network, parameters: parameters,
            preprocessing: Preprocessing(channels: [.init(name: "gray", normalization: .window(low: -1, high: 1))]))
        let (width, height) = (256, 40)
        let pixels = AlignedBuffer(
            (0..<width * height).map { index -> Float in
                0.5 + 0.2 * Float((index % width) % 32) / 32
            })
        let image = try Image(geometry: Geometry(size: GridSize(width, height)), pixels: pixels)
        let result = try NetworkUpscaler()(image, model)
        #expect(result.size == GridSize(512, 80))
        // The image repeats every 32 pixels, tiles of 128 meet at 112 to 144: the step from column to column must be the same
        // there as a period away.
        let row = 40 * 512, values = result.pixels.array
        var largest: Float = 0, difference: Float = 0
        for x in 192..<320 {
            let here = values[row + x + 1] - values[row + x], there = values[row + x + 65] - values[row + x + 64]
            largest = max(largest, abs(here))
            difference = max(difference, abs(here - there))
        }
        #expect(largest > 0)
        #expect(difference <= 0.1 * largest, "\(difference) of \(largest)")
    }

    @Test func `bands that are read and written as they come give the same image, in a tile's height of rows`() throws {
        let image = try Self.image(70, 300), model = try Self.model(Self.network(.cubic))
        var upscaler = NetworkUpscaler()
        upscaler.tile = [64, 64]
        let whole = try upscaler(image, model)
        var planes = [[Float]](repeating: [], count: 3), asked: [Range<Int>] = []
        try upscaler.run(
            width: 70, height: 300, channels: 3, origin: image.origin, isWhole: true, model,
            input: { rows in
                asked.append(rows)
                let region = Region(x: 0, y: rows.lowerBound, z: 0, size: GridSize(70, rows.count, 1))
                return try image.cropped(to: region).pixels
            }
        ) { rows, band in
            #expect(planes[0].count == rows.lowerBound * 140)
            for channel in 0..<3 {
                planes[channel] += band.array[channel * rows.count * 140..<(channel + 1) * rows.count * 140]
            }
        }
        #expect(asked.allSatisfy { $0.count == 64 })
        #expect(planes.flatMap { $0 } == whole.pixels.array)
    }

    @Test func `memory is predicted: linear in the width, and the same for any height`() throws {
        let model = try Self.model(Self.network()), upscaler = NetworkUpscaler()
        func bytes(_ width: Int, _ height: Int) throws -> Int {
            try upscaler.predictedBytes(width: width, height: height, channels: 3, model: model, threads: 1)
        }
        #expect(try bytes(1000, 1000) == bytes(1000, 1_000_000))
        let band = try bytes(2000, 1000) - bytes(1000, 1000)
        #expect(band == 4 * 3 * 128 * 1000 * (2 + 3 * 4))
    }

    @Test func `models that do something else are refused in words`() throws {
        let image = try Self.image(32, 32), upscaling = try Self.model(Self.network())
        let classifier = try Self.model(PatchClassifier())
        #expect { try NetworkUpscaler()(image, classifier) } throws: { "\($0)".contains("enlarges no images") }
        #expect { try NetworkClassifier()(image, upscaling) } throws: { "\($0)".contains("classifies no images") }
        #expect { try NetworkSegmenter()(image, upscaling) } throws: { "\($0)".contains("segments no images") }
        let gray = try Image(geometry: image.geometry, pixels: AlignedBuffer(repeating: 0, count: 1024))
        #expect { try NetworkUpscaler()(gray, upscaling) } throws: { "\($0)".contains("3 channel(s)") }
    }

    @Test func `an image's class comes with probabilities, at the temperature that the model or the caller says`()
        throws
    {
        let network = PatchClassifier(classes: 3), image = try Self.image(64, 64)
        let plain = try NetworkClassifier()(image, Self.model(network))
        #expect(plain.classes == ["class 0", "class 1", "class 2"] && abs(plain.probabilities.reduce(0, +) - 1) < 1e-9)
        #expect(plain.answer == plain.classes[plain.logits.indices.max { plain.logits[$0] < plain.logits[$1] } ?? 0])
        let fitted = try NetworkClassifier()(image, Self.model(network, training: ["temperature": 2.0]))
        var classifier = NetworkClassifier()
        classifier.temperature = 2
        #expect(try classifier(image, Self.model(network)) == fitted)
        #expect(fitted.logits == plain.logits && fitted.answer == plain.answer)
        // p ∝ exp(z / 2), so that p(T = 1) ∝ p(T = 2)².
        let squares = fitted.probabilities.map { $0 * $0 }, sum = squares.reduce(0, +)
        for (a, b) in zip(squares, plain.probabilities) { #expect(abs(a / sum - b) < 1e-9) }
        #expect(throws: Diagnostic.self) {
            try NetworkClassifier()(image, Self.model(network, training: ["temperature": 0]))
        }
    }

    @Test func `one model of both enlarges, and classifies what it enlarged`() throws {
        var network = SHISRCNet(factor: 2)
        (network.features, network.blocks) = (16, 1)
        let model = try Self.model(network), image = try Self.image(32, 32)
        let direct = try NetworkClassifier()(image, model)
        // The same in two steps, with the parts' own weights.
        let parameters = try network.parameters(seed: 5)
        func part(_ own: some Network, _ prefix: String) throws -> Predictor {
            let values = try own.parameters(seed: 1)
            try values.load(
                Dictionary(
                    uniqueKeysWithValues: parameters.tensors.compactMap { name, tensor in
                        name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.count)), tensor) : nil
                    }))
            return try Predictor(own, parameters: values)
        }
        let x = try Tensor([1, 3, 32, 32], image.pixels.array.map { $0 / 255 })
        let sharp = try part(network.resolver, "sr.")(x)
        let logits = try part(network.classifier, "cf.")(sharp)
        for (a, b) in zip(direct.logits, logits.array) { #expect(abs(a - b) <= 1e-5) }
        let enlarged = try NetworkUpscaler()(image, model)
        for (a, b) in zip(enlarged.pixels.array, sharp.array) { #expect(abs(a - min(255, max(0, b * 255))) <= 0.51) }
    }

    @Test func `a network's parts are models that give together what the whole gives`() throws {
        var network = SHISRCNet(factor: 2, skip: .cubic)
        (network.features, network.blocks) = (8, 1)
        let classes = ClassTable(["benign", "malignant"].enumerated().map { .init(name: $1, value: Int32($0)) })
        let whole = try ModelFile(
            network, parameters: network.parameters(seed: 3), classes: classes, training: ["temperature": 2])
        let numbers = (0..<3072).map { (index: Int) -> Float in Float(index * 31 % 97) / 97 }
        let image = try Tensor([1, 3, 32, 32], numbers)
        let resolver = try whole.part(.superResolution), classifier = try whole.part(.classifier)
        let sharp = try resolver.predictor()(image), logits = try classifier.predictor()(sharp)
        #expect(sharp.shape.dimensions == [1, 3, 64, 64])
        #expect(try sharp.array == whole.predictor()(image).array)
        let told = try whole.predictor(result: 1)(image)
        #expect(zip(logits.array, told.array).allSatisfy { abs($0 - $1) < 1e-4 } && logits.array.count == 2)
        #expect(classifier.classes?.classes.map(\.name) == ["benign", "malignant"] && resolver.classes == nil)
        #expect(try classifier.temperature == 2)
        #expect(throws: Diagnostic.self) { try classifier.part(.classifier) }
    }
}
