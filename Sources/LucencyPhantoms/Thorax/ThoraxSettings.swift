import LucencyFoundation

/// The build and its soft tissue. Lengths in mm are those of a patient of size 1.
public struct ThoraxBody: Sendable, Hashable {
    /// The patient's size as a multiple of the lengths given elsewhere.
    public var patientSize: Interval = Interval(0.94, 1.06)
    /// Muscle and fat beside the rib cage, at the level of the hila.
    public var chestWall: Interval = Interval(17, 32)
    /// Muscle and fat in front of and behind the rib cage, together.
    public var wallDepth: Interval = Interval(30, 55)
    /// Thickest part of the pectoral muscles, in addition to the wall.
    public var muscleDepth: Interval = Interval(4, 18)
    public var neckHalfWidth: Interval = Interval(50, 62)
    /// How far the shoulders lie below their usual place; negative ones are raised.
    public var shoulderDrop: Interval = Interval(-12, 12)
    /// Between the upper arms and the vertical, degrees.
    public var armAngle: Interval = Interval(16, 34)
    /// The chance that breasts throw a shadow.
    public var breastChance = 0.5
    /// Thickest part of a breast.
    public var breastDepth: Interval = Interval(14, 42)
    /// The chance of gas in the stomach's fundus.
    public var stomachGasChance = 0.75
    /// Uneven thickness of muscle and fat: standard deviation as a fraction of the soft-tissue path.
    public var unevenness: Interval = Interval(0.01, 0.022)

    public init() {}
}

/// Lungs, heart, vessels and airways. Lengths in mm are those of a patient of size 1.
public struct ThoraxOrgans: Sendable, Hashable {
    /// Half the inner width of the rib cage at its widest.
    public var cageHalfWidth: Interval = Interval(130, 147)
    /// From the apices to the right dome of the diaphragm: how deep the breath is.
    public var lungHeight: Interval = Interval(208, 252)
    /// Depth of the rib cage as a multiple of the usual one.
    public var cageDepth: Interval = Interval(0.88, 1.08)
    /// How much lower the left dome is.
    public var domeDifference: Interval = Interval(4, 20)
    /// Height of the domes above the costophrenic angles at the sides.
    public var domeHeight: Interval = Interval(34, 58)
    /// The heart's width over that of the rib cage.
    public var cardiothoracicRatio: Interval = Interval(0.41, 0.5)
    public var aorticKnobRadius: Interval = Interval(13, 19)
    /// Density of aerated lung without the drawn vessels, g/cm³.
    public var lungDensity: Interval = Interval(0.15, 0.23)
    /// Deviation of the lung's density from even: standard deviation as a fraction.
    public var lungTexture: Interval = Interval(0.05, 0.11)
    /// Radius of the largest vessel of a lung.
    public var hilarVesselRadius: Interval = Interval(6.5, 8)
    /// Radius at which vessels end.
    public var thinnestVessel: Interval = Interval(0.35, 0.45)

    public init() {}
}

/// Bones. Lengths in mm are those of a patient of size 1.
public struct ThoraxSkeleton: Sendable, Hashable {
    public var ribHeight: Interval = Interval(11.5, 15)
    public var ribThickness: Interval = Interval(6, 8)
    /// Thickness of compact bone around ribs.
    public var ribCortex: Interval = Interval(0.95, 1.4)
    /// How far the ribs descend from back to front, as a multiple of the usual.
    public var ribSlope: Interval = Interval(0.85, 1.15)
    /// The part of spongy bone's volume that is bone.
    public var spongiosa: Interval = Interval(0.1, 0.18)
    public var vertebraWidth: Interval = Interval(27, 33)
    public var clavicleRadius: Interval = Interval(4.8, 6.2)
    /// How much higher the clavicles' outer ends are than the inner ones.
    public var clavicleRise: Interval = Interval(12, 52)
    /// How far the shoulder blades reach over the lungs.
    public var scapulaOverlap: Interval = Interval(-12, 14)
    /// The part of the rib cartilages that is calcified.
    public var cartilageCalcification: Interval = Interval(0, 0.35)

    public init() {}
}

/// Round opacities in the lungs.
public struct ThoraxNodules: Sendable, Hashable {
    public var number: Interval = Interval(0, 1)
    /// mm, of the patient as he is.
    public var diameter: Interval = Interval(8, 30)
    /// Density as a fraction of soft tissue's: 1 solid, about 0.4 ground glass.
    public var contrast: Interval = Interval(0.5, 1)

    public init() {}
}

/// The tube, the detector and what lies between.
public struct ThoraxExposure: Sendable, Hashable {
    /// Effective energies in keV: of the radiograph, and of the two exposures of dual-energy subtraction.
    public var energy = 58.0
    public var lowEnergy = 46.0
    public var highEnergy = 74.0
    /// Photons per mm² that the detector would count without a patient.
    public var photons: Interval = Interval(3e5, 9e5)
    /// Each dual-energy exposure's photons as a fraction of those.
    public var dualShare = 0.35
    /// Standard deviation of the electronics' noise, in photons per pixel.
    public var electronicNoise: Interval = Interval(3, 10)
    /// Scattered over primary radiation, per unit of log attenuation, behind the grid.
    public var scatter: Interval = Interval(0.04, 0.12)
    /// Standard deviation of the scatter's spread, mm.
    public var scatterSpread: Interval = Interval(25, 45)
    /// Standard deviation of the detector's blur, mm: of what it has counted, noise and all.
    public var blur: Interval = Interval(0.12, 0.25)

    public init() {}
}

/// From log attenuation to gray values.
public struct ThoraxDisplay: Sendable, Hashable {
    /// 8...16.
    public var bits = 16
    /// The parts of the body's pixels that are shown darker than `floor` and brighter than `ceiling` of the range.
    public var darkest: Interval = Interval(0.004, 0.02)
    public var brightest: Interval = Interval(0.003, 0.02)
    /// How much of the large-scale contrast is taken away, as digital units do: 0 none, 1 all.
    public var compression: Interval = Interval(0.45, 0.7)
    /// Standard deviation of what counts as large scale, mm.
    public var compressionScale = 38.0
    /// How much structures smaller than `detailScale` are raised: 0 not at all, 1 to twice their contrast.
    public var detail: Interval = Interval(0.3, 0.8)
    /// mm.
    public var detailScale = 8.0

    public init() {}
}
