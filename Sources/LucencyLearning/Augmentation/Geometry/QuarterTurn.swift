import LucencyFoundation
import LucencyImaging

/// Turns a sample by 90, 180 or 270 degrees about an axis. Exact.
///
/// The size of a sample is kept: where the two sides that a turn exchanges differ in pixels or spacing, only half turns
/// are drawn.
public struct QuarterTurn: AugmentationComponent {
    public static let name = "rot90"
    /// The axis that stays; in the plane for `z`.
    public var axis = GridAxis.z
    public var probability = 0.5

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try require(
            axis == .z || !form.size.isPlanar, "a planar sample cannot be turned about \(axis.name)",
            remedy: "turn it about z")
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        let isHit = random.uniform() < probability, turns = random.int(in: 1...3)
        guard isHit else { return nil }
        let (a, b) = (axis.others.0.rawValue, axis.others.1.rawValue)
        let isSquare = form.size[a] == form.size[b] && form.spacing[a] == form.spacing[b]
        return .rot90(Drawn(axis: axis, turns: isSquare ? turns : 2))
    }

    public struct Drawn: DrawnParameters {
        public static let name = QuarterTurn.name
        public var axis: GridAxis
        /// Quarter turns, from x towards y for the axis z, and so on in cyclic order.
        public var turns: Int

        public init(axis: GridAxis, turns: Int) {
            self.axis = axis
            self.turns = turns
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            let turns = ((turns % 4) + 4) % 4
            guard turns > 0 else { return }
            let old = sample.size, steps = [1, old.x, old.x * old.y]
            let (a, b) = (axis.others.0.rawValue, axis.others.1.rawValue)
            var sides = [old.x, old.y, old.z], spacing = sample.spacing
            // Where the source starts, and how it moves with each new coordinate.
            var start = 0
            var moves = steps
            switch turns {
            case 1: (start, moves[a], moves[b]) = ((sides[b] - 1) * steps[b], -steps[b], steps[a])
            case 2:
                start = (sides[a] - 1) * steps[a] + (sides[b] - 1) * steps[b]
                (moves[a], moves[b]) = (-steps[a], -steps[b])
            default: (start, moves[a], moves[b]) = ((sides[a] - 1) * steps[a], steps[b], -steps[a])
            }
            if turns != 2 {
                sides.swapAt(a, b)
                (spacing[a], spacing[b]) = (spacing[b], spacing[a])
            }
            let size = GridSize(sides[0], sides[1], sides[2])
            var sources: [Int] = []
            sources.reserveCapacity(size.count)
            for z in 0..<size.z {
                for y in 0..<size.y {
                    var source = start + z * moves[2] + y * moves[1]
                    for _ in 0..<size.x {
                        sources.append(source)
                        source &+= moves[0]
                    }
                }
            }
            sample.permute(sources, size: size, spacing: spacing)
        }
    }
}
