import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct RecalibrationTests {
    /// The pixels that `posthoc.json` was fitted to.
    private func points() throws -> LogitPoints {
        let all = try CalibrationFixture.pixels(try CalibrationFixture.json("metrics.json"))
        var points = LogitPoints(classCount: 4)
        for index in 0..<all.labels.count / 2 {
            try points.add(all.logits[index].map { Float($0) }, label: all.labels[index])
        }
        return points
    }

    private func near(_ value: Double, _ expected: JSONValue?, _ tolerance: Double) -> Bool {
        abs(value - (expected?.doubleValue ?? .nan)) <= tolerance
    }

    @Test("temperatures are the fixture's, on one thread and on several")
    func temperature() throws {
        let expected = try #require(try CalibrationFixture.json("posthoc.json")["temperature"])
        let points = try points()
        #expect(points.count == 360)
        let best = try TemperatureScaling(fitting: points)
        #expect(near(best.temperature, expected["T"], 1e-5) && !best.isAtLimit)
        #expect(try TemperatureScaling(fitting: points, pool: ThreadPool(threads: 2)) == best)
        #expect(near(try TemperatureScaling(fitting: points, .gridLogLoss).temperature, expected["gridNllT"], 1e-9))
        #expect(near(try TemperatureScaling(fitting: points, .gridECE).temperature, expected["gridEceT"], 1e-9))
    }

    @Test("vector scaling is the fixture's")
    func vector() throws {
        let expected = try #require(try CalibrationFixture.json("posthoc.json")["vector"])
        let scaling = try VectorScaling(fitting: points())
        for (value, number) in zip(scaling.scale, expected["scale"]?.tensorData ?? []) {
            #expect(abs(value - number) < 1e-3)
        }
        for (value, number) in zip(scaling.shift, expected["biasZeroMean"]?.tensorData ?? []) {
            #expect(abs(value - number) < 1e-3)
        }
        #expect(abs(scaling.shift.reduce(0, +)) < 1e-12)
    }

    @Test("binary methods are the fixture's")
    func binary() throws {
        let expected = try #require(try CalibrationFixture.json("posthoc.json")["binary"])
        let scores = expected["scores"]?.tensorData ?? [],
            labels = (expected["labels"]?.tensorData ?? []).map { $0 != 0 }
        let isotonic = try IsotonicRegression(zip(scores, labels).map { (score: $0, value: $1 ? 1.0 : 0, weight: 1.0) })
        for (query, value) in zip(
            expected["isotonicQuery"]?.tensorData ?? [], expected["isotonicValue"]?.tensorData ?? [])
        {
            #expect(abs(isotonic(query) - value) < 1e-9, "\(query): \(isotonic(query))")
        }
        let histogram = ConfidenceHistogram(bins: 10, zip(scores, labels).map { (Float($0), $1) })
        #expect(histogram.reliability.counts.map(Double.init) == expected["histogramCount"]?.tensorData)
        let binning = try HistogramBinning(fitting: [histogram])
        for (value, number) in zip(binning.values[0], expected["histogram10"]?.tensorData ?? []) {
            #expect(abs(value - number) < 1e-9)
        }
        let platt = try PlattScaling(scores: expected["plattScore"]?.tensorData ?? [], isForeground: labels)
        #expect(near(platt.slope, expected["plattA"], 1e-4) && near(platt.offset, expected["plattB"], 1e-4))
        let same = try PlattScaling(fitting: points())
        #expect(abs(same.slope - platt.slope) < 1e-6 && abs(same.offset - platt.offset) < 1e-6)
    }

    @Test("logits three times as large take three times the temperature")
    func scaled() throws {
        let all = try CalibrationFixture.pixels(try CalibrationFixture.json("metrics.json"))
        var points = LogitPoints(classCount: 4), triple = points
        for (logits, label) in zip(all.logits, all.labels) {
            try points.add(logits.map { Float($0) }, label: label)
            try triple.add(logits.map { Float($0) * 3 }, label: label)
        }
        let one = try TemperatureScaling(fitting: points).temperature
        #expect(abs(try TemperatureScaling(fitting: triple).temperature - 3 * one) < 1e-5)
    }

    @Test("perfect predictions and chance lead to the limits, and are said to")
    func limits() throws {
        var sure = LogitPoints(classCount: 2), wrong = sure
        for index in 0..<20 {
            try sure.add(index % 2 == 0 ? [2, 0] : [0, 2], label: index % 2)
            try wrong.add(index % 2 == 0 ? [2, 0] : [0, 2], label: 1 - index % 2)
        }
        let (low, high) = (try TemperatureScaling(fitting: sure), try TemperatureScaling(fitting: wrong))
        #expect(low.isAtLimit && low.temperature < 0.02 && high.isAtLimit && high.temperature > 54)
    }

    /// A sample of overconfident cases.
    private func sample(_ cases: Int, _ change: (inout RecalibrationSample.Settings) -> Void = { _ in }) throws
        -> RecalibrationSample
    {
        var settings = RecalibrationSample.Settings()
        change(&settings)
        var sample = RecalibrationSample(settings)
        for index in 0..<cases {
            let item = try DrawnCase(GridSize(60, 50), sharpen: 2, seed: UInt64(index))
            try sample.add("case \(index)", probabilities: item.probabilities, reference: item.reference)
        }
        return sample
    }

    @Test(
        "every method makes overconfident predictions better calibrated",
        arguments: [RecalibrationChoice.temperature(), .vector, .platt, .histogramBinning, .isotonic])
    func improves(choice: RecalibrationChoice) throws {
        let recalibration = try sample(12).fit(choice)
        let item = try DrawnCase(GridSize(200, 200), sharpen: 2, seed: 99)
        let evaluation = CalibrationEvaluation()
        func error(_ map: ProbabilityMap) throws -> (top: Double, foreground: Double) {
            let row = try #require(try evaluation("a", probabilities: map, reference: item.reference).result[.all])
            return (row[.ece].value ?? 1, row[.foregroundECE].value ?? 1)
        }
        let better = try recalibration(item.probabilities, pool: ThreadPool(threads: 2))
        let (before, after) = (try error(item.probabilities), try error(better))
        #expect(after.foreground < 0.3 * before.foreground, "\(before) \(after)")
        if choice != .platt { #expect(after.top < 0.3 * before.top, "\(before) \(after)") }
        let fit = try #require(recalibration.fit)
        #expect(fit.cases == 12 && fit.regionPixels == 12 * 3000 && fit.pixels == 12 * 2048)
        #expect((fit.logLossAfter.value ?? .infinity) < (fit.logLossBefore.value ?? 0) || choice == .histogramBinning)
        #expect(try recalibration(item.probabilities) == better)
        if case .temperature(let scaling) = recalibration.method {
            #expect(abs(scaling.temperature - 2) < 0.1 && fit.answersChanged == 0 && fit.notes.isEmpty)
        } else {
            #expect(!fit.notes.isEmpty)
        }
        let data = try JSONEncoder().encode(recalibration)
        #expect(try JSONDecoder().decode(Recalibration.self, from: data) == recalibration)
    }

    @Test("a temperature leaves every answer", arguments: [0.02, 0.7, 1, 3, 54])
    func answers(temperature: Double) throws {
        let item = try DrawnCase(GridSize(150, 150), classes: 5, sharpen: 1, seed: 3)
        let recalibration = try Recalibration(
            classes: item.probabilities.classes, method: .temperature(TemperatureScaling(temperature: temperature)))
        let after = try recalibration(item.probabilities)
        let count = item.reference.labels.count
        func answer(_ map: ProbabilityMap, _ index: Int) -> Int {
            (0..<5).reduce(0) { map.values[$1 * count + index] > map.values[$0 * count + index] ? $1 : $0 }
        }
        #expect((0..<count).allSatisfy { answer(item.probabilities, $0) == answer(after, $0) })
    }

    @Test("samples merge to the same in any order, and are drawn by name")
    func merging() throws {
        let whole = try sample(5) { $0.pixelsPerCase = 100 }
        var parts = RecalibrationSample(whole.settings), others = parts
        for index in [3, 0, 4, 2, 1] {
            let item = try DrawnCase(GridSize(60, 50), sharpen: 2, seed: UInt64(index))
            if index < 2 {
                try parts.add("case \(index)", probabilities: item.probabilities, reference: item.reference)
            } else {
                try others.add("case \(index)", probabilities: item.probabilities, reference: item.reference)
            }
        }
        try others.merge(parts)
        #expect(others == whole && whole.caseCount == 5)
        let data = try JSONEncoder().encode(whole)
        #expect(try JSONDecoder().decode(RecalibrationSample.self, from: data) == whole)
        let other = try sample(5) {
            $0.pixelsPerCase = 100
            $0.seed = 1
        }
        #expect(other != whole)
        #expect(code { try others.merge(whole) } == .duplicateName)
        #expect(code { try others.merge(other) } == .badArgument)
    }

    @Test("the region decides which pixels are fitted to")
    func region() throws {
        var sizes: [Int] = []
        for region in [CalibrationRegion.all, .foreground, .foregroundUnion] {
            let fitted = try sample(2) { $0.region = region }.fit(.temperature())
            sizes.append(try #require(fitted.fit).regionPixels)
        }
        #expect(sizes[0] == 6000 && sizes[1] < sizes[2] && sizes[2] < sizes[0])
        #expect(code { try sample(1) { $0.region = .boundary } } == .badArgument)
    }

    @Test("impossible samples and fits are refused")
    func refusals() throws {
        #expect(code { try RecalibrationSample(.init()).fit(.temperature()) } == .undefinedResult)
        #expect(code { try sample(1) { $0.bins = 0 } } == .badArgument)
        #expect(code { try sample(1) { $0.pixelsPerCase = 0 } } == .badArgument)
        #expect(code { try sample(1) { $0.labels = [0, 1] } } == .badLabel)
        #expect(code { try sample(1) { $0.background = 9 } } == .badLabel)
        #expect(code { try sample(1) { $0.ignoredLabel = 0 }.fit(.temperature()) } == nil)
        let empty = LogitPoints(classCount: 2)
        #expect(code { try TemperatureScaling(fitting: empty) } == .undefinedResult)
        #expect(code { try VectorScaling(fitting: empty) } == .undefinedResult)
        #expect(code { try PlattScaling(fitting: empty) } == .undefinedResult)
        #expect(code { try PlattScaling(fitting: empty, background: 5) } == .badLabel)
        #expect(code { try HistogramBinning(fitting: []) } == .undefinedResult)
        #expect(code { try IsotonicCalibration(fitting: []) } == .undefinedResult)
        #expect(code { try IsotonicRegression([(score: Double, value: Double, weight: Double)]()) } == .undefinedResult)
        var points = empty
        #expect(code { try points.add([1], label: 0) } == .badArgument)
        #expect(code { try points.add([1, .nan], label: 0) } == .badArgument)
        #expect(code { try points.add([1, 2], label: 2) } == .badLabel)
        #expect(code { try points.add([1, 2], label: 0, weight: 0) } == .badLabel)
        for method in [
            Recalibration.Method.temperature(.init(temperature: 0)), .vector(.init(scale: [1], shift: [0, 0])),
            .platt(.init(slope: .nan, offset: 0)), .histogramBinning(.init(values: [[0.5], [1.5]])),
            .isotonic(.init(classes: [])),
        ] {
            #expect(code { try Recalibration(classes: ["a", "b"], method: method) } == .badValue)
        }
        #expect(code { try Recalibration(classes: ["a"], method: .temperature(.init(temperature: 1))) } == .badValue)
        let fitted = try Recalibration(classes: ["a", "b"], method: .temperature(.init(temperature: 1)))
        #expect(code { try fitted(CalibrationFixture.map([[0.5, 0.5]], width: 1)) } == .channelMismatch)
        for text in [
            #"{"scores":[1,0],"values":[0,1]}"#, #"{"scores":[0,1],"values":[1,0]}"#, #"{"scores":[],"values":[]}"#,
            #"{"scores":[0],"values":[0,1]}"#,
        ] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(IsotonicRegression.self, from: Data(text.utf8))
            }
        }
    }

    @Test("isotonic functions rise, and pixels that every class rejects keep their probabilities")
    func shapes() throws {
        var random = PhiloxStream(seed: 4)
        let function = try IsotonicRegression(
            (0..<300).map { _ in
                (score: random.uniform(), value: random.uniform() < 0.5 ? 0.0 : 1, weight: random.uniform() + 0.1)
            })
        let values = (0...100).map { function(Double($0) / 100) }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 } && values.allSatisfy { (0...1).contains($0) })
        let binning = HistogramBinning(values: [[0, 1], [0, 1]])
        let fitted = try Recalibration(classes: ["class 0", "class 1"], method: .histogramBinning(binning))
        let map = try CalibrationFixture.map([[0.5, 0.5], [0.25, 0.75]], width: 2)
        // ½ is in the lower bin, where both classes get 0.
        #expect(try fitted(map).values.withUnsafeBufferPointer { Array($0) } == [0.5, 0, 0.5, 1])
    }
}
