import LucencyFoundation

/// Colours and patterns behind the vessels.
public struct RetinaFundus: Sendable, Hashable {
    /// From a brown, well pigmented fundus (0) to a bright orange one (1).
    public var brightness = Interval(0.1, 0.9)
    /// How strongly the vessels of the choroid show through, 0...1; more in bright ones.
    public var choroid = Interval(0.1, 0.7)
    /// Darkness of the macula, 0...1.
    public var macula = Interval(0.25, 0.6)
    /// Contrast of the retinal vessels; 1 is usual.
    public var vesselContrast = Interval(0.85, 1.2)

    public init() {}

    func check() throws {
        try requireInterval(brightness, "brightness", within: 0...1)
        try requireInterval(choroid, "choroid", within: 0...1)
        try requireInterval(macula, "macula", within: 0...1)
        try requireInterval(vesselContrast, "vesselContrast", within: 0...3)
    }

    func drawn(_ draws: inout PhantomDraws) -> Drawn {
        Drawn(
            brightness: draws.number("fundus.brightness", in: brightness),
            choroid: draws.number("fundus.choroid", in: choroid), macula: draws.number("fundus.macula", in: macula),
            contrast: draws.number("fundus.vesselContrast", in: vesselContrast))
    }

    struct Drawn: Sendable {
        let brightness, choroid, macula, contrast: Double
    }
}
