import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct LocalTemperatureTests {
    private func fixture() throws -> (scaling: LocalTemperatureScaling, json: JSONValue) {
        let json = try CalibrationFixture.json("local.json")
        let filters = try LocalTemperatureScaling.names.map { name in
            let weights = try #require(json["weights"]?[name]?["weight"]?.tensorData)
            let bias = try #require(json["weights"]?[name]?["bias"]?.tensorData.first)
            return LocalTemperatureScaling.Filter(weights: weights.map { Float($0) }, bias: Float(bias))
        }
        return (LocalTemperatureScaling(start: .two, filters: filters), json)
    }

    private func floats(_ json: JSONValue?) -> [Float] { (json?.tensorData ?? []).map { Float($0) } }

    @Test("temperatures are those of the public code, on one thread and on several")
    func golden() throws {
        let (scaling, json) = try fixture()
        let logits = floats(json["logits"]), image = floats(json["image"])
        let made = try scaling.temperatures(logits: logits, image: image, width: 10, height: 9)
        let expected = json["temperature"]?.tensorData ?? []
        #expect(made.count == 90 && expected.count == 90)
        for (value, number) in zip(made, expected) { #expect(abs(Double(value) - number) < 1e-5) }
        for (index, number) in (json["scaled"]?.tensorData ?? []).enumerated() {
            #expect(abs(Double(logits[index] / made[index % 90]) - number) < 1e-4 * max(1, abs(number)))
        }
        let threads = ThreadPool(threads: 3)
        #expect(
            try scaling.temperatures(logits: logits, image: image, width: 10, height: 9, pool: threads) == made)
        let plain = LocalTemperatureScaling(classCount: 3, channels: 1, start: .two)
        #expect(try plain.temperatures(logits: logits, image: image, width: 10, height: 9).allSatisfy { $0 == 2 })
        let one = LocalTemperatureScaling(classCount: 3, channels: 1, start: .one)
        #expect(try one.temperatures(logits: logits, image: image, width: 10, height: 9).allSatisfy { $0 == 1 })
    }

    @Test("the gradient is that of finite differences")
    func gradient() throws {
        let (scaling, json) = try fixture()
        let logits = floats(json["logits"]), image = floats(json["image"])
        let weights = (0..<90).map { index in Float((index * 37 % 19) - 9) / 90 }
        func value(_ scaling: LocalTemperatureScaling) throws -> Double {
            let made = try scaling.temperatures(logits: logits, image: image, width: 10, height: 9)
            return zip(made, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let gradient = scaling.gradient(weights, logits: logits, image: image, width: 10, height: 9)
        for (filter, name) in LocalTemperatureScaling.names.enumerated() {
            for place in [0, 7, 24] {
                var (more, less) = (scaling, scaling)
                more.filters[filter].weights[place] += 0.01
                less.filters[filter].weights[place] -= 0.01
                let slope = (try value(more) - value(less)) / 0.02, found = Double(gradient[filter].weights[place])
                #expect(abs(slope - found) < 2e-3 + 0.01 * abs(slope), "\(name)[\(place)]: \(found), not \(slope)")
            }
            var (more, less) = (scaling, scaling)
            more.filters[filter].bias += 0.01
            less.filters[filter].bias -= 0.01
            let slope = (try value(more) - value(less)) / 0.02, found = Double(gradient[filter].bias)
            #expect(abs(slope - found) < 2e-3 + 0.01 * abs(slope), "\(name): \(found), not \(slope)")
        }
    }

    /// Two classes, of which the second is right with 0.95 in the dark half and with 0.6 in the bright half, though it is
    /// predicted with 0.95 everywhere.
    private func cases(_ number: Int) throws -> (map: ProbabilityMap, image: Image, reference: LabelMap) {
        let width = 24, count = width * width
        var random = PhiloxStream(seed: 9, stream: "local", index: number)
        var labels: [Int32] = [], pixels: [Float] = [], probabilities: [[Double]] = []
        for index in 0..<count {
            let isBright = index % width >= width / 2
            labels.append(random.uniform() < (isBright ? 0.6 : 0.95) ? 1 : 0)
            pixels.append(Float(isBright ? 3000 : 1000) + Float(random.normal() * 20))
            probabilities.append([0.05, 0.95])
        }
        let map = try CalibrationFixture.map(probabilities, width: width, height: width)
        return (
            map, try Image(geometry: map.geometry, colorModel: .gray, pixels: AlignedBuffer(pixels)),
            try LabelMap(geometry: map.geometry, labels: AlignedBuffer(labels))
        )
    }

    private func sample(_ numbers: [Int], _ settings: LocalTemperatureSample.Settings) throws -> LocalTemperatureSample
    {
        var sample = LocalTemperatureSample(settings)
        for number in numbers {
            let one = try cases(number)
            try sample.add(
                "case \(number)", probabilities: one.map, image: one.image, reference: one.reference)
        }
        return sample
    }

    private var quick: LocalTemperatureSample.Settings {
        var settings = LocalTemperatureSample.Settings()
        (settings.window, settings.epochs, settings.rate) = (24, 60, 0.01)
        return settings
    }

    @Test("where the image says that confidence is wrong, the temperature is higher there alone; answers never change")
    func fitting() throws {
        let fitted = try sample(Array(0..<4), quick).fit()
        let fit = try #require(fitted.fit)
        #expect(fit.cases == 4 && fit.answersChanged == 0)
        #expect(try #require(fit.logLossAfter.value) < #require(fit.logLossBefore.value) * 0.9)
        let one = try cases(17)
        let after = try fitted(one.map, image: one.image)
        func confidence(_ isBright: Bool) -> Double {
            let inside = (0..<576).filter { ($0 % 24 >= 12) == isBright && !(8...15).contains($0 % 24) }
            return inside.reduce(0) { $0 + Double(after.values[576 + $1]) } / Double(inside.count)
        }
        #expect(abs(confidence(false) - 0.95) < 0.05, "\(confidence(false))")
        #expect(abs(confidence(true) - 0.6) < 0.08, "\(confidence(true))")
        #expect((0..<576).allSatisfy { after.values[576 + $0] > after.values[$0] })
        // A single temperature cannot do both.
        #expect(confidence(false) - confidence(true) > 0.2)
        let coded = try JSONDecoder().decode(Recalibration.self, from: JSONEncoder().encode(fitted))
        #expect(coded == fitted)
        #expect(try fitted(one.map, image: one.image, pool: ThreadPool(threads: 2)).values.array == after.values.array)
    }

    @Test("samples merge in any order to the same fit, and keep as many cases as they are told")
    func merging() throws {
        var settings = quick
        (settings.cases, settings.epochs) = (2, 2)
        let whole = try sample([0, 1, 2, 3], settings)
        var parts = try sample([3, 1], settings)
        try parts.merge(sample([2], settings))
        try parts.merge(sample([0], settings))
        #expect(try whole.fit() == parts.fit())
        #expect(try parts.fit().fit?.notes.contains { $0.contains("2 of 4 cases") } == true)
        #expect(throws: Diagnostic.self) { try parts.merge(sample([2], settings)) }
    }

    @Test("what cannot be fitted or applied is refused")
    func refusals() throws {
        let one = try cases(0), fitted = try sample([0], quick).fit()
        #expect(throws: Diagnostic.self) { try fitted(one.map) }
        let colour = try Image(
            geometry: one.image.geometry, colorModel: .rgb, pixels: AlignedBuffer(repeating: 1, count: 3 * 576))
        #expect(throws: Diagnostic.self) { try fitted(one.map, image: colour) }
        #expect(throws: Diagnostic.self) { try LocalTemperatureSample(quick).fit() }
        let small = try CalibrationFixture.map(Array(repeating: [0.5, 0.5], count: 16), width: 4, height: 4)
        let pixels = try Image(
            geometry: small.geometry, colorModel: .gray, pixels: AlignedBuffer(repeating: 1, count: 16))
        let labels = try CalibrationFixture.labels(Array(repeating: 0, count: 16), width: 4, height: 4)
        var sample = LocalTemperatureSample(quick)
        #expect(throws: Diagnostic.self) {
            try sample.add("small", probabilities: small, image: pixels, reference: labels)
        }
        var broken = LocalTemperatureScaling(classCount: 2, channels: 1, start: .two)
        broken.filters[3].weights[0] = .nan
        #expect(throws: Diagnostic.self) {
            try Recalibration(classes: ["a", "b"], method: .localTemperature(broken))
        }
        var wild = quick
        wild.rate = 1e39
        #expect(throws: Diagnostic.self) { try self.sample([0, 1], wild).fit() }
    }
}
