#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The windpipe and the large bronchi: air with thin walls.
struct Airways: Sendable {
    let lumens: [Tube]

    init(_ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) {
        var random = draws.stream("airways")
        let scale = anatomy.lungHeight / 232, carina = 88 * scale + 2 * random.normal(), shift = -1.5 + random.normal()
        let radius = 7.6 + 0.7 * random.normal()
        func at(_ x: Double, _ y: Double, _ z: Double) -> SIMD3<Double> { SIMD3(x, y, z) }
        let fork = at(shift, carina, -12)
        lumens = [
            Tube(
                splinePoints([at(0.5, -130, -12), at(0, -60, -14), at(shift - 1, 20, -12), fork], steps: 6),
                radius: radius),
            Tube(
                splinePoints([fork, at(-17, carina + 15, -10), at(-32, carina + 27, -10)], steps: 5),
                radius: 0.78 * radius),
            Tube(
                splinePoints([fork, at(20, carina + 16, -12), at(44, carina + 29, -18)], steps: 5), radius: 0.7 * radius
            ),
            Tube(splinePoints([at(-32, carina + 27, -10), at(-37, carina + 50, -16)], steps: 3), radius: 0.5 * radius),
            Tube(splinePoints([at(44, carina + 29, -18), at(48, carina + 50, -26)], steps: 3), radius: 0.45 * radius),
        ]
    }
}
