import LucencyFoundation

/// Separates soft tissue and bone by two log attenuations (Alvarez and Macovski, Phys. Med. Biol. 21, 1976, with
/// effective energies, so that the equations are linear).
public struct DualEnergy: Sendable, Hashable {
    public let low: ChestAttenuation
    public let high: ChestAttenuation

    /// - Throws: `Diagnostic` when an energy is outside of 20...150 keV or the low one is not lower by 5 keV.
    public init(lowEnergy: Double, highEnergy: Double) throws(Diagnostic) {
        low = try ChestAttenuation(energy: lowEnergy)
        high = try ChestAttenuation(energy: highEnergy)
        guard highEnergy - lowEnergy >= 5 else {
            throw Diagnostic(
                .badArgument, "energies of \(lowEnergy) and \(highEnergy) keV cannot tell bone from soft tissue",
                remedy: "let the high energy be at least 5 keV above the low one")
        }
    }

    /// Path lengths in mm; lung counts as soft tissue of the same mass.
    public func paths(low g: Float, high h: Float) -> (soft: Float, bone: Float) {
        let determinant = low.soft * high.bone - low.bone * high.soft
        let l = Double(g), h = Double(h)
        return (
            Float((l * high.bone - h * low.bone) / determinant), Float((h * low.soft - l * high.soft) / determinant)
        )
    }

    /// The weights of low and high log attenuation in the image without bone: bone looks as soft tissue that fills its
    /// place, and soft tissue as at a third energy, whose coefficient is `soft`.
    public func suppression(to soft: Double) -> (low: Float, high: Float) {
        let a = low.bone - low.soft, b = high.bone - high.soft
        let weight = b / a, scale = soft / (high.soft - weight * low.soft)
        return (Float(-weight * scale), Float(scale))
    }
}
