/// How often a network halves each axis on its way down, and which kernels it uses there.
///
/// Follows nnU-Net (Isensee et al. 2021): an axis is halved while at least 4 pixels are left, and only when its pixels are
/// not much coarser than those of the finest axis that can be halved; until pixels are about as long as wide, kernels do not
/// reach along the coarse axis.
struct PoolingScheme: Hashable {
    /// The factor by which each level is smaller than the one before along x, y (and z); of the first level 1.
    private(set) var strides: [[Int]]
    /// Kernel of each level along x, y (and z).
    private(set) var kernels: [[Int]]

    /// Fewest pixels along an axis at the coarsest level.
    static let smallest = 4
    /// Axes are halved together whose spacings differ by no more than this.
    private static let alikeRatio = 2.0

    /// - Parameters:
    ///   - extents: pixels along x, y (and z) of what the network sees.
    ///   - spacing: of those pixels, in any unit.
    ///   - levels: how many there must be; nil: as many as extents allow, up to `maximum`.
    ///   - isExact: halve only what is even, so that the extents need not grow.
    init(extents: [Int], spacing: [Double], levels: Int?, maximum: Int, isExact: Bool) {
        var left = extents, step = spacing
        strides = [extents.map { _ in 1 }]
        kernels = [Self.kernel(step)]
        while strides.count < levels ?? maximum {
            let possible = left.indices.filter { left[$0] / 2 >= Self.smallest && !(isExact && left[$0] % 2 != 0) }
            let finest = possible.map { step[$0] }.min() ?? 0
            var halved = possible.filter { step[$0] <= finest * Self.alikeRatio }
            if halved.isEmpty {
                guard levels != nil, let longest = left.max() else { break }
                // A person wants this level: the longest axes take it.
                halved = left.indices.filter { left[$0] == longest }
            }
            let stride = left.indices.map { halved.contains($0) ? 2 : 1 }
            for axis in halved {
                left[axis] = (left[axis] + 1) / 2
                step[axis] *= 2
            }
            strides.append(stride)
            kernels.append(Self.kernel(step))
        }
    }

    /// The scheme of a network that halves all axes alike. Along the shortest axis two pixels are enough at the end.
    init(alike extents: [Int], levels: Int?, maximum: Int, isExact: Bool) {
        let shortest = extents.indices.min { extents[$0] < extents[$1] } ?? 0
        func allows(_ count: Int) -> Bool {
            extents.indices.allSatisfy { axis in
                let least = axis == shortest && extents.count > 2 ? 2 : Self.smallest
                return extents[axis] >> count >= least && !(isExact && extents[axis] % (1 << count) != 0)
            }
        }
        let count = levels ?? (1 + ((1..<max(2, maximum)).last { allows($0) } ?? 0))
        strides = (0..<count).map { level in extents.map { _ in level == 0 ? 1 : 2 } }
        kernels = strides.map { $0.map { _ in 3 } }
    }

    private static func kernel(_ spacing: [Double]) -> [Int] {
        let finest = spacing.min() ?? 1
        return spacing.map { $0 > finest * alikeRatio ? 1 : 3 }
    }

    var levels: Int { strides.count }

    /// What each extent must be a multiple of.
    var multiple: [Int] { (strides.first ?? []).indices.map { axis in strides.reduce(1) { $0 * $1[axis] } } }

    /// The smallest extents at or above these that the network takes.
    func padded(_ extents: [Int]) -> [Int] { zip(extents, multiple).map { ($0 + $1 - 1) / $1 * $1 } }
}
