import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which recalibration to fit, with its options.
public enum RecalibrationChoice: Hashable, Sendable {
    case temperature(TemperatureScaling.Search = .optimum)
    case vector
    case platt
    case histogramBinning
    case isotonic
}

extension RecalibrationSample {
    /// Fits a method to the sample.
    ///
    /// Temperature, vector and Platt scaling are fitted to the kept pixels' log-probabilities, each pixel weighted by how
    /// many it stands for; histogram binning and isotonic regression to the histograms of all pixels.
    /// - Throws: `Diagnostic` when there is no pixel.
    public func fit(_ choice: RecalibrationChoice, pool: ThreadPool = .serial) throws(Diagnostic) -> Recalibration {
        let points = points()
        guard points.count > 0 else { throw Recalibration.nothing }
        let method: Recalibration.Method
        switch choice {
        case .temperature(let search):
            method = .temperature(try TemperatureScaling(fitting: points, search, pool: pool))
        case .vector: method = .vector(try VectorScaling(fitting: points, pool: pool))
        case .platt: method = .platt(try PlattScaling(fitting: points, background: background))
        case .histogramBinning: method = .histogramBinning(try HistogramBinning(fitting: histograms))
        case .isotonic: method = .isotonic(try IsotonicCalibration(fitting: histograms))
        }
        let effect = Self.effect(of: method, points)
        let fit = Recalibration.Fit(
            cases: cases.count, pixels: points.count, regionPixels: cases.reduce(0) { $0 + $1.count },
            region: settings.region, logLossBefore: effect.before, logLossAfter: effect.after,
            answersChanged: effect.changed, notes: notes(method))
        return try Recalibration(classes: classes, method: method, fit: fit)
    }

    private func notes(_ method: Recalibration.Method) -> [String] {
        var notes: [String] = []
        if case .temperature(let scaling) = method, scaling.isAtLimit {
            notes.append(
                scaling.temperature < 1
                    ? "T is at its lower limit: the pixels are predicted perfectly, so they do not say how sure to be"
                    : "T is at its upper limit: the pixels are predicted no better than by chance")
        }
        if cases.count < 10 {
            notes.append("fitted to \(cases.count) case(s): pixels of one image are alike, so this may not carry over")
        }
        if !method.keepsAnswers {
            notes.append("the most probable class of a pixel may change; the share is `answersChanged`")
        }
        return notes
    }

    /// Log losses before and after, and the share of points whose most probable class changes.
    static func effect(
        of method: Recalibration.Method, _ points: LogitPoints
    ) -> (before: Score, after: Score, changed: Double) {
        let rule = PixelRule(method, classes: points.classCount)
        var (weight, before, after, changed) = (0.0, 0.0, 0.0, 0.0)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: points.classCount) { pixel in
            func answer() -> Int { pixel.indices.reduce(0) { pixel[$1] > pixel[$0] ? $1 : $0 } }
            for point in 0..<points.count {
                let first = point * points.classCount, label = Int(points.labels[point])
                let share = Double(points.weights[point])
                var total = 0.0
                for plane in 0..<points.classCount {
                    pixel[plane] = exp(Double(points.logits[first + plane]))
                    total += pixel[plane]
                }
                for plane in 0..<points.classCount { pixel[plane] /= total }
                let old = answer()
                weight += share
                before -= share * log(pixel[label])
                rule(pixel)
                after -= share * log(pixel[label])
                changed += !method.keepsAnswers && answer() != old ? share : 0
            }
        }
        return (Score(before / weight), Score(after / weight), changed / weight)
    }
}
