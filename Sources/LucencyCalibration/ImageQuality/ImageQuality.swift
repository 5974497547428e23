import LucencyFoundation
import LucencyImaging

/// Compares an image with the one it should be.
///
/// MSE, MAE and PSNR are of all pixels, channels and slices together. SSIM, MS-SSIM and GMSD are means over channels and slices.
/// Opacity does not count.
public struct ImageQuality: Hashable, Sendable {
    public enum Color: String, CaseIterable, Hashable, Codable, Sendable {
        /// Every channel by itself, as scikit-image does.
        case channels
        /// The luma of BT.601 in studio swing, `16 + 65.481 R + 128.553 G + 24.966 B` with colours in 0...1, in a range of 255:
        /// what most papers about super-resolution do.
        case luma
    }

    /// L, the distance from the least to the greatest possible value; nil takes that of the reference's stored integers.
    public var range: Double?
    /// The least possible value.
    public var low = 0.0
    /// Pixels along each edge that do not count.
    public var border = 0
    public var color = Color.channels
    /// Whether values of the image beyond the range count as its ends, as they would in a stored file.
    public var clamp = true
    public var similarity = StructuralSimilarity()

    public init() {}

    /// - Parameter name: of the case.
    /// - Throws: `Diagnostic` when the images do not lie on the same grid or differ in colours, nothing says the range, luma is
    ///   asked of an image without colours, or the image is smaller than SSIM's window (and its border).
    public func callAsFunction(
        _ name: String, image: Image, reference: Image, pool: ThreadPool = .serial
    ) throws -> QualityResult {
        try image.geometry.requireMatch(reference.geometry, "the image and its reference")
        guard image.colorModel == reference.colorModel else {
            throw Diagnostic(
                .channelMismatch,
                "an image of \(image.channels) and a reference of \(reference.channels) channel(s) differ "
                    + "in their colours", remedy: "make both gray (`gray`)")
        }
        let conventions = try conventions(for: reference)
        var errors = PixelErrors(), similarity = 0.0, multiScale = 0.0, deviation = 0.0
        var planes = 0
        let isLarge = min(image.size.x, image.size.y) - 2 * border >= MultiScaleSimilarity.smallestSide
        for slice in 0..<image.size.z {
            let pairs = try planePairs(image, reference, slice: slice, conventions)
            for (test, truth) in pairs {
                planes += 1
                errors.merge(try PixelErrors(test, truth))
                let range = conventions.usedRange
                similarity += try self.similarity(test, truth, range: range, pool: pool)
                deviation += try GradientDeviation()(test, truth, range: range)
                if isLarge { multiScale += try MultiScaleSimilarity()(test, truth, range: range, pool: pool) }
            }
        }
        let count = Double(planes)
        return QualityResult(
            name: name, conventions: conventions, mse: Score(errors.mse), mae: Score(errors.mae),
            psnr: Score(errors.psnr(range: conventions.usedRange)), ssim: Score(similarity / count),
            multiScaleSSIM: isLarge ? Score(multiScale / count) : .undefined, gmsd: Score(deviation / count))
    }

    private func conventions(for reference: Image) throws -> QualityConventions {
        let stored = reference.origin?.stored.integerRange.map { $0.upperBound - $0.lowerBound }
        guard let range = range ?? stored else {
            throw Diagnostic(
                .badArgument,
                "nothing says what the greatest possible value is, without which PSNR and SSIM mean nothing",
                remedy: "state it: `range: 255` for bytes, `range: 1` for 0...1")
        }
        guard range > 0, range.isFinite, low.isFinite else {
            throw Diagnostic(
                .badArgument, "a data range of \(range) is not possible", remedy: "take 255 for bytes, or 1 for 0...1")
        }
        let side = similarity.smallestSide
        let reach = max(0, border).multipliedReportingOverflow(by: 2)
        guard !reach.overflow, min(reference.size.x, reference.size.y) - reach.partialValue >= side else {
            throw Diagnostic(
                .badArgument,
                "an image of \(reference.size) pixels without a border of \(border) is smaller than SSIM's window of \(side)",
                remedy: "compare larger images, or a smaller border")
        }
        guard color != .luma || reference.colorModel == .rgb || reference.colorModel == .rgba else {
            throw Diagnostic(
                .channelMismatch, "an image of \(reference.channels) channel(s) has no luma",
                remedy: "take `color: channels`")
        }
        return QualityConventions(
            range: range, low: low, border: border, color: color, isClamped: clamp, window: similarity.window,
            edge: similarity.border)
    }

    /// The planes to compare of one slice: one for each channel, or the luma.
    private func planePairs(
        _ image: Image, _ reference: Image, slice: Int, _ conventions: QualityConventions
    ) throws -> [(QualityPlane, QualityPlane)] {
        func planes(_ image: Image, clamp: Bool) -> [QualityPlane] {
            let channels = image.channels - (image.colorModel.hasAlpha ? 1 : 0)
            var planes = (0..<channels).map { image.qualityPlane(channel: $0, slice: slice).cropped(by: border) }
            let low = conventions.low, high = low + conventions.range
            for index in planes.indices where clamp {
                planes[index].values = planes[index].values.map { min(max($0, low), high) }
            }
            guard color == .luma, planes.count == 3 else { return planes }
            let unit = 1 / conventions.range
            var luma = planes[0]
            for i in luma.values.indices {
                let r = planes[0].values[i] - low, g = planes[1].values[i] - low, b = planes[2].values[i] - low
                luma.values[i] = 16 + unit * (65.481 * r + 128.553 * g + 24.966 * b)
            }
            return [luma]
        }
        return Array(zip(planes(image, clamp: clamp), planes(reference, clamp: false)))
    }
}

/// An image against its reference.
public struct QualityResult: Hashable, Codable, Sendable {
    /// Unique among the cases that are merged.
    public var name: String
    public var conventions: QualityConventions
    /// In units of the values, squared for MSE.
    public var mse, mae: Score
    /// In dB; infinite for equal images.
    public var psnr: Score
    public var ssim: Score
    /// Undefined for sides below 176 pixels.
    public var multiScaleSSIM: Score
    public var gmsd: Score

    public subscript(metric: QualityMetric) -> Score {
        switch metric {
        case .mse: mse
        case .mae: mae
        case .psnr: psnr
        case .ssim: ssim
        case .multiScaleSSIM: multiScaleSSIM
        case .gmsd: gmsd
        }
    }
}
