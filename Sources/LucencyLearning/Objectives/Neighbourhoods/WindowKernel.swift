import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How much each pixel of a window counts. Extents are odd; along an axis that an image lacks the extent is 1.
public struct WindowKernel: Hashable, Sendable {
    /// From the middle to the last pixel, along x, y, z.
    public let radii: SIMD3<Int>
    /// z × y × x, x fastest; not negative.
    public let weights: [Float]
    /// What the shares of all classes sum to: 1, or a little less where a distribution is cut off.
    public let whole: Float

    /// - Parameter weight: of a pixel at a distance from the middle along x, y, z.
    private init(radii: SIMD3<Int>, isCutOff: Bool = false, _ weight: (SIMD3<Int>) -> Double) {
        self.radii = radii
        var weights: [Float] = []
        for z in -radii.z...radii.z {
            for y in -radii.y...radii.y { for x in -radii.x...radii.x { weights.append(Float(weight([x, y, z]))) } }
        }
        self.weights = weights
        whole = isCutOff ? Float(weights.reduce(0.0) { $0 + Double($1) }) : 1
    }

    private static func radii(_ radius: Int, isPlanar: Bool) -> SIMD3<Int> { [radius, radius, isPlanar ? 0 : radius] }

    /// Every pixel counts 1.
    /// - Parameter side: odd.
    public static func uniform(side: Int, isPlanar: Bool) -> WindowKernel {
        WindowKernel(radii: radii(side / 2, isPlanar: isPlanar)) { _ in 1 }
    }

    /// The middle counts ½, and the pixels around it share the other half as a normal distribution has it: the kernel of
    /// spatially varying label smoothing as its authors' program normalises it (M. Islam, B. Glocker, IPMI 2021; the paper
    /// prints it before that). The middle stays in the middle for any side, which there holds for 3 only.
    /// - Parameters:
    ///   - side: odd, 3 or more.
    ///   - deviations: σ along x, y, z in pixels, positive.
    public static func centred(side: Int, deviations: SIMD3<Double>, isPlanar: Bool) -> WindowKernel {
        let radii = radii(side / 2, isPlanar: isPlanar)
        func exponent(_ place: SIMD3<Int>) -> Double {
            let scaled = SIMD3<Double>(place) / deviations
            return (scaled * scaled).sum() / 2
        }
        // With the largest neighbour's value taken out, any σ above 0 gives finite weights; of the neighbours the nearest
        // along an axis is the largest.
        let axes: [SIMD3<Int>] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let nearest = axes.prefix(isPlanar ? 2 : 3).map(exponent).min() ?? 0
        var sum = 0.0
        for z in -radii.z...radii.z {
            for y in -radii.y...radii.y {
                for x in -radii.x...radii.x where x != 0 || y != 0 || z != 0 {
                    sum += exp(nearest - exponent([x, y, z]))
                }
            }
        }
        return WindowKernel(radii: radii) { $0 == .zero ? 0.5 : 0.5 * exp(nearest - exponent($0)) / sum }
    }

    /// A normal distribution, integrated over each pixel and cut off at 4 σ. What is cut off is missing from the shares, as in
    /// the public program that has this prior.
    /// - Parameter deviation: σ in pixels, positive.
    public static func gaussian(deviation: Double, isPlanar: Bool) -> WindowKernel {
        let radius = Int(max(4 * deviation, 0.5) + 0.5), scale = deviation * 2.0.squareRoot()
        let taps = (0...radius).map { place in
            let place = Double(place)
            return 0.5 * (erf((place + 0.5) / scale) - erf((place - 0.5) / scale))
        }
        return WindowKernel(radii: radii(radius, isPlanar: isPlanar), isCutOff: true) { place in
            taps[abs(place.x)] * taps[abs(place.y)] * (isPlanar ? 1 : taps[abs(place.z)])
        }
    }
}
