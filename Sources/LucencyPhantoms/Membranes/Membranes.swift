import LucencyFoundation
import LucencyImaging

/// Renders pictures like electron micrographs of nerve tissue, with the truth: cells with dark membranes of 6–10 px,
/// mitochondria, vesicles, cytoplasm, uneven illumination, blur and shot noise, at 4 nm per pixel.
///
/// A picture depends on the seed, its index and its size alone, not on threads or on other pictures.
public struct Membranes: Sendable, Hashable {
    public var seed: UInt64
    /// Pixels, 32...8192.
    public var width: Int
    public var height: Int
    /// Shot noise: the standard deviation as a multiple of the square root of the intensity; 0 for none.
    public var noise: Double
    /// The illumination's deviation from even, as a fraction of the intensity.
    public var unevenness: Double

    /// The label of membranes and that of the inside of cells.
    public static let membraneLabel: Int32 = 0, cellLabel: Int32 = 1

    public init(
        seed: UInt64 = 0, width: Int = 512, height: Int = 512, noise: Double = 1.5, unevenness: Double = 0.09
    ) {
        self.seed = seed
        self.width = width
        self.height = height
        self.noise = noise
        self.unevenness = unevenness
    }

    /// The picture with a number, in whole intensities 0...255, and its mask: 0 membrane, 1 cell.
    /// - Throws: `Diagnostic` when the size, the noise or the unevenness is out of range.
    public func callAsFunction(index: Int, pool: ThreadPool = .serial) throws -> (image: Image, labels: LabelMap) {
        guard 32...8192 ~= width, 32...8192 ~= height else {
            throw Diagnostic(.badArgument, "a phantom of \(width) × \(height) pixels is outside 32...8192")
        }
        guard 0...10 ~= noise, 0...0.5 ~= unevenness else {
            throw Diagnostic(
                .badArgument, "noise \(noise) or unevenness \(unevenness) is out of range (0...10, 0...0.5)")
        }
        let tissue = tissue(index: index, pool: pool)
        let picture = exposed(tissue.plane, index: index, pool: pool)
        let geometry = try Geometry(
            size: GridSize(width, height), spacing: [4e-6, 4e-6, 4e-6], source: .stated(.nm))
        let labels = AlignedBuffer(tissue.mask)
        return (
            try Image(geometry: geometry, pixels: AlignedBuffer(picture)),
            try LabelMap(
                geometry: geometry, labels: labels,
                table: [
                    Self.membraneLabel: LabelClass(name: "membrane", color: [0, 0, 0]),
                    Self.cellLabel: LabelClass(name: "cell", color: [255, 255, 255]),
                ])
        )
    }

    private func random(_ name: String, _ index: Int) -> PhiloxStream {
        PhiloxStream(seed: seed, stream: "membranes.\(name)", index: index)
    }

    private func field(_ name: String, _ spacing: Double, _ index: Int) -> SmoothField {
        SmoothField(width: width, height: height, spacing: spacing, random: random(name, index))
    }

    // MARK: The tissue

