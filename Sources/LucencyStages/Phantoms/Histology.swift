import LucencyFoundation
import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let histology = Component(
        "histology", "Breast tissue in hematoxylin and eosin, benign or malignant, at 40× to 400×, with every nucleus.",
        Histology(),
        parameters: [
            Parameter("width", \.width, in: .within(64...1024), help: "Pixels, a multiple of 8."),
            Parameter("height", \.height, in: .within(64...1024), help: "Pixels, a multiple of 8."),
            Parameter(
                "magnifications", \.magnifications, in: .within(40...400),
                help: "Nominal magnifications; pictures go through them in turn."),
            Parameter(
                "pixel", \.pixel, in: .within(0.05...0.25),
                help: "A pixel's side at 400×, µm; in inverse proportion at others."),
            Parameter(
                "imagesPerPatient", \.imagesPerPatient, in: .atLeast(1), help: "Pictures in a row of one patient."),
            Parameter("laboratories", \.laboratories, in: .within(1...1000), help: "How many the patients come from."),
            Parameter("malignantShare", \.malignantShare, in: .within(0...1), help: "Share of malignant patients."),
            Parameter("benign", \.benignSettings, help: "Tissue of benign patients."),
            Parameter("malignant", \.malignantSettings, help: "Tissue of malignant patients."),
            Parameter("stain", \.stain, help: "Stain vectors and strengths, and how they vary."),
            Parameter("microscope", \.microscope, help: "Optics and sensor."),
        ])
}

/// A class's tissue as a mapping: what is left out keeps that class's own defaults.
protocol TissueSettings: SettingsValue {
    var tissue: HistologyTissue { get set }
}

struct BenignTissue: TissueSettings {
    static var settingsName: String { "the benign tissue" }
    static var settings: [Parameter<BenignTissue>] { tissueParameters() }
    var tissue = HistologyTissue.benign
}

struct MalignantTissue: TissueSettings {
    static var settingsName: String { "the malignant tissue" }
    static var settings: [Parameter<MalignantTissue>] { tissueParameters() }
    var tissue = HistologyTissue.malignant
}

extension Histology {
    var benignSettings: BenignTissue {
        get { BenignTissue(tissue: benign) }
        set { benign = newValue.tissue }
    }

    var malignantSettings: MalignantTissue {
        get { MalignantTissue(tissue: malignant) }
        set { malignant = newValue.tissue }
    }
}

extension TissueSettings {
    static func tissueParameters() -> [Parameter<Self>] {
        [
            Parameter(
                "patterns", \.tissue.patterns,
                help: "Weights of ducts, slits, tubules, glands, nests, cords, sheets."),
            Parameter(
                "diameter", \.tissue.diameter, in: .within(3...16), help: "Mean diameter of epithelial nuclei, µm."),
            Parameter(
                "variation", \.tissue.variation, in: .within(0...0.5), help: "Coefficient of variation of the diameter."
            ),
            Parameter(
                "irregularity", \.tissue.irregularity, in: .within(0...0.25),
                help: "Waves of nuclear outlines as a fraction of the radius."),
            Parameter(
                "spacing", \.tissue.spacing, in: .within(0.6...3),
                help: "Least distance of nuclei in sums of radii; below 1 they overlap."),
            Parameter("chromatin", \.tissue.chromatin, in: .within(0...1), help: "Coarseness of chromatin."),
            Parameter("nucleoli", \.tissue.nucleoli, in: .within(0...1), help: "Share of nuclei with a nucleolus."),
            Parameter("mitoses", \.tissue.mitoses, in: .within(0...1), help: "Share of epithelial nuclei in mitosis."),
            Parameter(
                "lymphocytes", \.tissue.lymphocytes, in: .within(0...100),
                help: "Per 1000 µm² of stroma where they gather."),
            Parameter("fibroblasts", \.tissue.fibroblasts, in: .within(0...100), help: "Per 1000 µm² of stroma."),
            Parameter("collagen", \.tissue.collagen, in: .within(0...1), help: "0 loose and pale, 1 dense."),
            Parameter("clefts", \.tissue.clefts, in: .within(0...1), help: "How far bundles of collagen have parted."),
            Parameter("fat", \.tissue.fat, in: .within(0...1), help: "Share of the stroma that is fat."),
        ]
    }
}

extension HistologyStain: SettingsValue {
    public static var settingsName: String { "the stain" }
    public init() { self.init(tilt: Interval(0.3, 0.9)) }
    public static var settings: [Parameter<HistologyStain>] {
        [
            Parameter(
                "hematoxylin", \.hematoxylin, in: .within(0...10), help: "Optical densities in red, green, blue."),
            Parameter("eosin", \.eosin, in: .within(0...10), help: "Optical densities in red, green, blue."),
            Parameter("tilt", \.tilt, in: .within(0...2), help: "Pull of both vectors towards grey, per laboratory."),
            Parameter(
                "laboratorySpread", \.laboratorySpread, in: .within(0...0.3),
                help: "Standard deviation of vectors between laboratories."),
            Parameter(
                "patientSpread", \.patientSpread, in: .within(0...0.3),
                help: "Standard deviation of vectors between patients."),
            Parameter(
                "hematoxylinStrength", \.hematoxylinStrength, in: .within(0...5), help: "Strength, per laboratory."),
            Parameter("eosinStrength", \.eosinStrength, in: .within(0...5), help: "Strength, per laboratory."),
            Parameter("patientStrength", \.patientStrength, in: .within(0...5), help: "A patient's factor on both."),
            Parameter("white", \.white, in: .within(64...255), help: "Empty glass in each colour, per laboratory."),
        ]
    }
}

extension HistologyMicroscope: SettingsValue {
    public static var settingsName: String { "the microscope" }
    public init() { self.init(noise: 2) }
    public static var settings: [Parameter<HistologyMicroscope>] {
        [
            Parameter("blur", \.blur, in: .within(0...8), help: "Blur as a multiple of the diffraction limit."),
            Parameter("noise", \.noise, in: .within(0...50), help: "Shot noise in grey levels at full intensity."),
            Parameter("vignette", \.vignette, in: .within(0...0.9), help: "Fall of light towards the corners."),
            Parameter(
                "lowBlur", \.lowBlur, in: .within(0...3),
                help: "Blur of low-resolution versions, in their own pixels."),
            Parameter("lowNoise", \.lowNoise, in: .within(0...50), help: "Their noise in grey levels."),
        ]
    }
}
