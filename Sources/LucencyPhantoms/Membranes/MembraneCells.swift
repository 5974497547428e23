import LucencyFoundation

/// A plane full of cells: the Voronoi diagram of discs (additively weighted, so that large cells bulge into small
/// ones), stretched a little, in coordinates that smooth fields bend.
struct MembraneCells: Sendable {
    struct Cell: Sendable {
        var x: Double
        var y: Double
        /// Of the disc that the cell grew from.
        var radius: Double
        /// Unit vector of the long axis, and how much longer it is.
        var axisX: Double
        var axisY: Double
        var stretch: Double
    }

    /// What lies at a point: its cell, and the distance to the middle of the nearest membrane.
    struct Place {
        var cell: Int
        var distance: Double
    }

    private(set) var cells: [Cell] = []
    private let width: Int
    private let height: Int
    private let bendX: [SmoothField]
    private let bendY: [SmoothField]
    private var bins: [[Int32]] = []
    private let binColumns: Int
    private let binRows: Int
    /// Side of the bins, and how far outside the picture there are cells; both grow with the cells.
    private let bin: Double
    private let margin: Double
    private let scale: Double
    private static let bends = [(spacing: 55.0, amplitude: 9.0), (spacing: 18.0, amplitude: 2.4)]
    /// From the widest to the narrowest: radii of discs, the area in which one is wanted, and the least distance
    /// between centres as a multiple of the sum of radii.
    private static let sizes: [(radius: ClosedRange<Double>, area: Double, spacing: Double)] = [
        (42...60, 60_000, 1.15), (22...36, 15_000, 1.05), (13...20, 4200, 1.05), (8...12, 1500, 1.08),
        (7...9, 700, 1.15),
    ]

    /// - Parameter scale: how much larger cells are than usual.
    init(width: Int, height: Int, scale: Double, seed: UInt64, index: Int) {
        self.scale = scale
        bin = 64 * scale
        margin = 128 * scale
        self.width = width
        self.height = height
        func fields(_ name: String) -> [SmoothField] {
            Self.bends.indices.map { octave in
                SmoothField(
                    width: width, height: height, spacing: Self.bends[octave].spacing,
                    random: PhiloxStream(seed: seed, stream: "membranes.bend.\(name).\(octave)", index: index))
            }
        }
        bendX = fields("x")
        bendY = fields("y")
        binColumns = Int((Double(width) + 2 * margin) / bin) + 1
        binRows = Int((Double(height) + 2 * margin) / bin) + 1
        bins = Array(repeating: [], count: binColumns * binRows)
        throwDiscs(PhiloxStream(seed: seed, stream: "membranes.cells", index: index))
    }

    /// Discs from large to small, each where it hardly overlaps those before it.
    private mutating func throwDiscs(_ stream: PhiloxStream) {
        var random = stream
        let wide = Double(width) + 2 * margin, high = Double(height) + 2 * margin
        for size in Self.sizes {
            let wanted = Int((wide * high / (size.area * scale * scale)).rounded(.up))
            var placed = 0
            for _ in 0..<wanted * 12 where placed < wanted {
                let radius = scale * random.uniform(in: size.radius)
                let x = random.uniform() * wide - margin, y = random.uniform() * high - margin
                // Neurites run mostly one way; the widest are nearly round.
                let angle = random.normal(mean: 0.25, standardDeviation: 0.55)
                let stretch = 1 + random.uniform() * (size.radius.upperBound > 40 ? 0.35 : 1.3)
                let isFree = !near(x, y, reach: 2).contains { other in
                    let cell = cells[Int(other)], dx = cell.x - x, dy = cell.y - y
                    let least = size.spacing * (cell.radius + radius)
                    return dx * dx + dy * dy < least * least
                }
                guard isFree else { continue }
                placed += 1
                bins[binIndex(x, y)].append(Int32(cells.count))
                let axis = unitVector(angle)
                cells.append(Cell(x: x, y: y, radius: radius, axisX: axis.x, axisY: axis.y, stretch: stretch))
            }
        }
    }

    private func binIndex(_ x: Double, _ y: Double) -> Int {
        let column = min(max(Int((x + margin) / bin), 0), binColumns - 1)
        let row = min(max(Int((y + margin) / bin), 0), binRows - 1)
        return row * binColumns + column
    }

    private func near(_ x: Double, _ y: Double, reach: Int) -> [Int32] {
        let center = binIndex(x, y), column = center % binColumns, row = center / binColumns
        var found: [Int32] = []
        for r in max(0, row - reach)...min(binRows - 1, row + reach) {
            for c in max(0, column - reach)...min(binColumns - 1, column + reach) { found += bins[r * binColumns + c] }
        }
        return found
    }

    /// The point whose cell is that of the pixel.
    func bent(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
        var (u, v) = (x, y)
        for octave in Self.bends.indices {
            u += Self.bends[octave].amplitude * bendX[octave](x, y)
            v += Self.bends[octave].amplitude * bendY[octave](x, y)
        }
        return (u, v)
    }

    /// Cells that can be first or second anywhere in a tile of the image of the given side.
    func candidates(tileX: Int, tileY: Int, side: Int) -> [Int] {
        let half = Double(side) / 2
        let center = bent(Double(tileX) + half, Double(tileY) + half)
        let scored = near(center.x, center.y, reach: 2).map { cell in
            (value: reach(of: Int(cell), center.x, center.y).value, cell: Int(cell))
        }
        let values = scored.map(\.value).sorted()
        guard values.count > 2 else { return scored.map(\.cell) }
        // Bent coordinates move at most about 2.5 times as fast as the pixel, on both sides.
        let limit = values[1] + 5 * half * 1.42
        return scored.filter { $0.value <= limit }.map(\.cell)
    }

    /// How far a point is outside of a cell's disc, and the direction in which that grows.
    private func reach(of cell: Int, _ x: Double, _ y: Double) -> (value: Double, dx: Double, dy: Double) {
        let c = cells[cell], dx = x - c.x, dy = y - c.y
        let along = (dx * c.axisX + dy * c.axisY) / c.stretch, across = dy * c.axisX - dx * c.axisY
        let length = max(1e-9, (along * along + across * across).squareRoot())
        let a = along / (length * c.stretch), b = across / length
        return (length - c.radius, a * c.axisX - b * c.axisY, a * c.axisY + b * c.axisX)
    }

    /// What lies at a pixel, among the tile's candidates (at least one).
    func place(_ x: Double, _ y: Double, among candidates: [Int]) -> Place {
        let point = bent(x, y)
        var first = (cell: candidates[0], value: Double.infinity), second = first
        for cell in candidates {
            let value = reach(of: cell, point.x, point.y).value
            if value < first.value {
                second = first
                first = (cell, value)
            } else if value < second.value {
                second = (cell, value)
            }
        }
        guard second.value < .infinity else { return Place(cell: first.cell, distance: .infinity) }
        let a = reach(of: first.cell, point.x, point.y), b = reach(of: second.cell, point.x, point.y)
        let slope = ((b.dx - a.dx) * (b.dx - a.dx) + (b.dy - a.dy) * (b.dy - a.dy)).squareRoot()
        return Place(cell: first.cell, distance: (second.value - first.value) / max(0.6, slope))
    }
}
