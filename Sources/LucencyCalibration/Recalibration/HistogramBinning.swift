import LucencyFoundation

/// For each class the share of its pixels among those whose probability falls into the same bin; divided by the sum over
/// classes (Zadrozny, Elkan, ICML 2001). Answers may change.
public struct HistogramBinning: Hashable, Codable, Sendable {
    /// For each class the value of each equal-width bin, each of which holds its upper edge; 0 is in the first.
    public var values: [[Double]]

    /// - Parameter values: equally many for each class.
    public init(values: [[Double]]) {
        self.values = values
    }

    /// The observed shares; an empty bin keeps its middle.
    /// - Throws: `Diagnostic` when there is no pixel.
    public init(fitting histograms: [ConfidenceHistogram]) throws(Diagnostic) {
        guard let first = histograms.first, first.total > 0 else { throw Recalibration.nothing }
        values = histograms.map { Self.values(of: $0.reliability) }
    }

    static func values(of bins: ReliabilityBins) -> [Double] {
        bins.counts.indices.map { bin in
            let count = bins.counts[bin] + (bin == 0 ? bins.zeros : 0)
            guard count > 0 else { return (Double(bin) + 0.5) / Double(bins.counts.count) }
            return Double(bins.hits[bin] + (bin == 0 ? bins.zeroHits : 0)) / Double(count)
        }
    }
}
