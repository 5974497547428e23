/// Metrics of one image against another.
public enum QualityMetric: String, CaseIterable, Hashable, Codable, Sendable {
    case mse, mae, psnr, ssim
    case multiScaleSSIM = "ms-ssim"
    case gmsd

    /// `dB`, or nil.
    public var unit: String? { self == .psnr ? "dB" : nil }
}

/// By which conventions image-quality numbers were made. Only numbers of equal conventions are merged.
public struct QualityConventions: Hashable, Codable, Sendable {
    /// L, the distance from the least to the greatest possible value.
    public var range: Double
    public var low: Double
    public var border: Int
    public var color: ImageQuality.Color
    public var isClamped: Bool
    public var window: StructuralSimilarity.Window
    public var edge: StructuralSimilarity.Border

    /// The range in which numbers were made: luma has one of its own.
    var usedRange: Double { color == .luma ? 255 : range }

    /// What a reader must know to compare a metric with other people's numbers.
    public func description(of metric: QualityMetric) -> String {
        func text(_ number: Double) -> String {
            Int(exactly: number).map { String($0) } ?? String(number)
        }
        var parts: [String] = []
        switch metric {
        case .mse, .mae: break
        case .psnr: parts.append("10 log10(L^2/MSE)")
        case .ssim:
            parts.append(window == .gaussian ? "Gaussian 11x11 sigma 1.5; biased" : "uniform 7x7; unbiased")
            parts.append(
                edge == .valid
                    ? "full windows" : edge == .symmetric ? "symmetric edges; all pixels" : "zeros beyond edges")
        case .multiScaleSSIM: parts.append("5 scales; Gaussian 11x11 sigma 1.5; full windows; 2x2 means")
        case .gmsd: parts.append("on 0...255; T 170; zeros beyond edges; sd divided by n")
        }
        parts.append("L \(text(usedRange))")
        switch color {
        case .luma: parts.append("luma of BT.601 in 16...235")
        case .channels where metric == .mse || metric == .mae || metric == .psnr: parts.append("all channels together")
        case .channels: parts.append("mean over channels")
        }
        if border > 0 { parts.append("\(border) px cropped along edges") }
        if isClamped { parts.append("clamped to \(text(low))...\(text(low + range))") }
        return parts.joined(separator: "; ")
    }
}