    private func tissue(index: Int, pool: ThreadPool) -> (plane: [Float], mask: [Int32]) {
        let cells = MembraneCells(width: width, height: height, seed: seed, index: index)
        var shades = random("shades", index)
        let shade = cells.cells.map { _ in shades.normal(mean: 168, standardDeviation: 9) }
        let grain = field("grain", 2.6, index), mottle = field("mottle", 11, index)
        let thickness = field("thickness", 40, index), darkness = field("darkness", 26, index)
        let oblique = field("oblique", 34, index)
        var plane = [Float](repeating: 0, count: width * height)
        var mask = [Int32](repeating: Self.cellLabel, count: width * height)
        var distance = [Float](repeating: 0, count: width * height)

        forTiles(&plane, &mask, &distance, pool) { x0, y0, side, plane, mask, distance in
            let candidates = cells.candidates(tileX: x0, tileY: y0, side: side)
            guard !candidates.isEmpty else { return }
            for row in y0..<min(y0 + side, height) {
                for column in x0..<min(x0 + side, width) {
                    let x = Double(column), y = Double(row)
                    let place = cells.place(x, y, among: candidates)
                    // Where a membrane lies almost in the plane of the section it is a broad dark smear.
                    let smear = 7 * smoothStep((oblique(x, y) - 1.75) * 1.3)
                    let half = min(max(3.6 + 0.35 * thickness(x, y), 2.9), 4.6) + smear
                    let depth = 112 + 16 * darkness(x, y) + 3 * smear
                    let profile = bell(max(0, place.distance - 0.75 * smear) / (0.72 * (half - smear)))
                    let texture = 15 * grain(x, y) + 7 * mottle(x, y)
                    let halo = 9 * bell((place.distance - half - 3) / 3)
                    let value = shade[place.cell] + texture + halo - max(25, depth) * profile
                    let index = row &* width &+ column
                    plane[index] = Float(value)
                    distance[index] = Float(place.distance - half + 4)
                    mask[index] = place.distance < half ? Self.membraneLabel : Self.cellLabel
                }
            }
        }
        let organelles = Organelles(width: width, height: height, distance: distance)
        organelles.paintSpeckles(&plane, random: random("speckles", index), crowd: field("crowd", 45, index))
        organelles.paintMitochondria(&plane, random: random("mitochondria", index), bend: field("fold", 9, index))
        return (plane, mask)
    }

    /// Calls `body` for every tile; tiles do not overlap, so each may write its own pixels.
    private func forTiles(
        _ plane: inout [Float], _ mask: inout [Int32], _ distance: inout [Float], _ pool: ThreadPool,
        _ body:
            @Sendable (
                Int, Int, Int, UnsafeMutableBufferPointer<Float>, UnsafeMutableBufferPointer<Int32>,
                UnsafeMutableBufferPointer<Float>
            ) -> Void
    ) {
        let side = 16, columns = (width + side - 1) / side, rows = (height + side - 1) / side
        plane.withUnsafeMutableBufferPointer { plane in
            mask.withUnsafeMutableBufferPointer { mask in
                distance.withUnsafeMutableBufferPointer { distance in
                    nonisolated(unsafe) let plane = plane, mask = mask, distance = distance
                    pool.forEach(rows) { row in
                        for column in 0..<columns { body(column * side, row * side, side, plane, mask, distance) }
                    }
                }
            }
        }
    }

    // MARK: The microscope

    /// Illumination, optics, shot noise and the detector's own blur, in whole numbers.
    private func exposed(_ tissue: [Float], index: Int, pool: ThreadPool) -> [Float] {
        let light = field("light", Double(max(width, height)) / 2.5, index)
        let lit = tissue.indices.map { i in
            tissue[i] * Float(1 + unevenness * light(Double(i % width), Double(i / width)))
        }
        var plane = blurred(lit, sigma: 0.7)
        plane.withUnsafeMutableBufferPointer { plane in
            nonisolated(unsafe) let plane = plane
            pool.forEach(height) { row in
                var random = PhiloxStream(seed: seed, stream: "membranes.noise.\(index)", index: row)
                for i in row * width..<(row + 1) * width {
                    let value = max(1, Double(plane[i]))
                    plane[i] = Float(value + noise * value.squareRoot() * random.normal())
                }
            }
        }
        return blurred(plane, sigma: 0.5).map { min(max($0, 0), 255).rounded() }
    }

    /// A small Gaussian blur with mirrored borders.
    private func blurred(_ plane: [Float], sigma: Double) -> [Float] {
        let kernel = (-3...3).map { bell(Double($0) / (sigma * 2.0.squareRoot())) }
        let sum = kernel.reduce(0, +), weights = kernel.map { Float($0 / sum) }
        func mirrored(_ i: Int, _ count: Int) -> Int { i < 0 ? -i : i >= count ? 2 * count - 2 - i : i }
        var across = plane, result = plane
        for row in 0..<height {
            for column in 0..<width {
                var total: Float = 0
                for k in 0..<7 { total += weights[k] * plane[row * width + mirrored(column + k - 3, width)] }
                across[row * width + column] = total
            }
        }
        for row in 0..<height {
            for column in 0..<width {
                var total: Float = 0
                for k in 0..<7 { total += weights[k] * across[mirrored(row + k - 3, height) * width + column] }
                result[row * width + column] = total
            }
        }
        return result
    }
}
