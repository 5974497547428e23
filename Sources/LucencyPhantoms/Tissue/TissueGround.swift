import LucencyFoundation

/// The way collagen fibres run: along one direction that waves, and round glands near them.
struct FibreDirections: Sendable {
    let angle: Double
    let wave: SmoothField
    let amplitude: Double

    init(width: Double, height: Double, draws: PhantomDraws) {
        var random = draws.stream("fibres")
        angle = random.uniform() * .pi
        amplitude = random.uniform(in: 4...12)
        wave = SmoothField(
            width: Int(width) + 1, height: Int(height) + 1, spacing: 38, margin: 60, random: draws.stream("fibres.wave"))
    }

    /// Coordinates along and across fibres, µm.
    func coordinates(_ x: Double, _ y: Double, epithelium: Float) -> (along: Float, across: Float) {
        let axis = unitVector(angle)
        let along = x * axis.x + y * axis.y
        var across = y * axis.x - x * axis.y + amplitude * wave(x, y)
        // Level lines of the distance from glands, fading away from them.
        let distance = Double(max(-epithelium, 0))
        if distance < 90 { across += 26 * decay(distance / 26) }
        return (Float(along), Float(across))
    }

    /// The direction of fibres at a point, an angle.
    func direction(_ x: Double, _ y: Double, _ fields: TissueFields) -> Double {
        let step = 2.0
        func across(_ x: Double, _ y: Double) -> Double {
            Double(coordinates(x, y, epithelium: fields.corner(x, y)(fields.epithelium)).across)
        }
        let dx = across(x + step, y) - across(x - step, y), dy = across(x, y + step) - across(x, y - step)
        return LucencyPhantoms.angle(dx, dy) + .pi / 2
    }
}

/// Paints everything but nuclei: the concentrations of both stains, and the semantic labels.
struct TissueGround: Sendable {
    let fields: TissueFields
    let fibres: FibreDirections
    let traits: HistologyPatient.Traits
    let isMalignant: Bool
    let noise: TissueNoise
    let pixel: Double

    /// One pixel's stain and label.
    struct Sample {
        var hematoxylin: Float
        var eosin: Float
        var label: Histology.Label
    }

    /// What lies at a point, µm.
    func sample(_ x: Double, _ y: Double) -> Sample {
        let corner = fields.corner(x, y)
        let fx = Float(x), fy = Float(y)
        func grain(_ spacing: Float, _ shift: Float) -> Float {
            TissueNoise.visible(Double(spacing), pixel: pixel) * noise(fx / spacing + shift, fy / spacing - shift)
        }
        // Ragged by a fraction of a µm, as cut edges are.
        let ragged = 0.5 * grain(2.3, 7.7) + 0.25 * grain(0.9, 3.3)
        let epithelium = corner(fields.epithelium) + 0.6 * ragged
        let edge = Float(max(0.5, 0.7 * pixel))
        var result = stroma(x, y, corner)
        let inside = smoothStep(epithelium / edge + 0.5)
        if inside > 0 {
            let cytoplasm = 0.5 + 0.14 * grain(1.3, 11.2) + 0.12 * grain(5.7, 5.1) + 0.08 * grain(21, 9.4)
            let pale = 1 - 0.35 * smoothStep(2.2 * grain(9, 2.6) - 0.2)
            let base = isMalignant ? Float(0.2) : 0.17
            mix(&result, inside, base * (0.7 + 0.6 * cytoplasm) * pale, 0.46 * (0.4 + 1.2 * cytoplasm) * pale, .epithelium)
        }
        let lumen = corner(fields.lumen) + 1.6 * ragged + 0.8 * grain(5, 14.4)
        let open = smoothStep(lumen / edge + 0.5)
        if open > 0 {
            // Secretion: wisps and clumps, away from the wall.
            let cloud = grain(23, 4.9) + 0.6 * grain(8.5, 1.2) + 0.35 * grain(2.6, 6.1) - 0.55
            let wisp = smoothStep(cloud * 2) * smoothStep((lumen - 3) / 5)
            mix(&result, open, 0.015 + 0.05 * wisp, 0.01 + 0.26 * wisp * (1 + 0.4 * grain(1.7, 8.8)), .lumen)
        }
        let vessel = corner(fields.blood) + 0.5 * ragged
        let bled = smoothStep(vessel / edge + 0.5)
        if bled > 0 {
            let cells = redCells(fx, fy, edge: edge)
            mix(&result, bled, 0.02, 0.03 + 0.95 * cells, .blood)
        }
        let fat = corner(fields.fat) + 0.5 * ragged
        let empty = smoothStep(fat / edge + 0.5)
        if empty > 0 { mix(&result, empty, 0, 0.012 + 0.01 * grain(15, 3.8), .fat) }
        return result
    }

