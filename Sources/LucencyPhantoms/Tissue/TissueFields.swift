import LucencyFoundation

/// Where tissue is, as depths in µm on a grid that is finer than the tissue's shapes: positive inside, negative outside.
struct TissueFields: Sendable {
    /// Of the picture, µm, and how far the fields reach beyond it.
    let width: Double
    let height: Double
    static let margin = 26.0
    let pitch: Double
    let columns: Int
    let rows: Int
    /// Below the surface of epithelium, towards its middle or lumen.
    var epithelium: [Float]
    /// Inside a lumen.
    var lumen: [Float]
    /// Inside a fat cell's vacuole.
    var fat: [Float]
    /// Inside a blood vessel.
    var blood: [Float]
    /// How loose and cellular the stroma is here, 0...1.
    var loose: [Float]
    /// How near glands are: 1 inside, falling off over some 26 µm, without kinks.
    private(set) var nearness: [Float]

    static let outside: Float = -1000

    init(width: Double, height: Double, pixel: Double) {
        self.width = width
        self.height = height
        pitch = max(pixel, 1)
        columns = Int((width + 2 * Self.margin) / pitch) + 2
        rows = Int((height + 2 * Self.margin) / pitch) + 2
        let nothing = [Float](repeating: Self.outside, count: columns * rows)
        epithelium = nothing
        lumen = nothing
        fat = nothing
        blood = nothing
        loose = [Float](repeating: 0, count: columns * rows)
        nearness = loose
    }

    /// Derives `nearness` from the finished depths.
    mutating func measureNearness(pool: ThreadPool) {
        let near = epithelium.map { Float(exponential(-Double(min(max(-$0, 0), 200)) / 26)) }
        nearness = TissueMicroscope.blurred(near, width: columns, height: rows, sigma: 9 / pitch, pool: pool)
    }

    /// The place of a grid point, µm.
    func place(_ column: Int, _ row: Int) -> (x: Double, y: Double) {
        (Double(column) * pitch - Self.margin, Double(row) * pitch - Self.margin)
    }

    /// Four neighbours and their weights for values at a point.
    struct Corner {
        let index: Int
        let right: Int
        let below: Int
        let u: Float
        let v: Float

        /// The field's value, linear between grid points.
        func callAsFunction(_ field: UnsafeBufferPointer<Float>) -> Float {
            let top = field[index] + u * (field[index &+ right] - field[index])
            let low = field[index &+ below] + u * (field[index &+ below &+ right] - field[index &+ below])
            return top + v * (low - top)
        }

        func callAsFunction(_ field: [Float]) -> Float { field.withUnsafeBufferPointer { self($0) } }
    }

    func corner(_ x: Double, _ y: Double) -> Corner {
        let a = min(max((x + Self.margin) / pitch, 0), Double(columns - 2))
        let b = min(max((y + Self.margin) / pitch, 0), Double(rows - 2))
        let column = min(Int(a), columns - 2), row = min(Int(b), rows - 2)
        return Corner(
            index: row &* columns &+ column, right: 1, below: columns, u: Float(a - Double(column)),
            v: Float(b - Double(row)))
    }

    /// The direction in which a field grows, an angle.
    func direction(of field: [Float], _ x: Double, _ y: Double) -> Double {
        let step = 1.5 * pitch
        let dx = corner(x + step, y)(field) - corner(x - step, y)(field)
        let dy = corner(x, y + step)(field) - corner(x, y - step)(field)
        return arcTangent(Double(dy), Double(dx))
    }

    /// Calls a function for every grid point in a box of µm.
    mutating func forPoints(
        _ left: Double, _ top: Double, _ right: Double, _ bottom: Double,
        _ body: (inout TissueFields, Int, Double, Double) -> Void
    ) {
        let c0 = max(0, Int((left + Self.margin) / pitch)),
            c1 = min(columns - 1, Int((right + Self.margin) / pitch) + 1)
        let r0 = max(0, Int((top + Self.margin) / pitch)), r1 = min(rows - 1, Int((bottom + Self.margin) / pitch) + 1)
        guard c0 <= c1, r0 <= r1 else { return }
        for row in r0...r1 {
            for column in c0...c1 {
                let point = place(column, row)
                body(&self, row &* columns &+ column, point.x, point.y)
            }
        }
    }
}
