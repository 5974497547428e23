import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let thorax = Component(
        "thorax", "Chest radiographs with soft-tissue and bone images, dual-energy subtraction and masks.",
        ThoraxPhantom(),
        parameters: [
            Parameter("size", \.size, in: .within(64...2048), help: "Pixels along each side."),
            Parameter("fieldOfView", \.fieldOfView, in: .within(150...800), help: "Side of the image in mm."),
            Parameter("body", \.body, help: "Build and soft tissue."),
            Parameter("organs", \.organs, help: "Lungs, heart, vessels and airways."),
            Parameter("skeleton", \.skeleton, help: "Ribs, spine, clavicles and shoulder blades."),
            Parameter("nodules", \.nodules, help: "Round opacities in the lungs."),
            Parameter("exposure", \.exposure, help: "The tube, the detector and what lies between."),
            Parameter("display", \.display, help: "From log attenuation to gray values."),
        ])
}

extension ThoraxBody: SettingsValue {
    public static var settingsName: String { "the body" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("patientSize", \.patientSize, in: .within(0.5...1.5), help: "Multiple of all other lengths."),
            Parameter("chestWall", \.chestWall, in: .within(8...80), help: "Soft tissue beside the rib cage, mm."),
            Parameter(
                "wallDepth", \.wallDepth, in: .within(10...150),
                help: "Soft tissue in front of and behind the rib cage together, mm."),
            Parameter("muscleDepth", \.muscleDepth, in: .within(0...60), help: "Pectoral muscles, mm."),
            Parameter("neckHalfWidth", \.neckHalfWidth, in: .within(40...90), help: "mm."),
            Parameter(
                "shoulderDrop", \.shoulderDrop, in: .within(-25...25), help: "Shoulders below their usual place, mm."),
            Parameter("armAngle", \.armAngle, in: .within(0...70), help: "Upper arms from the vertical, degrees."),
            Parameter("breastChance", \.breastChance, in: .within(0...1), help: "The chance of breast shadows."),
            Parameter("breastDepth", \.breastDepth, in: .within(2...90), help: "Thickness of a breast, mm."),
            Parameter(
                "stomachGasChance", \.stomachGasChance, in: .within(0...1),
                help: "The chance of gas under the left dome."),
            Parameter(
                "unevenness", \.unevenness, in: .within(0...0.1),
                help: "Standard deviation of the soft tissue's thickness, as a fraction."),
        ]
    }
}

extension ThoraxOrgans: SettingsValue {
    public static var settingsName: String { "the organs" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter(
                "cageHalfWidth", \.cageHalfWidth, in: .within(100...180), help: "Half the rib cage's inner width, mm."),
            Parameter("lungHeight", \.lungHeight, in: .within(150...300), help: "From apices to the right dome, mm."),
            Parameter("cageDepth", \.cageDepth, in: .within(0.6...1.4), help: "Multiple of the usual depth."),
            Parameter(
                "domeDifference", \.domeDifference, in: .within(-20...40), help: "How much lower the left dome is, mm."),
            Parameter(
                "domeHeight", \.domeHeight, in: .within(15...90), help: "Domes above the costophrenic angles, mm."),
            Parameter(
                "cardiothoracicRatio", \.cardiothoracicRatio, in: .within(0.25...0.75),
                help: "Width of the heart over that of the rib cage."),
            Parameter("aorticKnobRadius", \.aorticKnobRadius, in: .within(8...35), help: "mm."),
            Parameter("lungDensity", \.lungDensity, in: .within(0.05...0.6), help: "g/cm³, without vessels."),
            Parameter(
                "lungTexture", \.lungTexture, in: .within(0...0.4),
                help: "Standard deviation of the lung's density, as a fraction."),
            Parameter("hilarVesselRadius", \.hilarVesselRadius, in: .within(2...12), help: "Largest vessels, mm."),
            Parameter(
                "thinnestVessel", \.thinnestVessel, in: .within(0.25...3), help: "Radius at which vessels end, mm."),
        ]
    }
}

