import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What attenuates X-rays in a chest. Mass attenuation coefficients with coherent scattering of the ICRU-44 tissues, and
/// their densities, from J. H. Hubbell and S. M. Seltzer, "Tables of X-Ray Mass Attenuation Coefficients", NIST Standard
/// Reference Database 126 (2004), table 4. Lung has the density of inflated lung (ICRU-46).
public enum ChestMaterial: String, Sendable, CaseIterable {
    case softTissue, lung, corticalBone

    /// g/cm³.
    public var density: Double {
        switch self {
        case .softTissue: 1.06
        case .lung: 0.26
        case .corticalBone: 1.92
        }
    }

    /// keV of the table's columns.
    public static let energies: [Double] = [20, 30, 40, 50, 60, 80, 100, 150]

    /// cm²/g at the table's energies.
    var massAttenuation: [Double] {
        switch self {
        case .softTissue: [0.8230, 0.3790, 0.2688, 0.2264, 0.2048, 0.1823, 0.1693, 0.1492]
        case .lung: [0.8316, 0.3815, 0.2699, 0.2270, 0.2053, 0.1826, 0.1695, 0.1493]
        case .corticalBone: [4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480]
        }
    }

    /// The linear attenuation coefficient in 1/mm, interpolated in the logarithms of energy and coefficient.
    /// - Throws: `Diagnostic` outside of 20...150 keV.
    public func attenuation(at energy: Double) throws(Diagnostic) -> Double {
        let energies = Self.energies, table = massAttenuation
        guard energy >= 20, energy <= 150 else {
            throw Diagnostic(
                .badArgument, "an effective energy of \(energy) keV is outside of the attenuation table",
                remedy: "choose one of 20 to 150 keV")
        }
        var i = 0
        while i < energies.count - 2, energy > energies[i + 1] { i += 1 }
        let t = log(energy / energies[i]) / log(energies[i + 1] / energies[i])
        return exp(log(table[i]) * (1 - t) + log(table[i + 1]) * t) * density / 10
    }
}

/// Linear attenuation coefficients at an energy, 1/mm.
public struct ChestAttenuation: Sendable, Hashable {
    public let soft: Double
    public let lung: Double
    public let bone: Double

    /// - Throws: `Diagnostic` outside of 20...150 keV.
    public init(energy: Double) throws(Diagnostic) {
        soft = try ChestMaterial.softTissue.attenuation(at: energy)
        lung = try ChestMaterial.lung.attenuation(at: energy)
        bone = try ChestMaterial.corticalBone.attenuation(at: energy)
    }

    /// Log attenuation of paths, `−ln(I/I₀)`, by the law of Beer and Lambert.
    public func callAsFunction(_ paths: PathLengths) -> [Float] {
        let soft = Float(soft), lung = Float(lung), bone = Float(bone)
        return paths.soft.indices.map { i in
            soft * paths.soft[i] + lung * paths.lung[i] + bone * paths.bone[i]
        }
    }
}
