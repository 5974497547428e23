/// The slots into which confidences are counted: every edge of the equal-width bins and of the threshold is a limit
/// between slots, and within a bin slots are narrow where confidences crowd, towards 0 and 1.
///
/// A place holds confidences whose distance to the nearer of 0 and 1 agrees in its exponent and leading bits: with four bits
/// it is at most 1/16 of that distance wide. A place that an edge falls into has a slot on either side of it. Edges are b/M rounded to
/// float32, as the confidences are; a bin holds its upper edge and not its lower one, so 1 is in the last bin and 0 in none.
package struct ConfidenceScale: Hashable, Sendable {
    /// Probabilities up to this do not take part in thresholded errors.
    package static let threshold: Float = 1e-3
    /// More equal-width bins than this are refused.
    package static let maximumBins = 100

    package let bins: Int
    /// Leading bits that tell places apart.
    package let fraction: Int
    /// The edge within each place, infinite where there is none.
    let edges: [Float]
    /// The equal-width bin of each slot; −1 for a confidence of 0.
    package let binOfSlot: [Int]
    /// The first slot above the threshold.
    package let firstAboveThreshold: Int
    private let shift: UInt32
    private let lowest: Int
    private let top: Int

    /// - Parameters:
    ///   - bins: from 1 to 100.
    ///   - fraction: leading bits of the distance that tell places apart; more where bins need it.
    package init(bins: Int, fraction: Int = 4) {
        let bins = max(1, min(Self.maximumBins, bins))
        var fraction = UInt32(max(1, min(12, fraction)))
        let limits = (0...bins).map { Float(Double($0) / Double(bins)) } + [Self.threshold]
        var layout = Layout(fraction: fraction)
        // Many bins need narrower places, so that no two edges share one.
        while Set(limits.map { layout.place(of: $0) }).count < limits.count, fraction < 12 {
            fraction += 1
            layout = Layout(fraction: fraction)
        }
        (shift, lowest, top) = (layout.shift, layout.lowest, layout.top)
        var edges = Array(repeating: Float.infinity, count: layout.top + 1)
        for limit in limits { edges[layout.place(of: limit)] = limit }
        var bin = -1
        var slots: [Int] = []
        var above = 0
        for edge in edges {
            slots.append(min(bin, bins - 1))
            if edge == Self.threshold {
                above = slots.count
            } else if edge.isFinite {
                bin += 1
            }
            slots.append(min(bin, bins - 1))
        }
        self.bins = bins
        self.fraction = Int(fraction)
        self.edges = edges
        binOfSlot = slots
        firstAboveThreshold = above
    }

    package var slots: Int { binOfSlot.count }

    /// The slot of a confidence in 0...1.
    package func slot(of confidence: Float) -> Int { edges.withUnsafeBufferPointer { finder($0).slot(of: confidence) } }

    /// The same for loops, as long as `edges` stays where it is.
    func finder(_ edges: UnsafeBufferPointer<Float>) -> Finder {
        Finder(edges: edges, shift: shift, lowest: lowest, top: top)
    }

    struct Finder {
        let edges: UnsafeBufferPointer<Float>
        let shift: UInt32
        let lowest: Int
        let top: Int

        @inline(__always)
        func slot(of confidence: Float) -> Int {
            let place = Layout.place(of: confidence, shift: shift, lowest: lowest, top: top)
            return 2 &* place &+ (confidence > edges[place] ? 1 : 0)
        }
    }

    private struct Layout {
        let shift: UInt32
        let lowest: Int
        let top: Int

        init(fraction: UInt32) {
            shift = 23 - fraction
            lowest = Int(Float(0x1p-24).bitPattern >> shift) - 1
            top = 2 * (Int(Float(0.5).bitPattern >> shift) - lowest)
        }

        func place(of confidence: Float) -> Int {
            Self.place(of: confidence, shift: shift, lowest: lowest, top: top)
        }

        @inline(__always)
        static func place(of confidence: Float, shift: UInt32, lowest: Int, top: Int) -> Int {
            // 1 − c is exact from ½ on.
            let distance = min(confidence, 1 - confidence)
            let place = max(0, Int(distance.bitPattern &>> shift) &- lowest)
            return confidence > 0.5 ? top &- place : place
        }
    }
}
