import LucencyFoundation
import LucencyImaging

/// Which part of a case a patch shows.
public struct PatchDraw: Codable, Hashable, Sendable {
    /// The first pixel (x, y, z) in the case; may lie outside where the case is smaller than the patch.
    public var start: SIMD3<Int>
    /// The class at which the patch was aimed; nil where it was placed at random.
    public var foreground: Int32?

    public init(start: SIMD3<Int>, foreground: Int32? = nil) {
        self.start = start
        self.foreground = foreground
    }
}

/// Chooses patches, a fixed part of each batch around foreground, and cuts them.
///
/// Patches stay within their case where it is large enough and are centred where it is not. A planar patch of a volume is
/// a random slice. Follows nnU-Net (Isensee et al. 2021, Nature Methods 18): of a patch that is
/// aimed, first the class is drawn, all that the case has being equally likely, then one of its pixels to lie in the
/// middle, or as near to it as the edge of the case allows.
public struct PatchSampler: Hashable, Sendable {
    public var size: GridSize
    /// Of each batch, at least this part is aimed at foreground; of a batch of one, so often.
    public var foregroundFraction = 1.0 / 3
    public var padding = Padding.values([])

    /// - Parameter size: in pixels; z = 1 for planar patches.
    public init(size: GridSize) {
        self.size = size
    }

    /// The form of the patches of a case.
    public func form(of item: TrainingCase) -> SampleForm {
        SampleForm(size: size, spacing: item.sample.spacing, channels: item.sample.channels)
    }

    /// - Throws: `Diagnostic` when a setting is not possible.
    public func check() throws(Diagnostic) {
        guard size.x >= 1, size.y >= 1, size.z >= 1, size.count < 1 << 40 else {
            throw Diagnostic(.badArgument, "patches of \(size) are not possible", remedy: "give positive sides")
        }
        guard foregroundFraction >= 0, foregroundFraction <= 1 else {
            throw Diagnostic(
                .badArgument, "a foreground fraction of \(foregroundFraction) is not possible",
                remedy: "give a number in 0...1")
        }
        if case .values(let values) = padding, !values.allSatisfy({ $0.isFinite }) {
            throw Diagnostic(.badArgument, "padding values must be finite")
        }
    }

    /// Whether a place in a batch is aimed at foreground, batches of one apart: the last ones are.
    func isAimed(_ position: Int, of batch: Int) -> Bool {
        // A fraction of 1/3 in a batch of 3 is one patch, whatever the rounding.
        Double(batch - position) < (foregroundFraction * Double(batch) - 1e-9).rounded(.up) + 0.5
    }

    /// Draws the patch of one place in the batch of one step. Depends on these arguments alone; a case without foreground
    /// gives a random patch.
    /// - Throws: `Diagnostic` when a setting is not possible or the position is none of the batch's.
    public func draw(
        in item: TrainingCase, seed: UInt64, step: Int, position: Int, batch: Int
    ) throws(Diagnostic) -> PatchDraw {
        try check()
        guard batch >= 1, position >= 0, position < batch else {
            throw Diagnostic(.badArgument, "there is no position \(position) in a batch of \(batch)")
        }
        var random = PhiloxStream(seed: seed, stream: "patch.\(step)", index: position)
        let chance = random.uniform()
        let isAimed = batch == 1 ? chance < foregroundFraction : isAimed(position, of: batch)
        let grid = item.sample.size
        guard isAimed, !item.foreground.classes.isEmpty else {
            return PatchDraw(start: start { axis in random.int(in: 0...max(0, grid[axis] - size[axis])) })
        }
        let chosen = random.int(in: 0...item.foreground.classes.count - 1)
        let positions = item.foreground.positions[chosen]
        let index = positions[random.int(in: 0...positions.count - 1)]
        let place = [index % grid.x, index / grid.x % grid.y, index / (grid.x * grid.y)]
        let start = start { axis in min(max(0, place[axis] - size[axis] / 2), max(0, grid[axis] - size[axis])) }
        return PatchDraw(start: start, foreground: item.foreground.classes[chosen])

        func start(_ place: (Int) -> Int) -> SIMD3<Int> {
            var start = SIMD3<Int>.zero
            for axis in 0..<3 {
                let free = place(axis), excess = size[axis] - grid[axis]
                start[axis] = excess > 0 ? -(excess / 2) : free
            }
            return start
        }
    }

    /// Cuts a patch; with a transform, the patch is resampled from the whole case in one step.
    /// - Throws: `Diagnostic` when a setting is not possible or the patch does not touch the case.
    public func cut(
        _ patch: PatchDraw, from item: TrainingCase, transform: SpatialTransform.Drawn? = nil
    ) throws(Diagnostic) -> Sample {
        try check()
        let grid = item.sample.size
        for axis in 0..<3 {
            let start = patch.start[axis]
            guard start > -size[axis], start < grid[axis] else {
                throw Diagnostic(
                    .regionOutside,
                    "a patch at \(patch.start) of \(size) does not touch '\(item.name)' with its \(grid) pixels",
                    remedy: "use the patch with the case it was drawn for")
            }
        }
        return try PatchCut(start: patch.start, size: size, padding: padding, transform: transform)(item.sample)
    }
}
