import LucencyFoundation

extension TissueGround {
    /// Wavy bundles of collagen with clefts between them.
    func stroma(_ x: Double, _ y: Double, _ corner: TissueFields.Corner) -> Sample {
        let depth = corner(fields.epithelium), loose = corner(fields.loose)
        let (along, across) = fibres.coordinates(x, y, nearness: corner(fields.nearness))
        let fx = Float(x), fy = Float(y)
        // Strands that wander in and out of the section: the noise is stretched along fibres and bent by itself.
        let wander = 2.6 * grain(fx, fy, 11, 2.2) + 1.1 * grain(fx, fy, 4, 5.4) + 0.35 * grain(fx, fy, 1.6, 3.7)
        func strand(_ length: Float, _ width: Float, _ shift: Float) -> Float {
            TissueNoise.visible(Double(width), pixel: pixel)
                * noise(along / length + shift, (across + wander) / width - shift)
        }
        let bundle = strand(52, 11, 0.4), fibre = strand(26, 4.1, 5.2)
        let fine = strand(13, 1.7, 8.1), thread = strand(7, 0.75, 2.7)
        let patch = noise(fx / 47 + 3.1, fy / 47 + 9.2), speck = grain(fx, fy, 1.1, 0.3)
        let mottle = grain(fx, fy, 6.5, 7.3)
        let collagen = min(max(Float(traits.collagen) + 0.35 * patch - 0.45 * loose, 0), 1)
        let weave = 0.26 * bundle + 0.28 * fibre + 0.26 * fine + 0.24 * thread + 0.16 * mottle + 0.1 * speck
        var eosin = 0.2 * (0.6 + 0.65 * collagen) * (1 + (1.15 - 0.4 * collagen) * weave)
        // Clefts open where bundles part.
        let parting = 0.8 * fibre + 0.55 * bundle + 0.6 * fine + 0.3 * mottle + 0.2 * thread
        let cleft = smoothStep((-parting - (0.75 + 0.4 * collagen - 0.8 * Float(traits.clefts))) * 2.6)
        // A gap round tumour that shrank away from its stroma.
        let shrunk = isMalignant ? smoothStep((grain(fx, fy, 31, 1.4) - 0.1) * 3) : 0
        let reach = 3.6 + 3 * grain(fx, fy, 14, 6.8) + 1.2 * grain(fx, fy, 3.4, 4.1)
        let gap = shrunk * smoothStep((depth + reach) / 1.6) * (1 - smoothStep(depth + 0.6))
        let blank = max(0.85 * cleft, 0.85 * gap)
        eosin *= 1 - blank
        let blue = (0.028 + 0.06 * loose + 0.02 * patch + 0.025 * speck + 0.03 * weave) * (1 - blank)
        return Sample(hematoxylin: max(0, blue), eosin: max(0, eosin), label: blank > 0.6 ? .background : .stroma)
    }
}