extension ThoraxSkeleton: SettingsValue {
    public static var settingsName: String { "the skeleton" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("ribHeight", \.ribHeight, in: .within(6...22), help: "mm."),
            Parameter("ribThickness", \.ribThickness, in: .within(3...14), help: "mm."),
            Parameter("ribCortex", \.ribCortex, in: .within(0...3), help: "Thickness of compact bone, mm."),
            Parameter(
                "ribSlope", \.ribSlope, in: .within(0.5...1.5), help: "Descent from back to front, times the usual."),
            Parameter(
                "spongiosa", \.spongiosa, in: .within(0...0.6), help: "The part of spongy bone's volume that is bone."),
            Parameter("vertebraWidth", \.vertebraWidth, in: .within(18...50), help: "mm, at the first thoracic one."),
            Parameter("clavicleRadius", \.clavicleRadius, in: .within(2...12), help: "mm."),
            Parameter(
                "clavicleRise", \.clavicleRise, in: .within(-30...80), help: "Outer ends above the inner ones, mm."),
            Parameter(
                "scapulaOverlap", \.scapulaOverlap, in: .within(-40...60), help: "Shoulder blades over the lungs, mm."),
            Parameter(
                "cartilageCalcification", \.cartilageCalcification, in: .within(0...1),
                help: "The part of the rib cartilages that is calcified."),
        ]
    }
}

extension ThoraxNodules: SettingsValue {
    public static var settingsName: String { "the nodules" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("number", \.number, in: .within(0...50), help: "Nodules per picture."),
            Parameter("diameter", \.diameter, in: .within(1...80), help: "mm."),
            Parameter(
                "contrast", \.contrast, in: .within(0...2), help: "Density over that of soft tissue; 1 is solid."),
        ]
    }
}

extension ThoraxExposure: SettingsValue {
    public static var settingsName: String { "the exposure" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("energy", \.energy, in: .within(20...150), help: "Effective energy of the radiograph, keV."),
            Parameter("lowEnergy", \.lowEnergy, in: .within(20...150), help: "Of the first dual-energy exposure, keV."),
            Parameter("highEnergy", \.highEnergy, in: .within(20...150), help: "Of the second, keV."),
            Parameter(
                "photons", \.photons, in: .within(10...1e9), help: "Photons per mm² without a patient: the dose."),
            Parameter(
                "dualShare", \.dualShare, in: .within(0.01...10),
                help: "Photons of each dual-energy exposure over those."
            ),
            Parameter(
                "electronicNoise", \.electronicNoise, in: .within(0...1e4),
                help: "Standard deviation in photons per pixel."),
            Parameter(
                "scatter", \.scatter, in: .within(0...2),
                help: "Scattered over primary radiation, per unit of log attenuation."),
            Parameter("scatterSpread", \.scatterSpread, in: .within(1...200), help: "Standard deviation, mm."),
            Parameter("blur", \.blur, in: .within(0...10), help: "Standard deviation of the detector, mm."),
        ]
    }
}

extension ThoraxDisplay: SettingsValue {
    public static var settingsName: String { "the display" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("bits", \.bits, in: .within(8...16), help: "Bits of the gray values."),
            Parameter(
                "darkest", \.darkest, in: .within(0...0.45), help: "The part of the patient's pixels near black."),
            Parameter(
                "brightest", \.brightest, in: .within(0...0.45), help: "The part of the patient's pixels near white."),
            Parameter(
                "compression", \.compression, in: .within(0...1), help: "How much large-scale contrast is taken away."),
            Parameter(
                "compressionScale", \.compressionScale, in: .within(5...200), help: "What counts as large scale, mm."),
            Parameter("detail", \.detail, in: .within(0...5), help: "How much small structures are raised."),
            Parameter("detailScale", \.detailScale, in: .within(0.5...50), help: "What counts as small, mm."),
        ]
    }
}
