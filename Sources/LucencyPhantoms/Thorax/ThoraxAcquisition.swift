import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The pictures of one patient at the exposure and display that were drawn.
///
/// The radiograph without bone has the radiograph's own scatter and display, so that both differ by bone alone. The two
/// exposures of the subtraction have the scatter of their energies, and the radiograph's display.
struct ThoraxAcquisition: Sendable {
    private let phantom: ThoraxPhantom
    private let film: ThoraxFilm
    private let paths: PathLengths
    private let draws: PhantomDraws
    private let pool: ThreadPool
    private let attenuation: ChestAttenuation
    private let width: Int
    private let height: Int
    /// Expected photons of the radiograph before the detector's blur, as a fraction; and what the detector makes of them
    /// with and without bone, as log attenuations.
    private let signal: [Float]
    private let cleanLog: [Float]
    private let softLog: [Float]
    private let display: ThoraxDisplayMap

    init(
        _ phantom: ThoraxPhantom, _ film: ThoraxFilm, _ paths: PathLengths, _ draws: PhantomDraws, _ pool: ThreadPool
    ) throws {
        self.phantom = phantom
        self.film = film
        self.paths = paths
        self.draws = draws
        self.pool = pool
        width = paths.width
        height = paths.height
        attenuation = try ChestAttenuation(energy: phantom.exposure.energy)
        let whole = attenuation(paths), projector = film.projector
        let scattered = projector.scattered(whole, width: width, height: height, pool: pool)
        signal = projector.transmission(whole, scattered: scattered)
        let soft = projector.transmission(attenuation(paths.withoutBone), scattered: scattered)
        let (width, height) = (paths.width, paths.height)
        func log(_ signal: [Float]) -> [Float] {
            projector.blurred(signal, width: width, height: height, pool: pool).map { -logf(max($0, 1e-9)) }
        }
        cleanLog = log(signal)
        softLog = log(soft)
        display = ThoraxDisplayMap(
            cleanLog, inside: paths.isBody, width: width, height: height, film, bits: phantom.display.bits, pool)
    }

    func clean() -> [Float] { display(cleanLog) }
    func softTissue() -> [Float] { display(softLog) }
    func bone() -> [Float] { zip(cleanLog, softLog).map { $0 - $1 } }
    func radiograph() -> [Float] { display(noisy(signal, film.projector, "noise")) }

    /// The soft-tissue image and bone's path in mm, as dual-energy subtraction gives them.
    func subtraction() throws -> (soft: [Float], bone: [Float]) {
        let exposure = phantom.exposure
        let dual = try DualEnergy(lowEnergy: exposure.lowEnergy, highEnergy: exposure.highEnergy)
        var projector = film.projector
        projector.photons *= exposure.dualShare
        func log(_ coefficients: ChestAttenuation, _ name: String) -> [Float] {
            let g = coefficients(paths)
            let scattered = projector.scattered(g, width: width, height: height, pool: pool)
            return noisy(projector.transmission(g, scattered: scattered), projector, name)
        }
        let low = log(dual.low, "noise.low"), high = log(dual.high, "noise.high")
        let weights = dual.suppression(to: attenuation.soft)
        var soft = low, bone = low
        for i in low.indices {
            soft[i] = weights.low * low[i] + weights.high * high[i]
            bone[i] = dual.paths(low: low[i], high: high[i]).bone
        }
        return (display(soft), bone)
    }

    private func noisy(_ signal: [Float], _ projector: XRayProjector, _ name: String) -> [Float] {
        let draws = draws
        let counts = projector.counted(signal, width: width, height: height, pool: pool) { row in
            draws.stream("\(name).\(row)")
        }
        return projector.logarithm(ofCounts: counts)
    }
}

extension PathLengths {
    /// Where there is a patient.
    var isBody: [Bool] { soft.indices.map { soft[$0] + bone[$0] > 8 } }

    /// Soft tissue with lung counted by its mass, mm.
    public var softEquivalent: [Float] {
        let weight = Float(ChestMaterial.lung.density / ChestMaterial.softTissue.density)
        return soft.indices.map { soft[$0] + weight * lung[$0] }
    }
}
