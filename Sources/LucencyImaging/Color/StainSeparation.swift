import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Takes the colours of a stained slide apart: how much of each stain lies in every pixel, in optical density (natural
/// logarithm), at least 0.
public struct StainSeparation: Sendable {
    public var method: StainMethod
    /// Value of unstained light; nil: of the stored type (255 for bytes), 1 for others.
    public var white: Double?

    public init(_ method: StainMethod = .ruifrok(.he), white: Double? = nil) {
        self.method = method
        self.white = white
    }

    /// - Throws: `Diagnostic` for images that are not RGB, or without enough stained tissue (Macenko).
    public func callAsFunction(
        _ image: Image, pool: ThreadPool = .serial
    ) throws -> (hematoxylin: Image, counterstain: Image, residual: Image) {
        let density = try OpticalDensity(image, white: white, darkest: 1e-6, pool: pool)
        let amounts = try method.basis(of: density).amounts
        func stain(_ row: SIMD3<Double>) throws -> Image {
            try Image(
                geometry: image.geometry, pixels: StainSeparation.amount(row, of: density),
                origin: image.origin?.rescaled)
        }
        return (try stain(amounts[0]), try stain(amounts[1]), try stain(amounts[2]))
    }

    /// The amount of one stain, at least 0.
    static func amount(_ row: SIMD3<Double>, of density: OpticalDensity) -> AlignedBuffer<Float> {
        let count = density.count
        return AlignedBuffer(count: count) { out in
            density.values.withUnsafeBufferPointer { values in
                for i in 0..<count {
                    let r = Double(values[i]), g = Double(values[count &+ i]), b = Double(values[2 &* count &+ i])
                    out[i] = Float(max(0, r * row.x + g * row.y + b * row.z))
                }
            }
        }
    }
}

/// Gives a slide the colours of another: its stains are taken apart with its own colours (Macenko), scaled so that their
/// 99th percentiles agree, and put together with the other's colours. Alpha is untouched.
///
/// M. Macenko et al., ISBI 2009. Without a reference, the target colours and amounts are those of the reference slide that
/// most public code carries (hematoxylin 0.5626 0.7201 0.4062, eosin 0.2159 0.8012 0.5581; 1.9705 and 1.0308).
public struct StainNormalization: Sendable {
    public var method: StainMethod
    /// As in `StainSeparation`; for image and reference.
    public var white: Double?

    public init(_ method: StainMethod = .macenko(), white: Double? = nil) {
        self.method = method
        self.white = white
    }

    private struct Look {
        var basis: StainBasis
        /// 99th percentiles of hematoxylin and counterstain.
        var amounts: (Double, Double)
    }

    /// - Throws: `Diagnostic` for images that are not RGB, or without enough stained tissue.
    public func callAsFunction(
        _ image: Image, reference: Image? = nil, pool: ThreadPool = .serial
    ) throws -> Image {
        let (own, stains) = try look(of: image, pool)
        let target =
            try reference.map { try look(of: $0, pool).look }
            ?? Look(
                basis: try StainBasis(hematoxylin: [0.5626, 0.7201, 0.4062], counterstain: [0.2159, 0.8012, 0.5581]),
                amounts: (1.9705, 1.0308))
        let white = self.white ?? image.storedWhite, count = image.size.count
        let first = own.amounts.0 > 0 ? target.amounts.0 / own.amounts.0 : 0
        let second = own.amounts.1 > 0 ? target.amounts.1 / own.amounts.1 : 0
        let isWhole = image.origin?.stored.integerRange != nil
        var pixels = image.pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            stains[0].withUnsafeBufferPointer { hematoxylin in
                stains[1].withUnsafeBufferPointer { counterstain in
                    nonisolated(unsafe) let pixels = pixels, hematoxylin = hematoxylin, counterstain = counterstain
                    let block = 1 << 14
                    pool.forEach((count + block - 1) / block) { (task: Int) in
                        for i in task * block..<min(count, (task + 1) * block) {
                            let density =
                                target.basis.hematoxylin * (first * Double(hematoxylin[i]))
                                + target.basis.counterstain * (second * Double(counterstain[i]))
                            for channel in 0..<3 {
                                let light = min(white, white * exp(-density[channel]))
                                pixels[channel &* count &+ i] = Float(isWhole ? light.rounded() : light)
                            }
                        }
                    }
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin)
    }

    /// The stains of an image, how much of them there is, and where.
    private func look(of image: Image, _ pool: ThreadPool) throws -> (look: Look, stains: [AlignedBuffer<Float>]) {
        let density = try OpticalDensity(image, white: white, darkest: 1.0 / 1024, pool: pool)
        let basis = try method.basis(of: density)
        let stains = basis.amounts.prefix(2).map { StainSeparation.amount($0, of: density) }
        let most = stains.map { stain in stain.withUnsafeBufferPointer { Quantiles([$0])(0.99) ?? 0 } }
        return (Look(basis: basis, amounts: (most[0], most[1])), stains)
    }
}
