import LucencyFoundation

/// Paints everything but nuclei: the concentrations of both stains, and the semantic labels.
struct TissueGround: Sendable {
    let fields: TissueFields
    let fibres: FibreDirections
    let traits: HistologyPatient.Traits
    let isMalignant: Bool
    let noise: TissueNoise
    let pixel: Double
    /// Where cells lie, for the borders between them.
    let cells: NucleiPlacement

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
        func grain(_ spacing: Float, _ shift: Float) -> Float { self.grain(fx, fy, spacing, shift) }
        // Ragged by a fraction of a µm, as cut edges are.
        let ragged = 0.5 * grain(2.3, 7.7) + 0.25 * grain(0.9, 3.3)
        let epithelium = corner(fields.epithelium) + 0.6 * ragged
        let edge = Float(max(0.5, 0.7 * pixel))
        var result = stroma(x, y, corner)
        let inside = smoothStep(epithelium / edge + 0.5)
        if inside > 0 {
            let granules =
                0.16 * grain(0.8, 11.2) + 0.16 * grain(1.9, 5.1) + 0.16 * grain(5.3, 6.6) + 0.1 * grain(21, 9.4)
            var h = (isMalignant ? Float(0.19) : 0.15) * (1 + granules), e = 0.27 * (1 + 1.1 * granules)
            // Vacuoles and pale places.
            let pale = 0.45 * smoothStep(2 * grain(7, 2.6) + 0.7 * grain(2.4, 1.9) - 0.5)
            h *= 1 - pale
            e *= 1 - pale
            if let cell = cells.cell(x, y) {
                // Each cell has a shade of its own, and a border.
                let shade = noise(Float(cell.number) * 1.37 + 0.5, 0.5)
                let border = 1 - smoothStep((Float(cell.margin) + ragged) / max(0.9, 1.4 * edge))
                h *= 1 + 0.3 * shade
                e *= 1 + 0.22 * shade + 0.3 * border * TissueNoise.visible(1.5, pixel: pixel)
            }
            mix(&result, inside, h, e, .epithelium)
        }
        let lumen = corner(fields.lumen) + 1.6 * ragged + 0.8 * grain(5, 14.4)
        let open = smoothStep(lumen / edge + 0.5)
        if open > 0 {
            // Secretion: wisps and clumps, away from the wall.
            let (bx, by) = (fx + 5 * grain(11, 2.9), fy + 5 * grain(11, 7.4))
            let cloud =
                self.grain(bx, by, 23, 4.9) + 0.6 * self.grain(bx, by, 8.5, 1.2) + 0.45 * grain(3.1, 6.1) + 0.3
                * grain(1.2, 3.6) - 0.5
            let wisp = smoothStep(cloud * 2) * smoothStep((lumen - 3) / 5)
            mix(&result, open, 0.015 + 0.05 * wisp, 0.01 + 0.2 * wisp * (1 + 0.5 * grain(1.7, 8.8)), .lumen)
        }
        let vessel = corner(fields.blood) + 0.5 * ragged
        let bled = smoothStep(vessel / edge + 0.5)
        if bled > 0 {
            let cells = redCells(fx, fy, edge: edge)
            mix(&result, bled, 0.02, 0.03 + 0.6 * cells, .blood)
        }
        let fat = corner(fields.fat) + 0.25 * ragged
        let empty = smoothStep(fat / edge + 0.5)
        if empty > 0 { mix(&result, empty, 0, 0.012 + 0.01 * grain(15, 3.8), .fat) }
        return result
    }

    /// Isotropic noise of a spacing in µm, as far as the pixels can show it; octaves are turned against each other.
    func grain(_ x: Float, _ y: Float, _ spacing: Float, _ shift: Float) -> Float {
        let c = 0.8 - 0.05 * shift, s = (1 - c * c).squareRoot()
        return TissueNoise.visible(Double(spacing), pixel: pixel)
            * noise((c * x + s * y) / spacing + shift, (c * y - s * x) / spacing - shift)
    }

    private func mix(_ sample: inout Sample, _ share: Float, _ h: Float, _ e: Float, _ label: Histology.Label) {
        sample.hematoxylin += share * (max(0, h) - sample.hematoxylin)
        sample.eosin += share * (max(0, e) - sample.eosin)
        if share >= 0.5 { sample.label = label }
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
                let cx = (a + 0.5 + 0.45 * noise(a * 7, b * 3)) * side,
                    cy = (b + 0.5 + 0.45 * noise(b * 7, a * 3)) * side
                let d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)).squareRoot()
                let disc = smoothStep((3 - d) / edge + 0.5)
                found = max(found, disc * (0.75 + 0.25 * smoothStep(d / 2.5)))
            }
        }
        return found
    }
}
