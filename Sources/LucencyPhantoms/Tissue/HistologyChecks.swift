import LucencyFoundation

extension Histology {
    /// - Throws: `Diagnostic` that names the first setting out of range.
    func checkSettings() throws {
        for (name, side) in [("width", width), ("height", height)] {
            guard 64...1024 ~= side, side % 8 == 0 else {
                throw Diagnostic(
                    .badArgument, "\(name) \(side) is not a multiple of 8 from 64 to 1024",
                    remedy: "low-resolution versions need whole pixels; use for example 256")
            }
        }
        guard !magnifications.isEmpty, magnifications.allSatisfy({ 40...400 ~= $0 }) else {
            throw Diagnostic(
                .badArgument, "magnifications \(magnifications) are not numbers from 40 to 400",
                remedy: "list at least one, for example [40, 100, 200, 400]")
        }
        try require("pixel", pixel, in: 0.05...0.25)
        try require("imagesPerPatient", Double(imagesPerPatient), in: 1...1_000_000)
        try require("laboratories", Double(laboratories), in: 1...1000)
        try require("malignantShare", malignantShare, in: 0...1)
        try check(benign, "benign")
        try check(malignant, "malignant")
        for (name, vector) in [("hematoxylin", stain.hematoxylin), ("eosin", stain.eosin)] {
            guard vector.count == 3, vector.allSatisfy({ 0...10 ~= $0 }), vector.contains(where: { $0 > 0 }) else {
                throw Diagnostic(
                    .badArgument, "the stain vector \(name) \(vector) is not three optical densities",
                    remedy: "list red, green and blue, each 0 or more and one above 0")
            }
        }
        try require("stain.tilt", stain.tilt, in: 0...2)
        try require("stain.laboratorySpread", stain.laboratorySpread, in: 0...0.3)
        try require("stain.patientSpread", stain.patientSpread, in: 0...0.3)
        try require("stain.hematoxylinStrength", stain.hematoxylinStrength, in: 0...5)
        try require("stain.eosinStrength", stain.eosinStrength, in: 0...5)
        try require("stain.patientStrength", stain.patientStrength, in: 0...5)
        try require("stain.white", stain.white, in: 64...255)
        try require("microscope.blur", microscope.blur, in: 0...8)
        try require("microscope.noise", microscope.noise, in: 0...50)
        try require("microscope.vignette", microscope.vignette, in: 0...0.9)
        try require("microscope.lowBlur", microscope.lowBlur, in: 0...3)
        try require("microscope.lowNoise", microscope.lowNoise, in: 0...50)
    }

    private func check(_ tissue: HistologyTissue, _ name: String) throws {
        let known = HistologyTissue.Pattern.allCases.map(\.rawValue)
        for (pattern, weight) in tissue.patterns {
            guard known.contains(pattern), weight >= 0, weight.isFinite else {
                throw Diagnostic(
                    .badArgument, "\(name).patterns: \(pattern): \(weight) is not a pattern with a weight",
                    remedy: "patterns are \(known.joined(separator: ", ")); weights are 0 or more")
            }
        }
        guard tissue.patterns.values.contains(where: { $0 > 0 }) else {
            throw Diagnostic(
                .badArgument, "\(name).patterns has no pattern with a weight above 0",
                remedy: "name at least one of \(known.joined(separator: ", "))")
        }
        try require("\(name).diameter", tissue.diameter, in: 3...16)
        try require("\(name).variation", tissue.variation, in: 0...0.5)
        try require("\(name).irregularity", tissue.irregularity, in: 0...0.25)
        try require("\(name).spacing", tissue.spacing, in: 0.6...3)
        try require("\(name).chromatin", tissue.chromatin, in: 0...1)
        try require("\(name).nucleoli", tissue.nucleoli, in: 0...1)
        try require("\(name).mitoses", tissue.mitoses, in: 0...1)
        try require("\(name).lymphocytes", tissue.lymphocytes, in: 0...100)
        try require("\(name).fibroblasts", tissue.fibroblasts, in: 0...100)
        try require("\(name).collagen", tissue.collagen, in: 0...1)
        try require("\(name).clefts", tissue.clefts, in: 0...1)
        try require("\(name).fat", tissue.fat, in: 0...1)
    }

    private func require(_ name: String, _ value: Double, in range: ClosedRange<Double>) throws {
        try require(name, Interval(value, value), in: range)
    }

    private func require(_ name: String, _ value: Interval, in range: ClosedRange<Double>) throws {
        guard range ~= value.lower, range ~= value.upper, value.lower <= value.upper else {
            let shown = value.lower == value.upper ? "\(value.lower)" : "\(value.lower)...\(value.upper)"
            throw Diagnostic(
                .badArgument, "\(name) \(shown) is outside \(range.lowerBound)...\(range.upperBound)",
                remedy: "choose a value or a range within these limits")
        }
    }
}
