import LucencyFoundation

/// What tissue of one class is like. Intervals are drawn once per patient; those of the two classes may overlap.
public struct HistologyTissue: Sendable, Hashable {
    /// How epithelium is arranged.
    public enum Pattern: String, CaseIterable, Sendable {
        /// Round ducts of two cell layers, and lobules of small acini.
        case ducts
        /// Slits of ducts in abundant cellular stroma, as in fibroadenomas.
        case slits
        /// Tubules close together, as in adenosis and tubular adenomas.
        case tubules
        /// Irregular glands of several layers.
        case glands
        /// Irregular solid nests.
        case nests
        /// Cords one or two cells wide, and single cells, as in lobular carcinomas.
        case cords
        /// Solid sheets with little stroma.
        case sheets
    }

    /// Patterns by weight: how often each is drawn.
    public var patterns: [String: Double]
    /// Mean diameter of epithelial nuclei, µm.
    public var diameter: Interval
    /// Coefficient of variation of that diameter: pleomorphism.
    public var variation: Interval
    /// How far outlines deviate from ellipses, as a fraction of the radius.
    public var irregularity: Interval
    /// Least distance of neighbouring epithelial nuclei as a multiple of the sum of their radii; below 1 they overlap.
    public var spacing: Interval
    /// Coarseness of chromatin, 0...1.
    public var chromatin: Interval
    /// Share of nuclei with a visible nucleolus.
    public var nucleoli: Interval
    /// Share of epithelial nuclei in mitosis.
    public var mitoses: Interval
    /// Lymphocytes per 1000 µm² of stroma where they gather.
    public var lymphocytes: Interval
    /// Spindle nuclei per 1000 µm² of stroma.
    public var fibroblasts: Interval
    /// Density of collagen: 0 loose and pale, 1 dense (desmoplastic).
    public var collagen: Interval
    /// How far collagen's bundles have parted, 0...1.
    public var clefts: Interval
    /// Share of the stroma's area that is fat.
    public var fat: Interval

    public init(
        patterns: [String: Double], diameter: Interval, variation: Interval, irregularity: Interval,
        spacing: Interval, chromatin: Interval, nucleoli: Interval, mitoses: Interval, lymphocytes: Interval,
        fibroblasts: Interval, collagen: Interval, clefts: Interval, fat: Interval
    ) {
        self.patterns = patterns
        self.diameter = diameter
        self.variation = variation
        self.irregularity = irregularity
        self.spacing = spacing
        self.chromatin = chromatin
        self.nucleoli = nucleoli
        self.mitoses = mitoses
        self.lymphocytes = lymphocytes
        self.fibroblasts = fibroblasts
        self.collagen = collagen
        self.clefts = clefts
        self.fat = fat
    }

    /// Regular glands with small nuclei.
    public static let benign = HistologyTissue(
        patterns: ["ducts": 4, "slits": 2, "tubules": 3, "glands": 0.5], diameter: Interval(6, 7.8),
        variation: Interval(0.06, 0.16), irregularity: Interval(0.02, 0.06), spacing: Interval(1.02, 1.25),
        chromatin: Interval(0.15, 0.5), nucleoli: Interval(0, 0.25), mitoses: Interval(0, 0.003),
        lymphocytes: Interval(0, 1.5), fibroblasts: Interval(0.8, 3), collagen: Interval(0.2, 0.8),
        clefts: Interval(0.1, 0.8),
        fat: Interval(0, 0.35))

    /// Irregular nests, cords and sheets with large nuclei.
    public static let malignant = HistologyTissue(
        patterns: ["nests": 4, "cords": 3, "sheets": 1, "glands": 3], diameter: Interval(7.2, 11),
        variation: Interval(0.13, 0.3), irregularity: Interval(0.05, 0.14), spacing: Interval(0.82, 1.1),
        chromatin: Interval(0.35, 0.95), nucleoli: Interval(0.15, 0.8), mitoses: Interval(0.001, 0.015),
        lymphocytes: Interval(0.5, 9), fibroblasts: Interval(1, 3.5), collagen: Interval(0.35, 1),
        clefts: Interval(0.1, 0.8),
        fat: Interval(0, 0.3))
}

/// The stain: vectors of optical density in red, green and blue, and how laboratories and patients vary.
public struct HistologyStain: Sendable, Hashable {
    /// Optical densities per unit of concentration (Ruifrok and Johnston, "Quantification of histochemical staining by
    /// color deconvolution", 2001); scaled to length 1.
    public var hematoxylin: [Double]
    public var eosin: [Double]
    /// How far the camera's broad bands pull both vectors towards a bluish grey's, drawn per laboratory.
    public var tilt: Interval
    /// Standard deviation of a vector's components between laboratories, and between the patients of one.
    public var laboratorySpread: Double
    public var patientSpread: Double
    /// Strengths of the two stains; drawn per laboratory, then times a patient's factor.
    public var hematoxylinStrength: Interval
    public var eosinStrength: Interval
    public var patientStrength: Interval
    /// The intensities of empty glass in red, green and blue, drawn per laboratory, 64...255.
    public var white: Interval

    public init(
        hematoxylin: [Double] = [0.65, 0.70, 0.29], eosin: [Double] = [0.07, 0.99, 0.11],
        tilt: Interval = Interval(0.3, 0.9), laboratorySpread: Double = 0.07, patientSpread: Double = 0.02,
        hematoxylinStrength: Interval = Interval(0.7, 1.2), eosinStrength: Interval = Interval(0.65, 1.35),
        patientStrength: Interval = Interval(0.75, 1.3), white: Interval = Interval(228, 250)
    ) {
        self.hematoxylin = hematoxylin
        self.eosin = eosin
        self.tilt = tilt
        self.laboratorySpread = laboratorySpread
        self.patientSpread = patientSpread
        self.hematoxylinStrength = hematoxylinStrength
        self.eosinStrength = eosinStrength
        self.patientStrength = patientStrength
        self.white = white
    }
}

/// Optics and sensor.
public struct HistologyMicroscope: Sendable, Hashable {
    /// The optical blur as a multiple of the diffraction limit of the magnification's objective; 0 for none.
    public var blur: Interval
    /// Shot noise: its standard deviation in grey levels at full intensity.
    public var noise: Double
    /// The illumination's fall towards the corners, as a fraction.
    public var vignette: Interval
    /// Low-resolution versions: the blur before the sensor, a standard deviation in their own pixels, and their noise.
    public var lowBlur: Double
    public var lowNoise: Double

    public init(
        blur: Interval = Interval(0.9, 1.4), noise: Double = 2, vignette: Interval = Interval(0, 0.06),
        lowBlur: Double = 0.4, lowNoise: Double = 2
    ) {
        self.blur = blur
        self.noise = noise
        self.vignette = vignette
        self.lowBlur = lowBlur
        self.lowNoise = lowNoise
    }
}
