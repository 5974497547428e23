import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Two stains in optical density: OD = h · H + e · E per colour, and intensity = white · 10^(−OD) (Beer and Lambert;
/// Ruifrok and Johnston 2001).
struct StainMixture: Sendable, Hashable {
    /// Unit vectors of optical density in red, green, blue.
    var hematoxylin: SIMD3<Double>
    var eosin: SIMD3<Double>
    /// Strengths: concentrations that tissue takes up, as multiples of the usual.
    var hematoxylinStrength: Double
    var eosinStrength: Double
    /// Intensities of empty glass.
    var white: SIMD3<Double>

    /// Draws a laboratory's stain and a patient's deviation from it.
    init(_ stain: HistologyStain, laboratory: inout PhantomDraws, patient: inout PhantomDraws) {
        let tilt = laboratory.number("tilt", in: stain.tilt)
        func vector(_ name: String, _ center: [Double]) -> SIMD3<Double> {
            var result = Self.unit(SIMD3(center[0], center[1], center[2])) + tilt * Self.broad
            for (channel, color) in ["red", "green", "blue"].enumerated() {
                result[channel] += laboratory.normal(
                    "\(name).\(color)", standardDeviation: stain.laboratorySpread, limit: 2)
                result[channel] += patient.normal(
                    "\(name).\(color)", standardDeviation: stain.patientSpread, limit: 2)
                result[channel] = max(0.01, result[channel])
            }
            return Self.unit(result)
        }
        hematoxylin = vector("hematoxylin", stain.hematoxylin)
        eosin = vector("eosin", stain.eosin)
        hematoxylinStrength =
            laboratory.number("hematoxylinStrength", in: stain.hematoxylinStrength)
            * patient.number("hematoxylinStrength", in: stain.patientStrength)
        eosinStrength =
            laboratory.number("eosinStrength", in: stain.eosinStrength)
            * patient.number("eosinStrength", in: stain.patientStrength)
        white = SIMD3(
            laboratory.number("white.red", in: stain.white), laboratory.number("white.green", in: stain.white),
            laboratory.number("white.blue", in: stain.white))
    }

    /// What the broad and overlapping bands of a camera add to any stain's vector, the blue one most: it makes Ruifrok
    /// and Johnston's vectors like those of Macenko et al. ("A method for normalizing histology slides for quantitative
    /// analysis", 2009).
    private static let broad = unit(SIMD3(0.45, 0.55, 0.70))

    private static func unit(_ v: SIMD3<Double>) -> SIMD3<Double> { v / (v * v).sum().squareRoot() }

    /// The vectors and intensities as they are recorded.
    var record: JSONValue {
        func list(_ v: SIMD3<Double>) -> JSONValue { .array((0..<3).map { .number(v[$0]) }) }
        return ["hematoxylin": list(hematoxylin), "eosin": list(eosin), "white": list(white)]
    }

    /// Planes of transmitted intensity in red, green and blue.
    func transmitted(hematoxylin h: [Float], eosin e: [Float], pool: ThreadPool) -> [[Float]] {
        (0..<3).map { channel in
            let a = Float(-hematoxylin[channel] * log(10)), b = Float(-eosin[channel] * log(10))
            let full = Float(white[channel])
            var plane = [Float](repeating: 0, count: h.count)
            plane.withUnsafeMutableBufferPointer { plane in
                nonisolated(unsafe) let plane = plane
                let chunk = 1 << 14
                pool.forEach((h.count + chunk - 1) / chunk) { part in
                    for i in part * chunk..<min(h.count, (part + 1) * chunk) {
                        plane[i] = full * expf(a * h[i] + b * e[i])
                    }
                }
            }
            return plane
        }
    }
}
