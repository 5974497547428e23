import LucencyFoundation

/// A structure of an abdominal phantom: an organ with a class of its own, or tissue that annotators do not mark.
public struct Organ: Hashable, Sendable {
    /// Unique: letters and digits.
    public var name: String
    /// Whether it is a class of the label map. Others only show in the image.
    public var isLabelled: Bool
    /// Red, green, blue, 0...255, for label maps.
    public var color: [Int]
    /// Intensity in computed tomography, HU.
    public var ct: Interval
    /// Intensity in magnetic resonance, in units of the signal, 0 and above.
    public var mr: Interval
    /// Standard deviation of the tissue's mottle, HU and units of the signal.
    public var ctTexture: Double
    public var mrTexture: Double
    /// Standard deviation of the border's own blur, mm, beyond that of the scanner.
    public var softness: Double
    /// Width over which parts that meet flow into each other, mm.
    public var blend: Double
    /// How its border departs from the ideal shapes.
    public var deformation: OrganDeformation
    /// What it is made of: their union.
    public var parts: [OrganPart]

    public init(
        name: String = "", isLabelled: Bool = true, color: [Int] = [255, 255, 255], ct: Interval = 50,
        mr: Interval = 300, ctTexture: Double = 4, mrTexture: Double = 12, softness: Double = 0.7, blend: Double = 6,
        deformation: OrganDeformation = OrganDeformation(), parts: [OrganPart] = []
    ) {
        self.name = name
        self.isLabelled = isLabelled
        self.color = color
        self.ct = ct
        self.mr = mr
        self.ctTexture = ctTexture
        self.mrTexture = mrTexture
        self.softness = softness
        self.blend = blend
        self.deformation = deformation
        self.parts = parts
    }

    public init() { self.init(name: "") }
}

/// A superellipsoid |x/a|ⁿ + |y/b|ⁿ + |z/c|ⁿ = 1, in a body whose x points to the patient's left, y to posterior, z to
/// superior.
public struct OrganPart: Hashable, Sendable {
    /// x, y, z in mm from the body's centre.
    public var center: [Interval]
    /// a, b, c in mm.
    public var radii: [Interval]
    /// Degrees about z, from x to y.
    public var rotation: Interval
    /// n, 1.2...8: 2 for an ellipsoid, more for a box with round corners.
    public var exponent: Double
    /// How many, each drawn on its own.
    public var count: Interval

    public init(
        center: [Interval] = [0, 0, 0], radii: [Interval] = [10, 10, 10], rotation: Interval = 0, exponent: Double = 2,
        count: Interval = 1
    ) {
        self.center = center
        self.radii = radii
        self.rotation = rotation
        self.exponent = exponent
        self.count = count
    }

    public init() { self.init(center: [0, 0, 0]) }
}

/// A smooth random displacement.
public struct OrganDeformation: Hashable, Sendable {
    /// Standard deviation, mm; cut off at three.
    public var amplitude: Double
    /// Points nearer than this move alike, mm.
    public var scale: Double

    public init(amplitude: Double = 2, scale: Double = 30) {
        self.amplitude = amplitude
        self.scale = scale
    }

    public init() { self.init(amplitude: 2) }
}

/// How large a patient is, as factors of all places and radii.
public struct PatientBuild: Hashable, Sendable {
    /// Along x, from side to side.
    public var breadth: Interval = Interval(0.92, 1.07)
    /// Along y, from front to back.
    public var depth: Interval = Interval(0.9, 1.12)
    /// Along z.
    public var height: Interval = Interval(0.93, 1.07)

    public init() {}
}
