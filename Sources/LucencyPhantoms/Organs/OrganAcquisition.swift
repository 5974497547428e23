import LucencyFoundation
import LucencyImaging

/// A scanner with what is drawn for a picture: shading and noise, then whole numbers that 16 bits hold.
struct OrganAcquisition: Sendable {
    private enum Scanner: Sendable {
        case ct(TomographyNoise)
        case mr(CoilShading, RicianNoise)
    }

    private let scanner: Scanner

    init(_ organs: Organs, _ draws: inout PhantomDraws) {
        switch organs.modality {
        case .ct(let scanner):
            self.scanner = .ct(
                TomographyNoise(
                    sigma: draws.number("noise", in: scanner.noise), cutoff: scanner.cutoff * organs.spacing))
        case .mr(let scanner):
            let shading = CoilShading(
                strength: draws.number("shading", in: scanner.shading),
                coils: draws.count("coils", in: scanner.coils),
                radius: 0.5 * Double(min(organs.width, organs.height)) * organs.spacing, draws: &draws)
            self.scanner = .mr(shading, RicianNoise(sigma: draws.number("noise", in: scanner.noise)))
        }
    }

    /// - Throws: `Diagnostic` when noise does not fit the slices.
    func callAsFunction(
        _ plane: inout [Float], size: GridSize, spacing: SIMD3<Double>, draws: PhantomDraws, pool: ThreadPool
    ) throws {
        switch scanner {
        case .ct(let noise):
            try noise(&plane, size: size, draws: draws, pool: pool)
        case .mr(let shading, let noise):
            shading(&plane, size: size, spacing: spacing, pool: pool)
            noise(&plane, size: size, draws: draws, pool: pool)
        }
        for i in plane.indices { plane[i] = min(max(plane[i].rounded(), 0), 65_535) }
    }
}
