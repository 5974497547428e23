import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension LocalTemperatureSample {
    /// Fits the filters by Adam on the mean cross-entropy of a window's pixels, a window a step, in an order drawn anew for
    /// each epoch.
    /// - Parameter progress: hears of each epoch its number and the mean log loss; false ends the fit there.
    /// - Throws: `Diagnostic` when there is no pixel, or the loss is no longer finite.
    public func fit(
        pool: ThreadPool = .serial, progress: (_ epoch: Int, _ logLoss: Double) -> Bool = { _, _ in true }
    ) throws(Diagnostic) -> Recalibration {
        guard !cases.isEmpty else { throw Recalibration.nothing }
        var scaling = LocalTemperatureScaling(
            classCount: classes.count, channels: channels, start: settings.start)
        let inputs = cases.map {
            LocalTemperatureInput(logits: $0.logits, image: $0.image, width: $0.width, height: $0.height)
        }
        let before = Self.logLoss(cases) { _ in nil }
        var adam = Adam(scaling, rate: settings.rate)
        for epoch in 0..<settings.epochs {
            var random = PhiloxStream(seed: settings.seed, stream: "local-temperature.order", index: epoch)
            var order = Array(cases.indices), sum = 0.0
            for place in stride(from: order.count - 1, to: 0, by: -1) {
                order.swapAt(place, min(place, Int(random.uniform() * Double(place + 1))))
            }
            for index in order {
                let pass = LocalTemperaturePass(scaling, inputs[index], pool)
                let (loss, gradient) = Self.step(cases[index], pass.temperatures)
                sum += loss
                adam.step(&scaling, pass.gradient(gradient))
            }
            guard sum.isFinite, scaling.isPossible(classCount: classes.count) else {
                throw Diagnostic(
                    .undefinedResult, "the fit of local temperatures went astray in epoch \(epoch + 1)",
                    remedy: "give a lower `rate`")
            }
            guard progress(epoch + 1, sum / Double(cases.count)) else { break }
        }
        let maps = inputs.map { LocalTemperaturePass(scaling, $0, pool).temperatures }
        let after = Self.logLoss(cases) { maps[$0] }
        let temperatures = maps.joined().sorted()
        let places = [0.05, 0.5, 0.95].map {
            temperatures[min(temperatures.count - 1, Int($0 * Double(temperatures.count)))]
        }
        let fit = Recalibration.Fit(
            cases: caseCount, pixels: cases.reduce(0) { $0 + $1.truth.count { $0 != PixelTruth.ignored } },
            regionPixels: cases.reduce(0) { $0 + $1.regionPixels }, region: settings.region,
            logLossBefore: .value(before), logLossAfter: .value(after), answersChanged: 0,
            notes: notes(before, after, places))
        return try Recalibration(classes: classes, method: .localTemperature(scaling), fit: fit)
    }

    private func notes(_ before: Double, _ after: Double, _ temperatures: [Float]) -> [String] {
        let shown = temperatures.map { "\((Double($0) * 1000).rounded() / 1000)" }
        var notes = ["5 %, 50 % and 95 % of the fitted pixels' temperatures: \(shown.joined(separator: ", "))"]
        if cases.count < caseCount { notes.append("fitted to windows of \(cases.count) of \(caseCount) cases") }
        if after >= before {
            notes.append(
                "the log loss did not fall: more `epochs`, a higher `rate` or `start: one` may help, and "
                    + "calibrate.temperature may do better")
        }
        if caseCount < 10 {
            notes.append("fitted to \(caseCount) case(s): pixels of one image are alike, so this may not carry over")
        }
        return notes
    }

    /// The mean log loss of a window, and its gradient for the temperatures.
    private static func step(_ one: Case, _ temperatures: [Float]) -> (loss: Double, gradient: [Float]) {
        let count = one.truth.count, planes = one.logits.count / count
        let pixels = Double(one.truth.count { $0 != PixelTruth.ignored })
        var gradient = [Float](repeating: 0, count: count), loss = 0.0
        withUnsafeTemporaryAllocation(of: Double.self, capacity: planes) { powers in
            one.logits.withUnsafeBufferPointer { logits in
                for index in 0..<count where one.truth[index] != PixelTruth.ignored {
                    let inverse = 1 / Double(temperatures[index]), truth = Int(one.truth[index])
                    var top = -Double.infinity, total = 0.0, mean = 0.0
                    for plane in 0..<planes { top = max(top, Double(logits[plane &* count &+ index])) }
                    for plane in 0..<planes {
                        let shifted = Double(logits[plane &* count &+ index]) - top
                        powers[plane] = exp(shifted * inverse)
                        total += powers[plane]
                        mean += powers[plane] * shifted
                    }
                    let own = Double(logits[truth &* count &+ index]) - top
                    loss += log(total) - own * inverse
                    // d/dT of log Σ exp(z/T) − z_y/T.
                    gradient[index] = Float((own - mean / total) * inverse * inverse / pixels)
                }
            }
        }
        return (loss / pixels, gradient)
    }

    /// The mean log loss of all windows' pixels, at T = 1 where no temperatures are given.
    private static func logLoss(_ cases: [Case], temperatures: (Int) -> [Float]?) -> Double {
        var sum = 0.0, pixels = 0.0
        for (index, one) in cases.enumerated() {
            let count = Double(one.truth.count { $0 != PixelTruth.ignored })
            sum += step(one, temperatures(index) ?? Array(repeating: 1, count: one.truth.count)).loss * count
            pixels += count
        }
        return sum / pixels
    }

    /// Adam (Kingma and Ba 2015) over the numbers of all filters.
    private struct Adam {
        let rate: Double
        var first, second: [[Double]]
        var steps = 0

        init(_ scaling: LocalTemperatureScaling, rate: Double) {
            self.rate = rate
            first = scaling.filters.map { Array(repeating: 0, count: $0.weights.count + 1) }
            second = first
        }

        mutating func step(_ scaling: inout LocalTemperatureScaling, _ gradient: [LocalTemperatureScaling.Filter]) {
            steps += 1
            let (c1, c2) = (1 - pow(0.9, Double(steps)), 1 - pow(0.999, Double(steps)))
            for (index, filter) in gradient.enumerated() {
                for (place, value) in (filter.weights + [filter.bias]).enumerated() {
                    let value = Double(value)
                    first[index][place] = 0.9 * first[index][place] + 0.1 * value
                    second[index][place] = 0.999 * second[index][place] + 0.001 * value * value
                    let change = Float(
                        rate * (first[index][place] / c1) / ((second[index][place] / c2).squareRoot() + 1e-8))
                    if place < filter.weights.count {
                        scaling.filters[index].weights[place] -= change
                    } else {
                        scaling.filters[index].bias -= change
                    }
                }
            }
        }
    }
}
