import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which recalibration of image classes to fit. Methods that count what falls into bins need more cases than there are images.
public enum ClassRecalibrationChoice: String, CaseIterable, Hashable, Codable, Sendable {
    /// One number that divides all logits (Guo et al. 2017); answers never change.
    case temperature
    /// A scale and a shift for each class (Guo et al. 2017); answers may change.
    case vector
    /// A sigmoid for the second of two classes (Platt 1999); answers may change.
    case platt
}

extension ClassificationSummary {
    /// Fits a recalibration to the cases, each counted once. Logits are the logarithms of the probabilities: what they lack, a
    /// constant, does not matter.
    /// - Throws: `Diagnostic` when there is no case, or Platt's method is to be fitted to other than two classes.
    public func recalibration(_ choice: ClassRecalibrationChoice) throws(Diagnostic) -> Recalibration {
        guard !cases.isEmpty else {
            throw Diagnostic(.undefinedResult, "there is no case to fit to", remedy: "give images whose class is known")
        }
        var points = LogitPoints(classCount: classes.count)
        for one in cases {
            let logits = one.probabilities.map { logf(max(Float($0), Recalibration.smallest)) }
            try points.add(logits, label: one.truth)
        }
        let method: Recalibration.Method
        switch choice {
        case .temperature: method = .temperature(try TemperatureScaling(fitting: points))
        case .vector: method = .vector(try VectorScaling(fitting: points))
        case .platt:
            guard classes.count == 2 else {
                throw Diagnostic(
                    .badArgument, "Platt's sigmoid is for two classes, and there are \(classes.count)",
                    remedy: "fit `vector`, or `temperature`")
            }
            method = .platt(try PlattScaling(fitting: points, background: 0))
        }
        let effect = RecalibrationSample.effect(of: method, points)
        let fit = Recalibration.Fit(
            cases: cases.count, pixels: cases.count, regionPixels: cases.count, region: .all,
            logLossBefore: effect.before, logLossAfter: effect.after, answersChanged: effect.changed,
            notes: notes(method))
        return try Recalibration(classes: classes, method: method, fit: fit)
    }

    private func notes(_ method: Recalibration.Method) -> [String] {
        var notes = ["fitted to probabilities of whole images; `pixels` are images"]
        if case .temperature(let scaling) = method, scaling.isAtLimit {
            notes.append(
                scaling.temperature < 1
                    ? "T is at its lower limit: all answers are right, so they do not say how sure to be"
                    : "T is at its upper limit: the answers are no better than chance")
        }
        let patients = Set(cases.compactMap(\.patient)).count
        if cases.count < 30 || (1..<10).contains(patients) {
            let whose = patients > 0 ? " of \(patients) patient(s)" : ""
            notes.append("fitted to \(cases.count) image(s)\(whose): this may not carry over to others")
        }
        return notes
    }
}

extension Recalibration {
    /// The better probabilities of one image.
    /// - Parameters:
    ///   - probabilities: one for each class, in 0...1, of sum 1.
    ///   - classes: their names, which must be those that the recalibration was fitted to.
    /// - Throws: `Diagnostic` when classes differ, or the recalibration is one of pixels.
    public func callAsFunction(_ probabilities: [Double], classes: [String]) throws(Diagnostic) -> [Double] {
        guard classes == self.classes, probabilities.count == classes.count else {
            throw Diagnostic(
                .channelMismatch,
                "the recalibration was fitted to the classes \(self.classes.joined(separator: ", ")), these are "
                    + classes.joined(separator: ", "),
                remedy: "fit it to answers of the same model")
        }
        if case .localTemperature = method {
            throw Diagnostic(
                .badArgument, "temperatures that differ from pixel to pixel say nothing of a whole image",
                remedy: "fit one with calibrate.classes")
        }
        let rule = PixelRule(method, classes: classes.count)
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: classes.count) { values in
            _ = values.initialize(from: probabilities)
            rule(values)
            return Array(values)
        }
    }
}
