import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Against `metrics/values.json`: an independent program, checked against scikit-image, torchmetrics and piq.
@Suite struct ImageQualityTests {
    private struct Golden {
        let images: GoldenTensors
        let values: JSONValue

        init() throws {
            images = try GoldenTensors(TestFiles.fixture("LucencyCalibrationTests", "metrics/images.safetensors"))
            values = try TestFiles.json(TestFiles.fixture("LucencyCalibrationTests", "metrics/values.json"))
        }

        func plane(_ name: String) throws -> QualityPlane {
            let tensor = try images.tensor(name), shape = tensor.shape.dimensions
            return try QualityPlane(width: shape[1], height: shape[0], values: tensor.array.map(Double.init))
        }

        func isNear(_ value: Double, _ name: String, within tolerance: Double = 1e-6) throws -> Bool {
            abs(value - (try #require(values[name]?.doubleValue))) <= tolerance
        }
    }

    private func image(_ values: [Float], _ width: Int, _ height: Int, _ color: ColorModel = .gray) throws -> Image {
        try Image(
            geometry: Geometry(size: GridSize(width, height)), colorModel: color, pixels: AlignedBuffer(values))
    }

    @Test func `errors of pixels are those of the fixture, in both ranges`() throws {
        let golden = try Golden()
        let errors = try PixelErrors(golden.plane("b"), golden.plane("a"))
        #expect(try golden.isNear(errors.mse, "mse"))
        #expect(try golden.isNear(errors.psnr(range: 1), "psnr_L1"))
        #expect(try golden.isNear(errors.psnr(range: 2), "psnr_L2"))
    }

    @Test(arguments: [
        ("ssim_gauss11_valid", StructuralSimilarity(), 1.0), ("ssim_gauss11_crop5", StructuralSimilarity(), 1),
        ("ssim_torchmetrics_1.4", StructuralSimilarity(), 1), ("ssim_gauss11_valid_L2", StructuralSimilarity(), 2),
        ("ssim_gauss11_full_reflect", StructuralSimilarity(border: .symmetric), 1),
        ("ssim_gauss11_zeropad_full", StructuralSimilarity(border: .zero), 1),
        ("ssim_uniform7_samplecov", StructuralSimilarity(window: .uniform), 1),
    ])
    func `SSIM has the value of each convention`(name: String, ssim: StructuralSimilarity, range: Double) throws {
        let golden = try Golden()
        let value = try ssim(golden.plane("b"), golden.plane("a"), range: range, pool: ThreadPool(threads: 2))
        #expect(try golden.isNear(value, name), "\(name): \(value)")
    }

    @Test func `maps of SSIM are those of the fixture, and the same on any pool`() throws {
        let golden = try Golden(), a = try golden.plane("a"), b = try golden.plane("b")
        for (name, border) in [("ssim_map_valid", StructuralSimilarity.Border.valid), ("ssim_map_reflect", .symmetric)]
        {
            let ssim = StructuralSimilarity(border: border), map = try ssim.map(b, a, range: 1)
            let truth = try golden.plane(name)
            #expect(map.width == truth.width && map.height == truth.height)
            #expect(zip(map.values, truth.values).allSatisfy { abs($0 - $1) < 1e-6 })
            #expect(map == (try ssim.map(b, a, range: 1, pool: ThreadPool(threads: 2))))
        }
    }

    @Test func `colour SSIM is the mean over channels`() throws {
        let golden = try Golden()
        let images = try ["rgb_a", "rgb_b"].map { try image(golden.images.tensor($0).array, 36, 32, .rgb) }
        var quality = ImageQuality()
        quality.range = 1
        let result = try quality("rgb", image: images[1], reference: images[0])
        #expect(try golden.isNear(try #require(result.ssim.value), "ssim_rgb_gauss11_valid"))
        #expect(result.multiScaleSSIM == .undefined)
    }

    @Test func `MS-SSIM and GMSD are those of libraries`() throws {
        let golden = try Golden()
        let multi = try MultiScaleSimilarity()(golden.plane("big_b"), golden.plane("big_a"), range: 1)
        #expect(try golden.isNear(multi, "msssim_avgpool_valid"), "\(multi)")
        #expect(try golden.isNear(multi, "msssim_torchmetrics_1.4"))
        let deviation = try GradientDeviation()(golden.plane("b"), golden.plane("a"), range: 1)
        #expect(try golden.isNear(deviation, "gmsd_T170_255"), "\(deviation)")
        #expect(try golden.isNear(deviation, "piq_gmsd", within: 1e-3))
    }

    @Test func `bone suppression is rated as published, from both sides, and beside doing nothing`() throws {
        let golden = try Golden()
        let radiograph = try golden.plane("bsr.cxr"), truth = try golden.plane("bsr.gt"),
            output = try golden.plane("bsr.out")
        let ratio = try BoneSuppressionRatio(radiograph: radiograph, softTissue: truth, output: output)
        #expect(try golden.isNear(ratio.ratio, "bsr"), "\(ratio)")
        #expect(try golden.isNear(ratio.twoSided, "bsr_two_sided"))
        #expect(try golden.isNear(ratio.unsuppressed, "bsr_unsuppressed"))
        let perfect = try BoneSuppressionRatio(radiograph: radiograph, softTissue: truth, output: truth)
        #expect(perfect.ratio == 1)
        // A constant added to the output changes nothing.
        let brighter = try QualityPlane(
            width: output.width, height: output.height, values: output.values.map { $0 + 0.25 })
        let shifted = try BoneSuppressionRatio(radiograph: radiograph, softTissue: truth, output: brighter)
        #expect(abs(shifted.ratio - ratio.ratio) < 1e-12)
        #expect(throws: Diagnostic.self) {
            try BoneSuppressionRatio(radiograph: truth, softTissue: truth, output: output)
        }
    }

