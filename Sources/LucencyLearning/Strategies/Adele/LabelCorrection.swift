import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What becomes of foreground in whose place background is predicted.
public enum DroppedForeground: String, Codable, Hashable, Sendable, CaseIterable {
    /// It becomes background.
    case background
    /// It does not count any more, where background is sure and the class is being corrected.
    case ignored
    /// It does not count any more, however sure background is and whether or not the class is being corrected: what the
    /// authors' program does when told to.
    case published
}

/// How sure predictions take the place of labels. Liu et al., CVPR 2022, section 3.2, with the details of the authors'
/// program.
package struct LabelCorrection: Hashable, Sendable {
    /// τ: what the best foreground class must exceed, in 0...1.
    package var confidence: Float = 0.7
    /// What background must exceed; nil as foreground.
    package var backgroundConfidence: Float?
    /// Whether an image gets no class that its labels lack.
    package var keepsToPresentClasses = true
    package var dropped = DroppedForeground.background
    /// Whether a correction is left out that takes away more than half of an image's foreground and leaves more than 95 % of
    /// the image as background: a prediction that has missed the objects.
    package var isGuarded = true

    package init() {}

    /// The labels with sure predictions in their place; nil where nothing changes.
    /// - Parameters:
    ///   - labels: class numbers; those below 0, and `ignored`, do not count and stay.
    ///   - logits: class × pixel.
    ///   - update: the foreground classes to correct.
    package func callAsFunction(
        _ labels: AlignedBuffer<Int32>, logits: AlignedBuffer<Float>, classes: Int, update: Set<Int>,
        ignored: Int? = nil
    ) -> AlignedBuffer<Int32>? {
        let count = labels.count
        var isPresent = Array(repeating: false, count: classes)
        var isOpen = (0..<classes).map { $0 == 0 || update.contains($0) }
        if let ignored, isOpen.indices.contains(ignored) { isOpen[ignored] = false }
        labels.withUnsafeBufferPointer { labels in
            for label in labels where label >= 0 && label < classes { isPresent[Int(label)] = true }
        }
        guard isPresent.indices.contains(where: { $0 > 0 && isPresent[$0] && isOpen[$0] }) else { return nil }
        var changed = 0, lost = 0, foreground = 0, background = 0, counted = 0
        let merged = AlignedBuffer<Int32>(count: count) { out in
            labels.withUnsafeBufferPointer { labels in
                logits.withUnsafeBufferPointer { logits in
                    for pixel in 0..<count {
                        let label = labels[pixel]
                        out[pixel] = label
                        guard label >= 0, label < classes, ignored.map({ Int32($0) != label }) ?? true else { continue }
                        let found = prediction(logits, pixel, count, classes)
                        let best = found.best
                        let isAllowed =
                            found.isSure && isOpen[Int(label)] && isOpen[best]
                            && (best == 0 || !keepsToPresentClasses || isPresent[best])
                        if isAllowed { out[pixel] = Int32(best) }
                        if label > 0, best == 0, dropped == .published || (dropped == .ignored && isAllowed) {
                            out[pixel] = LabelMap.ignoreLabel
                        }
                        if out[pixel] != label { changed += 1 }
                        if label > 0 { foreground += 1 }
                        if label > 0, out[pixel] <= 0 { lost += 1 }
                        if out[pixel] <= 0 { background += 1 }
                        counted += 1
                    }
                }
            }
        }
        let hasMissed = 2 * lost > foreground && Double(background) > 0.95 * Double(counted)
        return changed > 0 && !(isGuarded && hasMissed) ? merged : nil
    }

    /// The most probable class of a pixel, and whether it, or some foreground class, is sure.
    @inline(__always)
    private func prediction(
        _ logits: UnsafeBufferPointer<Float>, _ pixel: Int, _ count: Int, _ classes: Int
    ) -> (best: Int, isSure: Bool) {
        var best = 0, largest = logits[pixel], foreground = -Float.infinity
        for number in 1..<classes {
            let value = logits[number &* count &+ pixel]
            foreground = max(foreground, value)
            if value > largest { (best, largest) = (number, value) }
        }
        var sum: Float = 0
        for number in 0..<classes { sum += expf(logits[number &* count &+ pixel] - largest) }
        let sureForeground = expf(foreground - largest) / sum, sureBackground = expf(logits[pixel] - largest) / sum
        return (best, sureForeground > confidence || sureBackground > backgroundConfidence ?? confidence)
    }
}
