import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let retina = Component(
        "retina", "Fundus photographs: arteries and veins, optic disc, macula and choroid.", Retina(),
        parameters: [
            Parameter("size", \.size, in: .within(64...2048), help: "Side in pixels."),
            Parameter("fieldOfView", \.fieldOfView, in: .within(20...60), help: "Degrees."),
            Parameter("anatomy", \.anatomy, help: "Where disc and fovea lie."),
            Parameter("vessels", \.vessels, help: "How vessels look and branch."),
            Parameter("fundus", \.fundus, help: "Colours and patterns behind the vessels."),
            Parameter("lesions", \.lesions, help: "Signs of diabetic retinopathy."),
            Parameter("camera", \.camera, help: "Blur, noise and light."),
        ])
}

extension RetinaAnatomy: SettingsValue {
    public static var settingsName: String { "the retina's anatomy" }
    public static var settings: [Parameter<RetinaAnatomy>] {
        [
            Parameter(
                "rightEye", \.rightEye, in: .within(0...1), help: "Probability of a right eye (disc on the right)."),
            Parameter(
                "discToFovea", \.discToFovea, in: .within(2...8), help: "From the disc's middle to the fovea, mm."),
            Parameter(
                "foveaBelow", \.foveaBelow, in: .within(-2...3), help: "How far the fovea lies below the disc, mm."),
            Parameter(
                "decentering", \.decentering, in: .within(-4...4), help: "The fovea from the picture's middle, mm."),
            Parameter("discHeight", \.discHeight, in: .within(0.8...3.5), help: "Of the optic disc, mm."),
            Parameter("discWidth", \.discWidth, in: .within(0.5...1.5), help: "Width over height of the disc."),
            Parameter("cupToDisc", \.cupToDisc, in: .within(0...0.95), help: "Diameter of the cup over the disc's."),
            Parameter(
                "avascularRadius", \.avascularRadius, in: .within(0...2), help: "Of the zone without vessels, mm."),
        ]
    }
}

extension RetinaVessels: SettingsValue {
    public static var settingsName: String { "the retina's vessels" }
    public static var settings: [Parameter<RetinaVessels>] {
        [
            Parameter("arteryWidth", \.arteryWidth, in: .within(0.02...0.4), help: "At the disc, mm."),
            Parameter("veinWidth", \.veinWidth, in: .within(0.02...0.4), help: "At the disc, mm."),
            Parameter("thinnest", \.thinnest, in: .within(0.01...0.4), help: "Width of the thinnest vessels, mm."),
            Parameter("tortuosity", \.tortuosity, in: .within(0...4), help: "How much vessels wind; 1 is usual."),
            Parameter("branching", \.branching, in: .within(0...2), help: "How many branches there are; 1 is usual."),
            Parameter("arcadeHeight", \.arcadeHeight, in: .within(1...8), help: "Of the temporal arcades, mm."),
            Parameter("taper", \.taper, in: .within(0...0.2), help: "Thinning along a vessel per mm."),
        ]
    }
}

extension RetinaFundus: SettingsValue {
    public static var settingsName: String { "the fundus" }
    public static var settings: [Parameter<RetinaFundus>] {
        [
            Parameter("brightness", \.brightness, in: .within(0...1), help: "From brown (0) to bright orange (1)."),
            Parameter("choroid", \.choroid, in: .within(0...1), help: "How strongly the choroid's vessels show."),
            Parameter("macula", \.macula, in: .within(0...1), help: "Darkness of the macula."),
            Parameter("vesselContrast", \.vesselContrast, in: .within(0...3), help: "1 is usual."),
        ]
    }
}

extension RetinaLesions: SettingsValue {
    public static var settingsName: String { "the retina's lesions" }
    public static var settings: [Parameter<RetinaLesions>] {
        [
            Parameter("microaneurysms", \.microaneurysms, in: .within(0...1000), help: "How many small red dots."),
            Parameter("exudates", \.exudates, in: .within(0...1000), help: "How many bright yellow deposits."),
            Parameter(
                "microaneurysmRadius", \.microaneurysmRadius, in: .within(0.005...1), help: "Millimetres."),
            Parameter("exudateRadius", \.exudateRadius, in: .within(0.005...1), help: "Millimetres."),
        ]
    }
}

extension RetinaCamera: SettingsValue {
    public static var settingsName: String { "the fundus camera" }
    public static var settings: [Parameter<RetinaCamera>] {
        [
            Parameter("blur", \.blur, in: .within(0...5), help: "Standard deviation in pixels."),
            Parameter("noise", \.noise, in: .within(0...50), help: "Standard deviation at mid intensity, grey levels."),
            Parameter("vignetting", \.vignetting, in: .within(0...1), help: "How much darker the edge is."),
            Parameter(
                "offAxis", \.offAxis, in: .within(0...1), help: "Brightest place from the middle, of the radius."),
        ]
    }
}