    @Test func `equal images are perfect, and values and range scale together`() throws {
        let golden = try Golden()
        let a = try golden.images.tensor("big_a").array, b = try golden.images.tensor("big_b").array
        var quality = ImageQuality()
        quality.range = 1
        let reference = try image(a, 176, 192), test = try image(b, 176, 192)
        let same = try quality("same", image: reference, reference: reference)
        #expect(same.psnr == .infinite && same.mse == .value(0))
        #expect(abs((same.ssim.value ?? 0) - 1) < 1e-12 && same.gmsd == .value(0))
        let small = try quality("x", image: test, reference: reference)
        let swapped = try quality("x", image: reference, reference: test)
        quality.range = 256
        let large = try quality(
            "x", image: image(b.map { $0 * 256 }, 176, 192), reference: image(a.map { $0 * 256 }, 176, 192))
        for metric in [QualityMetric.psnr, .ssim, .multiScaleSSIM, .gmsd] {
            let value = try #require(small[metric].value)
            #expect(abs(value - (large[metric].value ?? 0)) < 1e-9, "\(metric)")
            #expect(abs(value - (swapped[metric].value ?? 0)) < 1e-9, "\(metric)")
        }
    }

    @Test func `luma is of studio swing in a range of 255, and borders do not count`() throws {
        let count = 16 * 16
        let white = try image(Array(repeating: 1, count: 3 * count), 16, 16, .rgb)
        var grey = Array(repeating: Float(0.5), count: 3 * count)
        for edge in [0, 15] { for x in 0..<16 { for c in 0..<3 { grey[c * count + edge * 16 + x] = 0 } } }
        var quality = ImageQuality()
        quality.range = 1
        quality.color = .luma
        quality.border = 1
        let result = try quality("x", image: try image(grey, 16, 16, .rgb), reference: white)
        // 235 against 125.5.
        #expect(abs((result.mse.value ?? 0) - 109.5 * 109.5) < 1e-6)
        #expect(abs((result.psnr.value ?? 0) - 10 * log10(255 * 255 / (109.5 * 109.5))) < 1e-9)
        #expect(result.conventions.description(of: .psnr).contains("luma"))
    }

    @Test func `what cannot be compared is refused with its reason`() throws {
        let small = try image(Array(repeating: 1, count: 100), 10, 10)
        let large = try image(Array(repeating: 1, count: 400), 20, 20)
        var quality = ImageQuality()
        #expect(throws: Diagnostic.self) { try quality("no range", image: large, reference: large) }
        quality.range = 255
        #expect(throws: Diagnostic.self) { try quality("window", image: small, reference: small) }
        #expect(throws: Diagnostic.self) { try quality("sizes", image: small, reference: large) }
        quality.border = .max
        #expect(throws: Diagnostic.self) { try quality("border", image: large, reference: large) }
        quality.border = 0
        quality.color = .luma
        #expect(throws: Diagnostic.self) { try quality("luma", image: large, reference: large) }
        #expect(throws: Diagnostic.self) {
            try MultiScaleSimilarity()(
                QualityPlane(width: 20, height: 20, values: Array(repeating: 0, count: 400)),
                QualityPlane(width: 20, height: 20, values: Array(repeating: 0, count: 400)), range: 1)
        }
    }

    @Test func `summaries merge in any order, survive coding, and keep conventions apart`() throws {
        var quality = ImageQuality()
        quality.range = 255
        let reference = try image((0..<256).map { Float($0) }, 16, 16)
        let results = try (1...3).map { step in
            try quality(
                "case \(step)", image: image((0..<256).map { Float($0 / step) }, 16, 16), reference: reference)
        }
        var one = QualitySummary(), other = QualitySummary(), rest = QualitySummary()
        for result in results { try one.add(result) }
        try rest.add(results[2])
        try other.add(results[1])
        try rest.merge(other)
        try rest.add(results[0])
        #expect(one == rest)
        #expect(one == (try JSONDecoder().decode(QualitySummary.self, from: JSONEncoder().encode(rest))))
        #expect(one.scores(.psnr).n == 2 && one.scores(.psnr).infinite == 1)
        #expect(throws: Diagnostic.self) { try rest.add(results[0]) }
        quality.clamp = false
        let different = try quality("case 4", image: reference, reference: reference)
        #expect(throws: Diagnostic.self) { try rest.add(different) }
    }
}
