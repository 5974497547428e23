import LucencyFoundation
import LucencyNetworks

/// What was decided and why, in words.
extension NetworkPlanner {
    func decision(_ what: String, _ value: String, _ why: String, isStated: Bool = false) -> NetworkPlan.Decision {
        NetworkPlan.Decision(what: what, value: value, why: isStated ? "stated" : why)
    }

    func normalizationDecisions(_ rules: [IntensityRule]) -> [NetworkPlan.Decision] {
        if let normalization = stated.normalization {
            return [decision("normalization", normalization.shown, "", isStated: true)]
        }
        guard let first = rules.first else { return [] }
        guard rules.contains(where: { $0.normalization != first.normalization }) else {
            return [decision("normalization", first.normalization.shown, first.why)]
        }
        return zip(fingerprint.channels, rules).map { channel, rule in
            decision("normalization of \(channel.name)", rule.normalization.shown, rule.why)
        }
    }

    func networkDecisions(_ chosen: Chosen, _ grid: Grid) -> [NetworkPlan.Decision] {
        let candidate = chosen.candidate, scheme = candidate.scheme
        let covers = zip(candidate.patch, grid.extents).allSatisfy { $0 >= $1 }
        var found = [
            decision(
                "patch", Self.product(candidate.patch),
                covers
                    ? "the median image is \(Self.product(grid.extents))"
                    : "the largest part of the median image (\(Self.product(grid.extents))) that memory and time allow",
                isStated: !stated.patch.isEmpty),
            decision(
                "channels", candidate.channels.map(String.init).joined(separator: "-"),
                "\(scheme.levels) levels for this patch, each twice as wide up to 16 times the first, which is as wide as memory "
                    + "and time allow",
                isStated: stated.channels != nil),
        ]
        if !network.isAlike {
            let pools = scheme.multiple.map { "\($0)" }.joined(separator: " × ")
            found.append(
                decision(
                    "strides", scheme.strides.dropFirst().map { Self.product($0) }.joined(separator: ", "),
                    "an axis is halved while \(2 * PoolingScheme.smallest) pixels are left and its pixels are at most twice as "
                        + "long as those of the finest; in all \(pools)"))
        }
        if let norm = candidate.norm {
            found.append(
                decision(
                    "norm", norm.rawValue,
                    norm == .batch
                        ? "\(candidate.batch) images have statistics worth sharing"
                        : "a batch of \(candidate.batch) is too small or too varied for shared statistics",
                    isStated: stated.norm != nil))
        }
        found.append(
            decision(
                "batch", "\(candidate.batch)",
                "as many as memory and time allow, up to \(Self.preferredBatch.flat) images or \(Self.preferredBatch.deep) "
                    + "volumes, and a twentieth of all pixels where that is not too few",
                isStated: stated.batch != nil))
        return found
    }

    func lengthDecisions(_ chosen: Chosen) -> [NetworkPlan.Decision] {
        let length = chosen.length, step = Self.duration(chosen.candidate.step)
        let rate = JSONValue.number(TrainingRate.operations(kernels.family) / 1e9).text
        let isStated = stated.steps != nil || stated.epochs != nil
        var found = [
            decision(
                "steps",
                stated.epochs.map { stated.steps == nil ? "\(length.steps) in \($0) epochs" : "\(length.steps)" }
                    ?? "\(length.steps)",
                length.steps >= TrainingLength.mostSteps
                    ? "more are never planned"
                    : "what the time allows at \(step) each", isStated: isStated),
            decision(
                "patches of each image", "\(length.patchesPerCase)",
                isStated ? "a pass over the images is an epoch" : "so that there are at most 100 epochs",
                isStated: stated.patchesPerCase != nil),
        ]
        if validationPixels > 0 {
            found.append(
                decision(
                    "epochs between validations", "\(length.validationInterval)",
                    "validation takes at most a fifth of the time",
                    isStated: stated.validationInterval != nil))
        }
        found.append(
            decision(
                "memory", "\(Self.size(chosen.bytes)) of \(Self.size(budget.memory))",
                "weights, gradients, moments and activations, besides the images"))
        found.append(
            decision(
                "time", "\(Self.duration(length.seconds)) of \(Self.duration(budget.seconds))",
                "three times the operations of a forward pass at \(rate) GFLOP/s (\(kernels.family.rawValue), one thread), and "
                    + "\(Int(TrainingRate.pixels / 1e6)) million pixels of patches a second"))
        return found
    }

    static func product(_ extents: [Int]) -> String { product(extents.map(String.init)) }
    static func product(_ parts: [String]) -> String { parts.joined(separator: " × ") }

    static func size(_ bytes: Int) -> String {
        bytes < 1_000_000_000 ? "\((bytes + 999_999) / 1_000_000) MB" : "\(tenths(Double(bytes) / 1e9)) GB"
    }

    static func duration(_ seconds: Double) -> String {
        if seconds < 1 { return "\(max(1, Int((seconds * 1000).rounded()))) ms" }
        return seconds < 120
            ? "\(tenths(seconds)) s" : seconds < 7200 ? "\(tenths(seconds / 60)) min" : "\(tenths(seconds / 3600)) h"
    }

    /// With a digit behind the point where it says something.
    private static func tenths(_ value: Double) -> String { JSONValue.number((value * 10).rounded() / 10).text }
}

extension Preprocessing.Normalization {
    /// `window 0 … 255`.
    fileprivate var shown: String {
        func text(_ value: Double) -> String { JSONValue.number(value).text }
        return switch self {
        case .none: "none"
        case .zScore: "z-score"
        case .percentile(let lower, let upper): "percentile \(text(lower)) … \(text(upper))"
        case .window(let low, let high): "window \(text(low)) … \(text(high))"
        case .standard(let mean, let deviation, let low, let high):
            "standard: mean \(text(mean)), deviation \(text(deviation)), cut to \(text(low)) … \(text(high))"
        }
    }
}
