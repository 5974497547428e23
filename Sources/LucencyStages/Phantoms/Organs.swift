import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let organs = Component(
        "organs", "Abdominal slices or volumes (CT, MR) with labels drawn from a known posterior.", Organs(),
        parameters: [
            Parameter("width", \.width, in: .within(16...1024), help: "Pixels."),
            Parameter("height", \.height, in: .within(16...1024), help: "Pixels."),
            Parameter("depth", \.depth, in: .within(1...512), help: "Slices; 1 for a picture."),
            Parameter("spacing", \.spacing, in: .within(0.2...20), help: "Of pixels in the slice, mm."),
            Parameter("sliceSpacing", \.sliceSpacing, in: .within(0.2...20), help: "From slice to slice, mm."),
            Parameter("thickness", \.thickness, in: .within(0...20), help: "Thickness of a slice, mm."),
            Parameter("level", \.level, help: "Where the middle slice lies, mm above the body's centre."),
            Parameter("build", \.build, help: "How large the patient is."),
            Parameter("warp", \.warpSettings, help: "Smooth random displacement of all organs together."),
            Parameter("textureScale", \.textureScale, in: .atLeast(1), help: "Size of mottles in tissue, mm."),
            Parameter("organs", \.organs, help: "Tissues and organs from the back to the front: later ones cover."),
            Parameter("blur", \.blur, in: .within(0...20), help: "The scanner's blur, standard deviation in mm."),
            Parameter("modality", \.modality, help: "The scanner and its noise."),
            Parameter("annotators", \.annotators, help: "Who draws the labels, and how they differ from the truth."),
        ])
}

/// The common displacement as a mapping: what is left out keeps the world's own defaults, not an organ's.
struct OrganWarp: SettingsValue {
    static var settingsName: String { "the warp" }
    static var settings: [Parameter<OrganWarp>] {
        [
            Parameter(
                "amplitude", \.deformation.amplitude, in: .within(0...50), help: "Standard deviation, mm; cut off at 3."
            ),
            Parameter("scale", \.deformation.scale, in: .atLeast(1), help: "Points nearer than this move alike, mm."),
        ]
    }
    var deformation = Organs().warp
}

extension Organs {
    var warpSettings: OrganWarp {
        get { OrganWarp(deformation: warp) }
        set { warp = newValue.deformation }
    }
}

extension OrganScanner: ComponentValue {
    public static var componentKind: String { "modality" }
    public static var components: [Component<OrganScanner>] {
        [
            Component(
                "ct", "Computed tomography: HU + 1024, correlated normal noise.", prototype: CTScanner(),
                parameters: [
                    Parameter("noise", \.noise, in: .atLeast(0), help: "Standard deviation, HU."),
                    Parameter(
                        "cutoff", \.cutoff, in: .within(0.01...10),
                        help: "End of the reconstruction kernel, cycles per mm: less for coarser grain."),
                ],
                make: OrganScanner.ct, match: { if case .ct(let scanner) = $0 { scanner } else { nil } }),
            Component(
                "mr", "Magnetic resonance: magnitudes, Rician noise, shading of coils.", prototype: MRScanner(),
                parameters: [
                    Parameter(
                        "noise", \.noise, in: .atLeast(0),
                        help: "Standard deviation of the real and imaginary part, in units of the signal."),
                    Parameter(
                        "shading", \.shading, in: .within(0...3),
                        help: "Strength of the coils' shading: 0 none, 1 as coils on the skin."),
                    Parameter("coils", \.coils, in: .within(1...64), help: "Receive coils around the body."),
                ],
                make: OrganScanner.mr, match: { if case .mr(let scanner) = $0 { scanner } else { nil } }),
        ]
    }
}

extension Organ: SettingsValue {
    public static var settingsName: String { "an organ" }
    public static var settings: [Parameter<Organ>] {
        [
            Parameter("name", \.name, required: true, help: "Letters and digits."),
            Parameter("labelled", \.isLabelled, help: "Whether it is a class of the label map."),
            Parameter("color", \.color, in: .within(0...255), help: "[red, green, blue] in label maps."),
            Parameter("ct", \.ct, help: "Intensity in HU."),
            Parameter("mr", \.mr, in: .atLeast(0), help: "Intensity in units of the MR signal."),
            Parameter("ctTexture", \.ctTexture, in: .atLeast(0), help: "Standard deviation of its mottle, HU."),
            Parameter(
                "mrTexture", \.mrTexture, in: .atLeast(0), help: "Standard deviation of its mottle, MR signal."),
            Parameter("softness", \.softness, in: .within(0...50), help: "Blur of its border, mm."),
            Parameter("blend", \.blend, in: .within(0...50), help: "Where parts flow into each other, mm."),
            Parameter("deformation", \.deformation, help: "Smooth random displacement of its border."),
            Parameter("parts", \.parts, required: true, help: "The shapes whose union it is."),
        ]
    }
}

extension OrganPart: SettingsValue {
    public static var settingsName: String { "a part of an organ" }
    public static var settings: [Parameter<OrganPart>] {
        [
            Parameter("center", \.center, help: "x (patient's left), y (posterior), z (superior) in mm."),
            Parameter("radii", \.radii, in: .positive, help: "Along x, y, z in mm."),
            Parameter("rotation", \.rotation, help: "Degrees about z, from x to y."),
            Parameter("exponent", \.exponent, in: .within(1.2...8), help: "2 for an ellipsoid, more for a box."),
            Parameter("count", \.count, in: .within(0...100), help: "How many, each drawn on its own."),
        ]
    }
}

extension OrganDeformation: SettingsValue {
    public static var settingsName: String { "a deformation" }
    public static var settings: [Parameter<OrganDeformation>] {
        [
            Parameter("amplitude", \.amplitude, in: .within(0...50), help: "Standard deviation, mm."),
            Parameter("scale", \.scale, in: .atLeast(1), help: "Points nearer than this move alike, mm."),
        ]
    }
}

extension PatientBuild: SettingsValue {
    public static var settingsName: String { "the build" }
    public static var settings: [Parameter<PatientBuild>] {
        [
            Parameter("breadth", \.breadth, in: .within(0.2...5), help: "Factor from side to side."),
            Parameter("depth", \.depth, in: .within(0.2...5), help: "Factor from front to back."),
            Parameter("height", \.height, in: .within(0.2...5), help: "Factor along the spine."),
        ]
    }
}
