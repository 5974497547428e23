import LucencyFoundation

// Intervals over cases, never over pixels: pixels of one image are alike.

extension CalibrationScore {
    /// The interval of the mean over cases; nil for fewer than two values.
    /// - Throws: `Diagnostic` when the bootstrap's settings are not possible.
    public func interval(_ bootstrap: Bootstrap = Bootstrap()) throws(Diagnostic) -> ConfidenceInterval? {
        try bootstrap.interval(of: values)
    }

    /// The same, of cases that were drawn once for many numbers; cases drawn without a value take no part.
    public func interval(_ draws: CaseDraws) -> ConfidenceInterval? { draws.interval(ofMean: caseValues) }
}

extension CalibrationSummary {
    /// The interval of the expected calibration error of all pixels together: the bins of the cases drawn are added up
    /// anew. nil for fewer than two cases, or where the region was not measured.
    /// - Parameter plane: a class against all others; nil takes the answers.
    /// - Throws: `Diagnostic` when the bootstrap's settings are not possible.
    public func pooledErrorInterval(
        _ region: CalibrationRegion, ofClass plane: Int? = nil, _ bootstrap: Bootstrap = Bootstrap(resamples: 1000)
    ) throws(Diagnostic) -> ConfidenceInterval? {
        let bins = cases.compactMap { result -> ReliabilityBins? in
            guard let row = result[region] else { return nil }
            guard let plane else { return row.top }
            return row.classes.indices.contains(plane) ? row.classes[plane].bins : nil
        }
        guard let width = bins.first?.counts.count else { return nil }
        // What each bin of each case adds: its excess of confidence over right answers, and the number of its pixels.
        let gaps = bins.map { one in
            one.counts.indices.map { one.confidences[$0] - Double(one.hits[$0]) }
        }
        let totals = bins.map { Double($0.total) }
        return try CaseDraws(count: bins.count, bootstrap).interval { times in
            var sums = Array(repeating: 0.0, count: width), total = 0.0
            for (index, count) in times.enumerated() where count > 0 {
                total += Double(count) * totals[index]
                for bin in 0..<width { sums[bin] += Double(count) * gaps[index][bin] }
            }
            return total > 0 ? sums.reduce(0) { $0 + abs($1) } / total : nil
        }
    }
}
