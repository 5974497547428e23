import LucencyFoundation
import LucencyTensor

extension Tape {
    /// Σ over branches k of w_k · y_k, where w is the softmax over the branches of a score for each channel of each image
    /// (Li et al. 2019, "selective kernel networks").
    ///
    /// - Parameters:
    ///   - branches: N, C, spatial each.
    ///   - scores: N, C and extents of 1 each, as many as branches.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    func mixture(_ branches: [Value], scores: [Value]) throws(Diagnostic) -> Value {
        guard let first = branches.first, branches.count == scores.count else {
            throw Diagnostic(
                .shapeMismatch, "mixture: \(branches.count) branches need as many scores, found \(scores.count)")
        }
        let images = first.shape.images, channels = first.shape.channels
        let row = try reshape(concatenation(scores), [images, branches.count, channels])
        let weights = try split(softmax(row, over: 1), axis: 1, branches.map { _ in 1 })
        var sum: Value?
        for (branch, weight) in zip(branches, weights) {
            let part = try channelScaling(
                branch, scale: reshape(weight, [images, channels] + first.shape.spatial.map { _ in 1 }))
            sum = if let sum { try add(sum, part) } else { part }
        }
        return sum ?? first
    }
}
