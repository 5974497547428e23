#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Maps log attenuation to gray values by the S-shaped curve of DICOM's VOI LUT function SIGMOID (PS3.3 C.11.2.1.3),
/// which imitates a film's characteristic curve: `maximum / (1 + exp(−4 (g − center) / width))`. Dense parts are bright.
package struct DisplayCurve: Sendable, Hashable {
    /// The attenuation shown as half the maximum.
    var center: Double
    /// The range of attenuations that a straight line of the curve's steepest slope would cover.
    var width: Double
    var bits: Int

    package init(center: Double, width: Double, bits: Int) {
        self.center = center
        self.width = width
        self.bits = bits
    }

    package func callAsFunction(_ attenuation: Float) -> Float {
        let maximum = Float((1 << bits) - 1)
        return (maximum / (1 + expf(-4 * (attenuation - Float(center)) / Float(width)))).rounded()
    }
}
