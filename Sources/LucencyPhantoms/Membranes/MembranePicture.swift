import LucencyFoundation

/// One picture of the world `Membranes`, with what was drawn for it.
struct MembranePicture: Sendable {
    let width: Int
    let height: Int
    let noise: Double
    let unevenness: Double
    let cellSize: Double
    /// Pixels.
    let thickness: Double
    let seed: UInt64
    let index: Int

    private func random(_ name: String) -> PhiloxStream {
        PhiloxStream(seed: seed, stream: "membranes.\(name)", index: index)
    }

    private func field(_ name: String, _ spacing: Double) -> SmoothField {
        SmoothField(width: width, height: height, spacing: spacing, random: random(name))
    }

    // MARK: The tissue

    func tissue(pool: ThreadPool) -> (plane: [Float], mask: [Int32]) {
        let cells = MembraneCells(width: width, height: height, scale: cellSize, seed: seed, index: index)
        var shades = random("shades")
        let shade = cells.cells.map { _ in shades.normal(mean: 168, standardDeviation: 9) }
        let grain = field("grain", 2.6), mottle = field("mottle", 11)
        let swelling = field("thickness", 40), darkness = field("darkness", 26)
        let oblique = field("oblique", 34), stretch = thickness / 7.2
        var plane = [Float](repeating: 0, count: width * height)
        var mask = [Int32](repeating: Membranes.cellLabel, count: width * height)
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
                    let half = stretch * min(max(3.6 + 0.35 * swelling(x, y), 2.9), 4.6) + smear
                    let depth = 112 + 16 * darkness(x, y) + 3 * smear
                    let profile = bell(max(0, place.distance - 0.75 * smear) / (0.72 * (half - smear)))
                    let texture = 15 * grain(x, y) + 7 * mottle(x, y)
                    let halo = 9 * bell((place.distance - half - 3) / 3)
                    let value = shade[place.cell] + texture + halo - max(25, depth) * profile
                    let index = row &* width &+ column
                    plane[index] = Float(value)
                    distance[index] = Float(place.distance - half + 4)
                    mask[index] = place.distance < half ? Membranes.membraneLabel : Membranes.cellLabel
                }
            }
        }
        let organelles = Organelles(width: width, height: height, distance: distance)
        organelles.paintSpeckles(&plane, random: random("speckles"), crowd: field("crowd", 45))
        organelles.paintMitochondria(&plane, random: random("mitochondria"), bend: field("fold", 9))
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

    /// The tissue under uneven light, through the optics.
    func lit(_ tissue: [Float], pool: ThreadPool) -> [Float] {
        let light = field("light", Double(max(width, height)) / 2.5)
        var plane = tissue
        plane.withUnsafeMutableBufferPointer { plane in
            nonisolated(unsafe) let plane = plane
            pool.forEach(height) { row in
                for column in 0..<width {
                    plane[row &* width &+ column] *= Float(1 + unevenness * light(Double(column), Double(row)))
                }
            }
        }
        return PlaneBlur(sigma: 0.7, reach: 3)(plane, width: width, height: height, pool: pool)
    }

    /// Shot noise and the detector's own blur, in whole numbers.
    func exposed(_ lit: [Float], isNoisy: Bool, pool: ThreadPool) -> [Float] {
        var plane = lit
        if isNoisy {
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
        }
        return PlaneBlur(sigma: 0.5, reach: 3)(plane, width: width, height: height, pool: pool)
            .map { min(max($0, 0), 255).rounded() }
    }
}
