import LucencyFoundation

/// Signs of diabetic retinopathy; none by default.
public struct RetinaLesions: Sendable, Hashable {
    /// Small red dots.
    public var microaneurysms = Interval(0, 0)
    /// Bright yellow deposits, in groups.
    public var exudates = Interval(0, 0)
    /// Radii, mm.
    public var microaneurysmRadius = Interval(0.02, 0.05)
    public var exudateRadius = Interval(0.03, 0.11)

    public init() {}

    func check() throws {
        try requireInterval(microaneurysms, "microaneurysms", within: 0...1000)
        try requireInterval(exudates, "exudates", within: 0...1000)
        try requireInterval(microaneurysmRadius, "microaneurysmRadius", within: 0.005...1)
        try requireInterval(exudateRadius, "exudateRadius", within: 0.005...1)
    }

    func drawn(in eye: RetinaEye, _ draws: inout PhantomDraws) -> [RetinaLesion] {
        let dots = draws.count("lesions.microaneurysms", in: microaneurysms)
        let deposits = draws.count("lesions.exudates", in: exudates)
        var lesions: [RetinaLesion] = []
        var random = draws.stream("lesions.microaneurysms.places")
        /// Not on the disc.
        func add(_ x: Double, _ y: Double, _ radius: Double, _ kind: Int32) {
            guard hypotenuse(x, y) < 0.95 * eye.reach, eye.disc(x, y) > 1.2 else { return }
            lesions.append(RetinaLesion(kind: kind, x: x, y: y, radius: radius))
        }
        for _ in 0..<dots {
            let angle = unitVector(random.uniform(in: 0...(2 * .pi)))
            let distance = 0.9 * eye.reach * random.uniform().squareRoot()
            let radius = random.uniform(in: microaneurysmRadius.lower...microaneurysmRadius.upper)
            add(angle.x * distance, angle.y * distance, radius, 1)
        }
        random = draws.stream("lesions.exudates.places")
        var group = (x: 0.0, y: 0.0)
        for number in 0..<deposits {
            if number % 9 == 0 {
                let angle = unitVector(random.uniform(in: 0...(2 * .pi))), distance = random.uniform(in: 0.6...3.4)
                group = (eye.fovea.x + angle.x * distance, eye.fovea.y + angle.y * distance)
            }
            let radius = random.uniform(in: exudateRadius.lower...exudateRadius.upper)
            add(group.x + 0.35 * random.normal(), group.y + 0.35 * random.normal(), radius, 2)
        }
        return lesions
    }
}

/// A round spot, mm.
struct RetinaLesion: Sendable {
    /// 1 microaneurysm, 2 exudate.
    let kind: Int32
    let x, y, radius: Double
}