    private func mix(_ sample: inout Sample, _ share: Float, _ h: Float, _ e: Float, _ label: Histology.Label) {
        sample.hematoxylin += share * (max(0, h) - sample.hematoxylin)
        sample.eosin += share * (max(0, e) - sample.eosin)
        if share >= 0.5 { sample.label = label }
    }

    /// Wavy bundles of collagen with clefts between them, and the walls of fat cells.
    private func stroma(_ x: Double, _ y: Double, _ corner: TissueFields.Corner) -> Sample {
        let depth = corner(fields.epithelium), loose = corner(fields.loose)
        let (along, across) = fibres.coordinates(x, y, epithelium: depth)
        func strand(_ length: Float, _ width: Float, _ shift: Float) -> Float {
            TissueNoise.visible(Double(width), pixel: pixel) * noise(along / length + shift, across / width - shift)
        }
        // Strands wander: coarse bundles bend fine ones.
        let bundle = strand(75, 13, 0.4)
        let fibre = strand(34, 4.6, 5.2), fine = strand(17, 1.9, 8.1), thread = strand(9, 0.8, 2.7)
        let fx = Float(x), fy = Float(y)
        let patch = noise(fx / 47 + 3.1, fy / 47 + 9.2), speck = noise(fx / 1.1, fy / 1.1)
        let collagen = min(max(Float(traits.collagen) + 0.3 * patch - 0.45 * loose, 0), 1)
        let weave = 0.30 * bundle + 0.34 * fibre + 0.28 * fine + 0.2 * thread
        var eosin = 0.30 * (0.55 + 0.6 * collagen) * (1 + (1.05 - 0.35 * collagen) * weave)
        // Clefts open where bundles part.
        let parting = fibre + 0.7 * bundle + 0.45 * fine
        let cleft = smoothStep((-parting - (0.42 + 0.75 * collagen - 0.1 * loose)) * 3.2)
        // A gap round tumour that shrank away from its stroma.
        let shrunk = isMalignant ? smoothStep((noise(fx / 31, fy / 31) - 0.1) * 3) : 0
        let gap = shrunk * smoothStep((depth + 4.5) / 2) * (1 - smoothStep((depth + 0.6) / 1))
        let blank = max(0.88 * cleft, 0.85 * gap)
        eosin *= 1 - blank
        var blue = 0.045 + 0.075 * loose + 0.03 * patch + 0.02 * speck * TissueNoise.visible(1.1, pixel: pixel)
        blue += 0.03 * weave
        blue *= 1 - blank
        return Sample(
            hematoxylin: max(0, blue), eosin: max(0, eosin), label: blank > 0.6 ? .background : .stroma)
    }

    /// Red cells: discs of 6 µm, paler in the middle, about two in three places filled.
    private func redCells(_ x: Float, _ y: Float, edge: Float) -> Float {
        let side: Float = 6.2
        var found: Float = 0
        let c = (x / side).rounded(.down), r = (y / side).rounded(.down)
        for j in -1...1 {
            for i in -1...1 {
                let a = c + Float(i), b = r + Float(j)
                guard noise(a * 3 + 0.5, b * 5 + 0.5) > -0.2 else { continue }
                let cx = (a + 0.5 + 0.45 * noise(a * 7, b * 3)) * side, cy = (b + 0.5 + 0.45 * noise(b * 7, a * 3)) * side
                let d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)).squareRoot()
                let disc = smoothStep((3 - d) / edge + 0.5)
                found = max(found, disc * (0.75 + 0.25 * smoothStep(d / 2.5)))
            }
        }
        return found
    }
}
