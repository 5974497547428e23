import LucencyFoundation
import LucencyImaging

extension Membranes: Phantom {
    public var products: [PhantomProduct] {
        [
            PhantomProduct("image", .image(channels: 1, bits: 8), "The micrograph."),
            PhantomProduct("label", .labels, "0 membrane, 1 cell."),
        ]
    }

    public var geometry: Geometry {
        get throws { try Geometry(size: GridSize(width, height), spacing: [4e-6, 4e-6, 4e-6], source: .stated(.nm)) }
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        var seeded = self
        seeded.seed = draws.seed
        let (image, labels) = try seeded(index: draws.index, pool: pool)
        return ["image": .image(image), "label": .labels(labels)]
    }
}
