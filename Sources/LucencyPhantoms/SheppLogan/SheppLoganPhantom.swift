import LucencyFoundation
import LucencyFourier
import LucencyImaging

extension SheppLogan: Phantom {
    public var products: [PhantomProduct] {
        let sinogram = try? Geometry(size: GridSize(scan.bins, scan.angles))
        return [
            PhantomProduct("image", .image(channels: 1, bits: 16), "Reconstruction from counted photons."),
            PhantomProduct("label", .labels, "0 air, 1 skull, 2 brain, 3 ventricle, 4 large tumour, 5 small tumour."),
            PhantomProduct("clean", .image(channels: 1, bits: 16), "The head itself, averaged over each pixel."),
            PhantomProduct("reconstruction", .image(channels: 1, bits: 16), "Reconstruction without noise."),
            PhantomProduct(
                "sinogram", .floatImage(channels: 1), "Exact line integrals, value · mm: a row per projection.",
                geometry: sinogram),
            PhantomProduct(
                "noisySinogram", .floatImage(channels: 1), "Line integrals from counted photons, value · mm.",
                geometry: sinogram),
        ]
    }

    public var geometry: Geometry {
        get throws {
            guard 16...4096 ~= size else {
                throw Diagnostic(
                    .badArgument, "a head of \(size) × \(size) pixels is outside 16...4096",
                    remedy: "such as `size: 256`")
            }
            guard fieldOfView.unit != .px, unit > 0, unit < 1e6 else {
                throw Diagnostic(
                    .badArgument, "a field of view of \(fieldOfView) is not possible",
                    remedy: "give a length in mm, such as `256 mm`")
            }
            let spacing = 2 * unit / Double(size)
            return try Geometry(
                size: GridSize(size, size), spacing: SIMD3(repeating: spacing), source: .stated(fieldOfView.unit))
        }
    }

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        // Exact, counted and filtered projections; planes before they are whole numbers.
        let isScanned = !wanted.isSubset(of: ["label", "clean"])
        let rays = isScanned ? 4 * Double(scan.angles) * Double(scan.bins) : 0
        return bytes(ofNumbers: rays + 3 * Double(size) * Double(size))
    }

    public func check() throws {
        _ = try geometry
        guard 1...8192 ~= scan.angles, 8...8192 ~= scan.bins else {
            throw Diagnostic(
                .badArgument, "a scan of \(scan.angles) projections of \(scan.bins) bins is out of range",
                remedy: "give 1...8192 angles and 8...8192 bins")
        }
        try noise.check()
        let values = table.ellipses.map(\.value)
        guard scale > 0, scale <= 65535, offset >= 0, scale * (values.max() ?? 0) + offset <= 65535 else {
            throw Diagnostic(
                .badArgument, "intensities of \(scale) · value + \(offset) do not fit 0...65535",
                remedy: "choose a smaller scale or offset, such as 1000 and 1000")
        }
        try checkVariation()
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        try check()
        let geometry = try geometry, spacing = geometry.spacing.x
        let ellipses = ellipses(&draws)
        var products: [String: PhantomValue] = [:]
        if wanted.contains("label") {
            let labels = ellipses.labels(width: size, height: size, spacing: spacing, pool: pool)
            products["label"] = .labels(try LabelMap(geometry: geometry, labels: labels, table: Self.labelTable))
        }
        if wanted.contains("clean") {
            let values = ellipses.values(width: size, height: size, spacing: spacing, pool: pool)
            products["clean"] = .image(try intensities(Image(geometry: geometry, pixels: values)))
        }
        guard !wanted.isDisjoint(with: ["image", "reconstruction", "sinogram", "noisySinogram"]) else {
            return products
        }
        let sinogram = try ellipses.radon(beam, pool: pool)
        if wanted.contains("sinogram") { products["sinogram"] = .image(try sinogram.image) }
        let reconstruct = FilteredBackProjection(window: scan.window)
        if wanted.contains("reconstruction") {
            products["reconstruction"] = .image(
                try intensities(reconstruct(sinogram, onto: geometry, pool: pool)))
        }
        guard wanted.contains("image") || wanted.contains("noisySinogram") else { return products }
        let random = draws
        let noisy = try noise(sinogram, pool: pool) { random.stream("photons.\($0)") }
        if wanted.contains("noisySinogram") { products["noisySinogram"] = .image(try noisy.image) }
        if wanted.contains("image") {
            products["image"] = .image(try intensities(reconstruct(noisy, onto: geometry, pool: pool)))
        }
        return products
    }

    /// The scanner's rays.
    var beam: ParallelBeam {
        get throws(Diagnostic) {
            try ParallelBeam(
                angles: ParallelBeam.evenAngles(scan.angles), bins: scan.bins, binWidth: 2 * unit / Double(scan.bins))
        }
    }

    private var noise: PhotonNoise { PhotonNoise(photons: scan.photons, attenuation: scan.attenuation) }

    private func intensities(_ image: Image) throws -> Image {
        var pixels = image.pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            for i in 0..<pixels.count {
                pixels[i] = Float(min(max((scale * Double(pixels[i]) + offset).rounded(), 0), 65535))
            }
        }
        return try Image(geometry: image.geometry, pixels: pixels)
    }

    private static let labelTable: [Int32: LabelClass] = {
        let colors: [SIMD3<UInt8>] = [
            [0, 0, 0], [240, 234, 214], [150, 150, 160], [70, 130, 200], [220, 80, 60], [250, 180, 50],
        ]
        return Dictionary(
            uniqueKeysWithValues: zip(Region.allCases, colors).map {
                ($0.rawValue, LabelClass(name: $0.name, color: $1))
            })
    }()
}
