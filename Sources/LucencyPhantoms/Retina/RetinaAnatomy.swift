import LucencyFoundation

/// Where disc and fovea lie, and how large the disc is; millimetres.
public struct RetinaAnatomy: Sendable, Hashable {
    /// The probability of a right eye, whose disc is on the right.
    public var rightEye = 0.5
    /// From the disc's middle to the fovea.
    public var discToFovea = Interval(4.5, 5.0)
    /// How far the fovea lies below the disc's middle.
    public var foveaBelow = Interval(0.3, 0.8)
    /// How far the fovea lies from the middle of the picture, at most, along x and y.
    public var decentering = Interval(-0.5, 0.5)
    public var discHeight = Interval(1.65, 2.0)
    /// Width over height.
    public var discWidth = Interval(0.86, 0.97)
    /// Diameter of the cup over that of the disc.
    public var cupToDisc = Interval(0.3, 0.6)
    /// Radius of the zone around the fovea without vessels.
    public var avascularRadius = Interval(0.25, 0.4)

    public init() {}

    func check() throws {
        try requireProbability(rightEye, "rightEye")
        try requireInterval(discToFovea, "discToFovea", within: 2...8)
        try requireInterval(foveaBelow, "foveaBelow", within: -2...3)
        try requireInterval(decentering, "decentering", within: -4...4)
        try requireInterval(discHeight, "discHeight", within: 0.8...3.5)
        try requireInterval(discWidth, "discWidth", within: 0.5...1.5)
        try requireInterval(cupToDisc, "cupToDisc", within: 0...0.95)
        try requireInterval(avascularRadius, "avascularRadius", within: 0...2)
    }

    func drawn(_ draws: inout PhantomDraws, reach: Double) -> RetinaEye {
        let isRight = draws.chance("eye.right", rightEye)
        let distance = draws.number("fovea.distance", in: discToFovea)
        let below = draws.number("fovea.below", in: foveaBelow)
        let foveaX = draws.number("fovea.x", in: decentering), foveaY = draws.number("fovea.y", in: decentering)
        let height = draws.number("disc.height", in: discHeight)
        let width = height * draws.number("disc.widthRatio", in: discWidth)
        let ratio = draws.number("disc.cupRatio", in: cupToDisc)
        let temporal = isRight ? -1.0 : 1.0
        var random = draws.stream("disc.outline")
        return RetinaEye(
            temporal: temporal, reach: reach, fovea: (foveaX, foveaY),
            center: (foveaX - temporal * distance, foveaY - below), halfWidth: width / 2, halfHeight: height / 2,
            cupRatio: ratio, avascular: draws.number("fovea.avascularRadius", in: avascularRadius),
            waves: (0..<3).map { _ in (random.normal() * 0.012, random.uniform() * 2 * .pi) })
    }
}

/// One eye: millimetres from the middle of the field of view, x to the right, y down.
struct RetinaEye: Sendable {
    /// The direction along x from disc to fovea: 1 or −1.
    let temporal: Double
    /// Radius of the field of view.
    let reach: Double
    let fovea: (x: Double, y: Double)
    /// Of the disc.
    let center: (x: Double, y: Double)
    let halfWidth: Double
    let halfHeight: Double
    let cupRatio: Double
    let avascular: Double
    /// Amplitude and phase of the outline's deviations from an ellipse.
    let waves: [(amplitude: Double, phase: Double)]

    /// The distance from the disc's middle as a multiple of the outline's.
    func disc(_ x: Double, _ y: Double) -> Double {
        let u = (x - center.x) / halfWidth, v = (y - center.y) / halfHeight, radius = hypotenuse(u, v)
        guard radius > 0.2, radius < 3 else { return radius }
        let angle = RetinaEye.angle(u, v)
        var outline = 1.0
        for (order, wave) in waves.enumerated() {
            outline += wave.amplitude * sine(Double(order + 2) * angle + wave.phase)
        }
        return radius / outline
    }

    /// As `disc`, for the cup, which lies a little to the temporal side.
    func cup(_ x: Double, _ y: Double) -> Double {
        guard cupRatio > 0 else { return .infinity }
        let u = (x - center.x - temporal * 0.12 * halfWidth) / (halfWidth * cupRatio)
        let v = (y - center.y) / (halfHeight * cupRatio)
        return hypotenuse(u, v)
    }

    /// The direction of a vector, radians.
    static func angle(_ x: Double, _ y: Double) -> Double { arcTangent(y, x) }
}
