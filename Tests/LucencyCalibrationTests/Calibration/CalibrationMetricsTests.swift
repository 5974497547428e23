import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct CalibrationMetricsTests {
    private func expected() throws -> JSONValue {
        try #require(try CalibrationFixture.json("metrics.json")["expected"])
    }

    @Test("pooled metrics are the fixture's", arguments: [10, 15])
    func pooled(bins: Int) throws {
        var evaluation = CalibrationEvaluation()
        evaluation.bins = bins
        let summary = try CalibrationFixture.summary(evaluation), expected = try expected()
        let all = try #require(summary.pooled(.all)), foreground = try #require(summary.pooled(.foreground))
        #expect(all.total == expected["pixels"]?.intValue)
        let diagram = try #require(expected["reliability_\(bins)"])
        #expect(all.top.counts.map(Double.init) == diagram["count"]?.tensorData)
        for bin in all.top.filled {
            #expect(abs(bin.accuracy - (diagram["accuracy"]?.tensorData[bin.index] ?? .nan)) < 1e-6)
            #expect(abs(bin.confidence - (diagram["confidence"]?.tensorData[bin.index] ?? .nan)) < 1e-6)
        }
        for (metric, name) in [
            (CalibrationMetric.ece, "ece"), (.mce, "mce"), (.ace, "ace"), (.rmsce, "rmsce"), (.cece, "cece"),
            (.ceceForeground, "cece_noBackground"), (.thresholdedCECE, "cece_threshold1e-3"),
        ] {
            #expect(close(all[metric], expected["\(name)_\(bins)"]), "\(name) \(all[metric])")
        }
        #expect(close(foreground[.ece], expected["ece_foreground_\(bins)"]))
        #expect(close(foreground[.cece], expected["cece_foregroundPixels_\(bins)"]))
        for (plane, row) in all.classes.enumerated() {
            #expect(close(row.bins.expectedError, expected["cece_perClass_\(bins)"]?["data"]?.arrayValue?[plane]))
            #expect(
                close(row.thresholded, expected["cece_threshold1e-3_perClass_\(bins)"]?["data"]?.arrayValue?[plane]))
        }
        let average = all.classes.compactMap(\.bins.averageError.value).reduce(0, +) / 4
        #expect(close(.value(average), expected["ace_classwise_mean_\(bins)"]))
        if bins == 10 { #expect(close(all[.foregroundECE], expected["ece_10_binaryForeground"])) }
    }

    @Test("Brier score and log loss are the fixture's")
    func scores() throws {
        let summary = try CalibrationFixture.summary(CalibrationEvaluation()), expected = try expected()
        let all = try #require(summary.pooled(.all))
        #expect(close(all[.brier], expected["brier_sum"]))
        #expect(close(all[.brierMean], expected["brier_mean"]))
        #expect(close(all[.nll], expected["nll"]))
        for (plane, row) in all.classes.enumerated() {
            #expect(close(row.brier.mean, expected["brier_perClass"]?["data"]?.arrayValue?[plane]))
        }
    }

    @Test("metrics of each image and of the boundary band are the fixture's")
    func regions() throws {
        let expected = try expected()
        for width in [1, 2] {
            var evaluation = CalibrationEvaluation()
            evaluation.boundary = .pixels(Double(width))
            let summary = try CalibrationFixture.summary(evaluation)
            let images = try #require(expected["perImage"])
            for (index, result) in summary.cases.enumerated() {
                func number(_ name: String) -> JSONValue? { images[name]?["data"]?.arrayValue?[index] }
                #expect(close(result[.all]?[.ece] ?? .undefined, number("ece_15_all")))
                #expect(close(result[.foreground]?[.ece] ?? .undefined, number("ece_15_foreground")))
                #expect(close(result[.foreground]?[.cece] ?? .undefined, number("cece_15_foreground")))
                #expect(
                    close(
                        result[.foreground]?[.cecePresent] ?? .undefined,
                        number("cece_15_foreground_presentClassesOnly")))
            }
            #expect(close(summary.pooled(.boundary)?[.ece] ?? .undefined, expected["ece_15_boundary_r\(width)"]))
            #expect(close(summary.pooled(.interior)?[.ece] ?? .undefined, expected["ece_15_interior_r\(width)"]))
            let band = try CalibrationFixture.cases().flatMap { item in
                let bits = try BoundaryBand(width: .pixels(Double(width)))(item.reference)
                return bits.withUnsafeBufferPointer { $0.map { Double($0) } }
            }
            #expect(band == expected["boundary_mask_r\(width)"]?.tensorData)
        }
    }

    @Test("exact equal-mass errors are the fixture's, and streamed ones come near")
    func adaptive() throws {
        let expected = try expected()
        let all = try CalibrationFixture.pixels(try CalibrationFixture.json("metrics.json"))
        let probabilities = all.logits.map(CalibrationFixture.softmax)
        let answers = probabilities.map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
        let sample = ConfidenceSample(
            probabilities.map { $0.max() ?? 0 }, correct: zip(answers, all.labels).map { $0 == $1 })
        for bins in [10, 15] {
            #expect(close(sample.adaptiveError(bins: bins), expected["adaptive_\(bins)"]))
            #expect(close(sample.adaptiveErrorByEdges(bins: bins), expected["adaptive_edges_\(bins)"]))
        }
        let thresholded = (1..<4).map { plane in
            ConfidenceSample(probabilities.map { $0[plane] }, correct: all.labels.map { $0 == plane })
                .thresholdedAdaptiveError(bins: 10)
        }
        for (index, score) in thresholded.enumerated() {
            #expect(close(score, expected["tace_perClass_10"]?["data"]?.arrayValue?[index]))
        }
        #expect(close(.value(thresholded.compactMap(\.value).reduce(0, +) / 3), expected["tace_10"]))
        var evaluation = CalibrationEvaluation()
        evaluation.bins = 10
        let streamed = try #require(try CalibrationFixture.summary(evaluation).pooled(.all))
        #expect(close(streamed[.aece], expected["adaptive_10"], 1e-2), "\(streamed[.aece])")
        #expect(close(streamed[.tace], expected["tace_10"], 5e-3), "\(streamed[.tace])")
    }

    @Test("values on the edges of bins fall as defined")
    func edges() throws {
        let fixture = try CalibrationFixture.json("edges.json")
        let confidences = (fixture["confidences"]?.tensorData ?? []).map { Float($0) }
        let correct = (fixture["correct"]?.tensorData ?? []).map { $0 != 0 }
        let scale = ConfidenceScale(bins: 10)
        let bins = confidences.map { scale.binOfSlot[scale.slot(of: $0)] }
        #expect(bins.map(Double.init) == fixture["bin_10"]?.tensorData)
        let histogram = ConfidenceHistogram(bins: 10, zip(confidences, correct).map { ($0, $1) })
        #expect(close(histogram.reliability.expectedError, fixture["ece_10"], 1e-7))
        for (name, pair) in [("perfect", (Float(1), true)), ("worst", (Float(1), false)), ("one_pixel", (0.7, true))] {
            let count = name == "one_pixel" ? 1 : 20
            let histogram = ConfidenceHistogram(bins: 15, (0..<count).map { _ in pair })
            let bins = histogram.reliability, expected = fixture[name]
            #expect(close(bins.expectedError, expected?["ece_15"]), "\(name)")
            #expect(close(bins.maximumError, expected?["mce_15"]))
            #expect(close(bins.averageError, expected?["ace_15"]))
            #expect(close(histogram.adaptiveError(), expected?["adaptive_15"]))
            let sample = ConfidenceSample(
                (0..<count).map { _ in Double(pair.0) }, correct: (0..<count).map { _ in pair.1 })
            #expect(close(sample.adaptiveError(), expected?["adaptive_15"]))
        }
    }

    @Test(
        "slots rise with the confidence and lie in the bin whose edges enclose it",
        arguments: [1, 2, 7, 10, 15, 33, 64, 100])
    func slots(bins: Int) {
        let scale = ConfidenceScale(bins: bins)
        var random = PhiloxStream(seed: UInt64(bins))
        let limits = (0...bins).map { Float(Double($0) / Double(bins)) }
        var values = limits + limits.map(\.nextUp) + limits.map(\.nextDown) + [1e-3, Float(1e-3).nextUp, 1e-30]
        values += (0..<5000).map { _ in Float(random.uniform()) }
        values += (0..<2000).map { _ in Float(exp(-20 * random.uniform())) }
        values += (0..<2000).map { _ in 1 - Float(exp(-20 * random.uniform())) }
        values = values.filter { $0 >= 0 && $0 <= 1 }.sorted()
        var last = 0
        for value in values {
            let slot = scale.slot(of: value)
            #expect(slot >= last && slot < scale.slots)
            last = slot
            let bin = limits.indices.dropLast().first { limits[$0] < value && value <= limits[$0 + 1] } ?? -1
            #expect(scale.binOfSlot[slot] == bin, "\(value)")
            #expect((slot >= scale.firstAboveThreshold) == (value > ConfidenceScale.threshold), "\(value)")
        }
    }

    @Test("calibration errors obey their inequalities")
    func inequalities() throws {
        var random = PhiloxStream(seed: 5)
        for _ in 0..<50 {
            let bins = random.int(in: 1...20), tilt = random.uniform()
            let pairs = (0..<random.int(in: 1...300)).map { _ in
                let confidence = Float(random.uniform())
                return (confidence: confidence, isCorrect: random.uniform() < Double(confidence) * tilt)
            }
            let histogram = ConfidenceHistogram(bins: bins, pairs),
                one = ConfidenceHistogram(bins: 1, pairs).reliability
            let rows = histogram.reliability
            let ece = try #require(rows.expectedError.value), mce = try #require(rows.maximumError.value)
            let difference = try abs(#require(rows.accuracy.value) - #require(rows.meanConfidence.value))
            #expect(ece <= mce + 1e-12 && ece >= difference - 1e-12 && (0...1).contains(ece) && (0...1).contains(mce))
            #expect(abs((one.expectedError.value ?? .nan) - difference) < 1e-12)
            #expect(abs((rows.overconfidence.value ?? .nan) + (rows.underconfidence.value ?? .nan) - ece) < 1e-12)
            #expect((rows.rootMeanSquareError.value ?? .nan) >= ece - 1e-12)
            #expect((rows.debiasedError.value ?? .nan) <= ece + 1e-12)
            #expect(ConfidenceHistogram(bins: bins, pairs.shuffled(using: &random)) == histogram)
            let sample = ConfidenceSample(pairs.map { Double($0.confidence) }, correct: pairs.map(\.isCorrect))
            let single =
                pairs.reduce(0) { $0 + abs(Double($1.confidence) - ($1.isCorrect ? 1 : 0)) } / Double(pairs.count)
            #expect(abs((sample.adaptiveError(bins: pairs.count).value ?? .nan) - single) < 1e-9)
            let exact = try #require(sample.adaptiveError(bins: bins).value)
            let streamed = try #require(histogram.adaptiveError().value)
            #expect(abs(exact - streamed) < 0.1)
        }
    }

    @Test("labels drawn from the probabilities make them calibrated, and sharpening overconfident")
    func calibratedByConstruction() throws {
        let good = try DrawnCase(GridSize(1000, 1000), seed: 1),
            sharp = try DrawnCase(GridSize(300, 300), sharpen: 2, seed: 1)
        let evaluation = CalibrationEvaluation()
        let calm = try evaluation(
            "a", probabilities: good.probabilities, reference: good.reference, posterior: good.truth)
        let all = try #require(calm.result[.all])
        for metric in [CalibrationMetric.ece, .cece, .aece, .rmsce, .tace] {
            #expect((all[metric].value ?? 1) < 0.005, "\(metric) \(all[metric])")
        }
        #expect(abs(all[.debiasedECE].value ?? 1) < 0.001 && abs(all[.debiasedSquared].value ?? 1) < 1e-5)
        #expect(all[.posteriorKL] == .value(0) && all[.posteriorL1] == .value(0) && all[.posteriorBrier] == .value(0))
        // The Brier score's excess over that of the true probabilities is their squared distance.
        let loud = try #require(
            try evaluation("b", probabilities: sharp.probabilities, reference: sharp.reference, posterior: sharp.truth)
                .result[.all])
        let known = try #require(
            try evaluation("c", probabilities: sharp.truth, reference: sharp.reference).result[.all])
        #expect((loud[.ece].value ?? 0) > 0.05 && (loud[.overconfidence].value ?? 0) > 0.049)
        // With many pixels, sharing slots out costs next to nothing.
        let map = sharp.probabilities, count = sharp.reference.labels.count
        let answers = (0..<count).map { index in
            (0..<3).reduce(0) { map.values[$1 * count + index] > map.values[$0 * count + index] ? $1 : $0 }
        }
        let sample = ConfidenceSample(
            answers.enumerated().map { Double(map.values[$1 * count + $0]) },
            correct: answers.enumerated().map { Int(sharp.reference.labels[$0]) == $1 })
        #expect(abs((sample.adaptiveError().value ?? 0) - (loud[.aece].value ?? 1)) < 2e-4)
        let excess = try #require(loud[.brier].value) - #require(known[.brier].value)
        #expect(abs(excess - (loud[.posteriorBrier].value ?? 0)) < 0.01)
        let divergence = try #require(loud[.nll].value) - #require(known[.nll].value)
        #expect(abs(divergence - (loud[.posteriorKL].value ?? 0)) < 0.02)
    }

    @Test("the Brier score is the sum of its parts")
    func decomposition() throws {
        let all = try #require(try CalibrationFixture.summary(CalibrationEvaluation()).pooled(.all))
        for row in all.classes {
            let parts = try #require(row.brier.decomposition(row.bins))
            let sum = parts.reliability - parts.resolution + parts.uncertainty + parts.withinBins
            #expect(abs(sum - (row.brier.mean.value ?? .nan)) < 1e-12)
            #expect(abs(parts.withinBins) < 0.01 && parts.reliability >= 0 && parts.resolution >= 0)
        }
        // By hand: of two pixels of p = ½ one is of the class, of two of p = 0 none.
        let pairs: [(confidence: Float, isCorrect: Bool)] = [(0.5, true), (0.5, false), (0, false), (0, false)]
        let bins = ConfidenceHistogram(bins: 10, pairs).reliability
        let score = BrierScore(total: 4, positives: 1, squares: 0.5, positiveSum: 0.5)
        let parts = try #require(score.decomposition(bins))
        #expect(score.mean == .value(0.125))
        #expect(parts.reliability == 0 && abs(parts.resolution - 0.0625) < 1e-15)
        #expect(parts.uncertainty == 0.1875 && abs(parts.withinBins) < 1e-15)
    }

    @Test("an impossible class makes the log loss infinite, and is counted")
    func impossible() throws {
        let map = try CalibrationFixture.map([[1, 0], [0.25, 0.75]], width: 2)
        let result = try CalibrationEvaluation()(
            "a", probabilities: map, reference: CalibrationFixture.labels([1, 1], width: 2)
        ).result
        let all = try #require(result[.all])
        #expect(all[.nll] == .infinite && all.logLoss.impossible == 1)
        #expect(abs(all.logLoss.sum - -log(0.75)) < 1e-12)
        var summary = CalibrationSummary()
        try summary.add(
            CalibrationEvaluation()("a", probabilities: map, reference: CalibrationFixture.labels([1, 1], width: 2)))
        let score = summary.scores([.nll], in: .all)[0]
        #expect(score.infinite == 1 && score.n == 0 && score.mean == .undefined && score.pooled == .infinite)
    }

    @Test("many log losses in one product are as exact as one by one")
    func products() throws {
        let item = try DrawnCase(GridSize(200, 150), classes: 5, sharpen: 4, seed: 8)
        let result = try CalibrationEvaluation()("a", probabilities: item.probabilities, reference: item.reference)
            .result
        var sum = 0.0
        let count = item.reference.labels.count
        for index in 0..<count {
            sum -= log(Double(item.probabilities.values[Int(item.reference.labels[index]) * count + index]))
        }
        #expect(abs((result[.all]?[.nll].value ?? 0) - sum / Double(count)) < 1e-12)
    }

    @Test("every metric has a definition of its own that names the bins where there are any")
    func definitions() {
        let texts = CalibrationMetric.allCases.map { $0.definition(bins: 12) }
        #expect(Set(texts).count == texts.count)
        #expect(CalibrationMetric.ece.definition(bins: 12).contains("12"))
        #expect(Set(CalibrationRegion.allCases.map(\.definition)).count == CalibrationRegion.allCases.count)
        #expect(Set(CaseAggregation.allCases.map(\.definition)).count == CaseAggregation.allCases.count)
    }
}
