import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let sheppLogan = Component(
        "shepp-logan", "The head of Shepp and Logan, scanned and reconstructed as by CT, with photon noise.",
        SheppLogan(),
        parameters: [
            Parameter("table", \.table, help: "Values of the ellipses: as in a head, or with more contrast."),
            Parameter("size", \.size, in: .within(16...4096), help: "Pixels along both sides."),
            Parameter(
                "fieldOfView", \.fieldOfView, in: .positive, help: "Side of the image; the head is 0.92 of it high."),
            Parameter("head", \.head, help: "How the head lies; its parts follow."),
            Parameter("ventricles", \.ventricles, help: "How ventricles differ from the table, each by itself."),
            Parameter("tumours", \.tumours, help: "How tumours differ from the table, each by itself."),
            Parameter("scan", \.scan, help: "The scanner, its photons and the reconstruction."),
            Parameter("scale", \.scale, in: .positive, help: "Intensities per value."),
            Parameter(
                "offset", \.offset, in: .atLeast(0), help: "Intensity of the value 0, so that noise in air is kept."),
        ])
}

extension SheppLogan.Table: ChoiceParameter {}

extension SheppLogan.Window: ChoiceParameter {}

extension SheppLogan.Variation: SettingsValue {
    public static var settingsName: String { "the variation" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("shiftX", \.shiftX, help: "To the right of the image, in mm."),
            Parameter("shiftY", \.shiftY, help: "Up, in mm."),
            Parameter("rotation", \.rotation, in: .within(-360...360), help: "Counter-clockwise, in degrees."),
            Parameter("scale", \.scale, in: .within(0.1...10), help: "Factor of all lengths."),
        ]
    }
}

extension SheppLogan.Scan: SettingsValue {
    public static var settingsName: String { "the scan" }
    public static var settings: [Parameter<Self>] {
        [
            Parameter("angles", \.angles, in: .within(1...8192), help: "Projections over half a turn."),
            Parameter("bins", \.bins, in: .within(8...8192), help: "Bins of the detector, over the field of view."),
            Parameter(
                "photons", \.photons, in: .within(1...1e12),
                help: "Photons per bin and projection where nothing is in the way."),
            Parameter(
                "attenuation", \.attenuation, in: .within(1e-6...10), help: "Attenuation per mm of a value of 1."),
            Parameter("window", \.window, help: "How the ramp filter falls off towards high frequencies."),
        ]
    }
}
