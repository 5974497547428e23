#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// Even a calibrated model has gaps in bins of few pairs. These estimates take off what chance alone adds, as if pairs were
// independent; neighbouring pixels are not, so they take off too little.

extension ReliabilityBins {
    /// `expectedError` less its expected excess, where each bin's accuracy is taken as normal with variance
    /// acc (1 − acc)/n (Kumar, Liang, Ma, "Verified uncertainty calibration", NeurIPS 2019, the ℓ1 case). May be negative.
    public var debiasedError: Score {
        guard let plain = expectedError.value else { return .undefined }
        let excess = filled.reduce(0.0) { sum, bin in
            let deviation = (bin.accuracy * (1 - bin.accuracy) / Double(bin.count)).squareRoot()
            return sum + Double(bin.count) * (Self.meanAbsolute(abs(bin.gap), deviation) - abs(bin.gap))
        }
        return .value(plain - excess / Double(total))
    }

    /// Σ n_b/N · (gap² − acc (1 − acc)/(n_b − 1)), without bias for independent pairs (Kumar et al. 2019, definition 5.2;
    /// bins of one pair are left out). May be negative; its root is the debiased counterpart of `rootMeanSquareError`.
    public var debiasedSquaredError: Score {
        let bins = filled.filter { $0.count > 1 }
        guard !bins.isEmpty else { return .undefined }
        let sum = bins.reduce(0.0) { sum, bin in
            let noise = bin.accuracy * (1 - bin.accuracy) / Double(bin.count - 1)
            return sum + Double(bin.count) * (bin.gap * bin.gap - noise)
        }
        return .value(sum / Double(total))
    }

    /// E|X| of a normal X.
    private static func meanAbsolute(_ mean: Double, _ deviation: Double) -> Double {
        guard deviation > 0 else { return mean }
        let ratio = mean / deviation
        return deviation * (2 / Double.pi).squareRoot() * exp(-ratio * ratio / 2) + mean * erf(ratio / 2.0.squareRoot())
    }
}
