import LucencyFoundation
import LucencyFourier
import LucencyImaging

/// The head of Shepp and Logan in a CT scanner: ten ellipses, their line integrals in closed form, photons counted, and
/// the plane reconstructed by filtered back-projection.
///
/// Truth and reconstructions are whole intensities, `scale · value + offset`: with the standard table and the defaults,
/// CT numbers plus 2000.
public struct SheppLogan: Sendable, Hashable {
    public var table = Table.modified
    /// Pixels along both sides, 16...4096.
    public var size = 256
    /// Side of the square from −1 to 1 of the table, which the image shows; not in pixels.
    public var fieldOfView = Length.millimetres(256)
    /// How the head lies.
    public var head = Variation()
    /// How ventricles differ from the table, each by itself.
    public var ventricles = Variation()
    /// How tumours differ from the table, each by itself.
    public var tumours = Variation()
    public var scan = Scan()
    /// Intensities per value.
    public var scale = 1000.0
    /// Intensity of 0, so that noise in air is kept.
    public var offset = 1000.0

    /// The reconstruction's window, for those who do not import `LucencyFourier`.
    public typealias Window = RampWindow

    public init() {}

    /// How ellipses differ from the table, drawn for every picture.
    public struct Variation: Sendable, Hashable {
        /// To the right of the image, in mm.
        public var shiftX: Interval = 0
        /// Up, in mm.
        public var shiftY: Interval = 0
        /// Counter-clockwise, in degrees, -360...360.
        public var rotation: Interval = 0
        /// Factor of all lengths, 0.1...10.
        public var scale: Interval = 1

        public init() {}
    }

    /// The scanner and how its data become an image. The detector is as wide as the field of view.
    public struct Scan: Sendable, Hashable {
        /// Projections over half a turn, 1...8192.
        public var angles = 480
        /// Bins of the detector, 8...8192.
        public var bins = 384
        /// Photons per bin and projection where nothing is in the way, 1...10¹².
        public var photons = 1e4
        /// Attenuation per mm of a value of 1, 10⁻⁶...10.
        public var attenuation = 0.02
        public var window = Window.hann

        public init() {}
    }
}

extension SheppLogan.Variation {
    /// Draws `name.shiftX` and so on; the turn is in radians.
    func drawn(_ name: String, _ draws: inout PhantomDraws) -> (x: Double, y: Double, turn: Double, scale: Double) {
        (
            draws.number(name + ".shiftX", in: shiftX), draws.number(name + ".shiftY", in: shiftY),
            draws.number(name + ".rotation", in: rotation) * .pi / 180, draws.number(name + ".scale", in: scale)
        )
    }

    /// - Throws: `Diagnostic` when a limit is not finite, or a scale is out of range.
    func check(_ name: String) throws(Diagnostic) {
        let limits = [shiftX, shiftY, rotation, scale].flatMap { [$0.lower, $0.upper] }
        guard limits.allSatisfy({ $0.isFinite && abs($0) <= 1e6 }), scale.lower >= 0.1, scale.upper <= 10,
            rotation.lower >= -360, rotation.upper <= 360
        else {
            throw Diagnostic(
                .badArgument, "the variation of \(name) is not possible",
                remedy: "give finite shifts, rotations of -360 to 360 degrees, and scales of 0.1 to 10")
        }
    }
}
