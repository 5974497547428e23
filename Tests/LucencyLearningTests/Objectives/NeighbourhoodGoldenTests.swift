import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Support
import Testing

/// Window kernels, shares, targets and priors of the golden files, with the losses and gradients that follow from them.
@Suite struct NeighbourhoodGoldenTests {
    private static func json(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "\(name).json"))
    }

    private static func maps(_ labels: JSONValue) throws -> [LabelMap] {
        try ObjectiveRun.maps(labels.tensorShape, labels.tensorData.map { Int($0) })
    }

    private static func tensor(_ value: JSONValue) throws -> Tensor {
        try Tensor(value.tensorShape, value.tensorData.map { Float($0) })
    }

    /// The largest difference of numbers, which must be as many.
    private static func difference(_ found: [Float], _ expected: [Double]) -> Double {
        guard found.count == expected.count else { return .infinity }
        return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    }

    /// Compares an objective's loss and gradient with a golden case.
    private static func check(
        _ objective: Objective, _ logits: Tensor, _ labels: [LabelMap], _ item: JSONValue, _ name: String
    ) throws {
        let loss = try #require(item["loss"]?.doubleValue), gradient = try #require(item["grad"]).tensorData
        for family in KernelFamily.available {
            let run = try ObjectiveRun(objective, logits: logits, labels: labels, family: family)
            #expect(abs(Double(run.total) - loss) <= 1e-5 * max(1, abs(loss)), "\(name): \(run.total), not \(loss)")
            let worst = difference(run.gradient, gradient)
            #expect(worst <= 1e-6, "\(name) (\(family)): a gradient is off by \(worst)")
        }
    }

    @Test func `window kernels are the golden ones`() throws {
        let kernels = try #require(try Self.json("svls_kernels").objectValue)
        #expect(kernels.count == 10)
        for (name, item) in kernels {
            let parts = name.split(separator: "_")
            let side = try #require(Int(parts[1].dropFirst())), sigma = try #require(Double(parts[2].dropFirst(5)))
            let kernel = WindowKernel.centred(
                side: side, deviations: SIMD3(repeating: sigma), isPlanar: parts[0] == "2d")
            let worst = Self.difference(kernel.weights, try #require(item["normalised"]).tensorData)
            #expect(worst <= 1e-6, "\(name) is off by \(worst)")
        }
    }

    @Test(arguments: ["svls_loss", "svls_ignore", "svls_toy2d"])
    func `blurred labels, losses and gradients of svls are the golden ones`(_ file: String) throws {
        let golden = try Self.json(file), ignored = golden["ignoreIndex"]?.intValue
        let cases = golden["cases"]?.arrayValue ?? [golden]
        #expect(cases.count == (file == "svls_loss" ? 7 : 1))
        for item in cases {
            let name = item["name"]?.stringValue ?? file
            let maps = try Self.maps(try #require(item["labels"]))
            let classes = try #require(item["classes"]?.intValue), sigma = item["sigma"]?.doubleValue ?? 1
            let objective = Objective([VaryingSmoothingTarget(sigma: [sigma])], ignoring: ignored)
            let kernel = WindowKernel.centred(
                side: 3, deviations: SIMD3(repeating: sigma), isPlanar: maps[0].size.isPlanar)
            let neighbourhood = Neighbourhood(kernel, border: .replicate)
            let soft = try #require(item["soft"]).tensorData, pixels = maps[0].size.count
            for (image, map) in maps.enumerated() {
                let marked = map.labels.array.map { Int($0) == ignored ? -1 : $0 }
                let shares = try neighbourhood(
                    LabelMap(geometry: map.geometry, labels: AlignedBuffer(marked)), classes: classes)
                for index in 0..<classes * pixels where marked[index % pixels] >= 0 {
                    let expected = soft[image * classes * pixels + index]
                    #expect(abs(Double(shares[index]) - expected) <= 1e-6, "\(name): \(shares[index]), not \(expected)")
                }
            }
            if let logits = item["logits"] { try Self.check(objective, Self.tensor(logits), maps, item, name) }
        }
    }

    private static func prior(_ name: String) -> NeighbourTerm? {
        let parts = name.split(separator: "_")
        var term = NeighbourTerm()
        if name.hasPrefix("gaussian_svls") {
            (term.prior, term.border) = (.gaussian, .replicate)
            term.sigma = Double(parts[3].dropFirst(5)) ?? 0
        } else if name.hasPrefix("gaussian_erf") {
            (term.prior, term.border) = (.wideGaussian, .zero)
            term.sigma = Double(parts[3].dropFirst(5)) ?? 0
        } else if name.hasPrefix("image_proportions") {
            (term.prior, term.border) = (parts[2] == "l1" ? .image : .imageSquared, .background)
        } else if let prior = NeighbourTerm.Prior(rawValue: String(parts[0])),
            let border = WindowBorder(rawValue: String(parts[2]))
        {
            (term.prior, term.border, term.window) = (prior, border, Int(parts[1].dropFirst()) ?? 0)
        } else {
            return nil
        }
        return term
    }

    @Test func `priors of nacl are the golden ones, but for those that have no meaning for classes`() throws {
        let golden = try Self.json("nacl_priors2d"), classes = try #require(golden["classes"]?.intValue)
        let maps = try Self.maps(try #require(golden["labels"]))
        let pixels = maps[0].size.count
        let image = try #require(golden["image"]).tensorData.map { Float($0) }
        let priors = try #require(golden["priors"]?.objectValue)
        var left: [String] = []
        for (name, item) in priors {
            guard let term = Self.prior(name) else {
                left.append(name)
                continue
            }
            var found: [Float] = []
            for (index, map) in maps.enumerated() {
                found += try term.additionalInput(
                    term.additionalInputs[0], of: map,
                    image: AlignedBuffer(image[index * pixels..<(index + 1) * pixels]), classes: classes,
                    pool: .serial
                ).array
            }
            let worst = Self.difference(found, item.tensorData)
            #expect(worst <= 1e-6, "\(name) is off by \(worst)")
        }
        #expect(
            left.sorted() == [
                "bilateral_k3_background", "gradient_k3_background", "max_k3_background", "median_k3_background",
                "min_k3_background",
            ])
        #expect(priors.count == 20)
    }

    @Test func `losses and gradients of nacl are the golden ones, in the plane`() throws {
        let golden = try Self.json("nacl_loss2d"), logits = try Self.tensor(try #require(golden["logits"]))
        let maps = try Self.maps(try #require(golden["labels"]))
        let cases = try #require(golden["cases"]?.arrayValue)
        #expect(cases.count == 8)
        for item in cases {
            let name = try #require(item["name"]?.stringValue)
            var term = NeighbourTerm(weight: try #require(item["lambda"]?.doubleValue))
            term.distance = try #require(PriorDistanceForm(rawValue: item["distance"]?.stringValue ?? ""))
            term.isOfProbabilities = item["onProbabilities"]?.boolValue == true
            if name.contains("background") { term.border = .background }
            if name.contains("_k5_") { term.window = 5 }
            if name.contains("gaussian") { (term.prior, term.border) = (.gaussian, .replicate) }
            try Self.check(Objective([CrossEntropyTarget(), term]), logits, maps, item, name)
        }
        let item = try #require(golden["ignore"])
        let term = NeighbourTerm(weight: try #require(item["lambda"]?.doubleValue))
        try Self.check(
            Objective([CrossEntropyTarget(), term], ignoring: item["ignoreIndex"]?.intValue), logits,
            try Self.maps(try #require(item["labels"])), item, "ignore")
    }

    @Test func `losses and gradients of nacl are the golden ones, in volumes`() throws {
        let golden = try Self.json("nacl_loss3d"), logits = try Self.tensor(try #require(golden["logits"]))
        let maps = try Self.maps(try #require(golden["labels"]))
        for item in try #require(golden["cases"]?.arrayValue) {
            let name = try #require(item["name"]?.stringValue)
            let border = try #require(WindowBorder(rawValue: String(name.split(separator: "_")[2])))
            try Self.check(
                Objective([CrossEntropyTarget(), NeighbourTerm(border: border)]), logits, maps, item, name)
        }
    }

    // MARK: Self-distillation

    @Test func `targets, losses and gradients of ps-kd are the golden ones`() throws {
        for file in ["pskd_samples", "pskd_pixels"] {
            let golden = try Self.json(file), steps = try #require(golden["steps"]?.arrayValue)
            let target = SelfDistillationTarget(alpha: Float(try #require(golden["alphaFinal"]?.doubleValue)))
            let objective = Objective([target], ignoring: golden["ignoreIndex"]?.intValue)
            // Samples are images of one pixel.
            let isFlat = file == "pskd_samples"
            let shape = try #require(golden["labels"]).tensorShape + (isFlat ? [1, 1] : [])
            let maps = try ObjectiveRun.maps(shape, try #require(golden["labels"]).tensorData.map { Int($0) })
            var last: Tensor?
            for (epoch, item) in steps.enumerated() {
                let data = try #require(item["logits"])
                let logits = try Tensor(
                    data.tensorShape + (isFlat ? [1, 1] : []), data.tensorData.map { Float($0) })
                let alpha = try #require(item["alpha"]?.doubleValue)
                #expect(abs(Double(target.alpha(epoch: epoch, of: steps.count)) - alpha) < 1e-7)
                let part = target.alpha(epoch: epoch, of: steps.count)
                let run = try ObjectiveRun(
                    objective, logits: logits, labels: maps, teacher: last.map { ($0, part) })
                let loss = try #require(item["loss"]?.doubleValue)
                #expect(
                    abs(Double(run.total) - loss) <= 1e-5 * max(1, loss), "\(file) \(epoch): \(run.total), not \(loss)")
                #expect(Self.difference(run.gradient, try #require(item["grad"]).tensorData) <= 1e-6)
                last = Self.softmax(logits)
            }
        }
    }

    /// Over the channels, in float64.
    private static func softmax(_ logits: Tensor) -> Tensor {
        let classes = logits.shape.channels, pixels = logits.shape.pixels, numbers = logits.array.map { Double($0) }
        var result = numbers
        for image in 0..<logits.shape.images {
            for pixel in 0..<pixels {
                let places = (0..<classes).map { (image * classes + $0) * pixels + pixel }
                let powers = places.map { exp(numbers[$0]) }, sum = powers.reduce(0, +)
                for (place, power) in zip(places, powers) { result[place] = power / sum }
            }
        }
        return (try? Tensor(logits.shape.dimensions, result.map { Float($0) })) ?? logits
    }
}
