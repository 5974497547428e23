import LucencyFoundation
import LucencyImaging

extension Organs: Phantom {
    public var products: [PhantomProduct] {
        var products = [
            PhantomProduct(
                "image", .image(channels: 1, bits: 16),
                "The acquired image: HU + 1024 (CT), or magnitudes (MR), in whole numbers."),
            PhantomProduct("label", .labels, "The labels of one annotator, to train on."),
            PhantomProduct(
                "posterior", .probabilities(classes: classes.count + 1),
                "p(label | anatomy) in every pixel, from which labels are drawn: no honest network is more certain."),
            PhantomProduct("truth", .labels, "The anatomy's own labels, which no annotator knows."),
            PhantomProduct(
                "clean", .floatImage(channels: 1),
                "The image without noise and without shading; with partial volumes, slice thickness and blur."),
        ]
        for annotator in 2...16 where annotator <= annotators.count {
            products.append(
                PhantomProduct("label\(annotator)", .labels, "The labels of annotator \(annotator), drawn likewise."))
        }
        return products
    }

    public var geometry: Geometry {
        get throws {
            try check()
            return try Geometry(size: GridSize(width, height, depth), spacing: gridSpacing, source: .stated(.mm))
        }
    }

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        let pixels = Double(width) * Double(height) * Double(depth), organs = Double(classes.count)
        var numbers = fieldPoints
        if !wanted.isDisjoint(with: ["image", "clean"]) { numbers += 6 * pixels }
        // The stack of distances; the posterior and labels before they are copied.
        if !wanted.isSubset(of: ["image", "clean"]) { numbers += (organs + 2) * pixels }
        if wanted.contains("posterior") { numbers += (organs + 1) * pixels }
        return bytes(ofNumbers: numbers)
    }

    private var gridSpacing: SIMD3<Double> { [spacing, spacing, sliceSpacing] }

    /// Names and colours of the labels; 0 is background.
    var table: [Int32: LabelClass] {
        var table: [Int32: LabelClass] = [0: LabelClass(name: "background", color: [0, 0, 0])]
        for (index, organ) in organs.filter(\.isLabelled).enumerated() {
            let color =
                organ.color.count == 3
                ? SIMD3(organ.color.map { UInt8(clamping: $0) }) : SIMD3<UInt8>(repeating: 255)
            table[Int32(index + 1)] = LabelClass(name: organ.name, color: color)
        }
        return table
    }

    /// The patient with a number.
    func anatomy(draws: inout PhantomDraws) -> OrganAnatomy {
        let level = draws.number("level", in: level)
        let grid = OrganGrid(size: GridSize(width, height, depth), spacing: gridSpacing, level: level)
        return OrganAnatomy(self, grid: grid, draws: &draws)
    }

    /// The distances of a patient's organs, from which labels are drawn.
    /// - Throws: `Diagnostic` as `check`.
    package func stack(draws: inout PhantomDraws, pool: ThreadPool = .serial) throws -> DistanceStack {
        try check()
        return anatomy(draws: &draws).stack(pool: pool)
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        let geometry = try geometry, anatomy = anatomy(draws: &draws)
        // Drawn whatever is wanted, so that the record is the same.
        let acquisition = OrganAcquisition(self, &draws)
        for annotator in 1...annotators.count { _ = annotators.drawn(annotator, organs: classes, &draws) }
        var values: [String: PhantomValue] = [:]
        if wanted.contains("image") || wanted.contains("clean") {
            var plane = anatomy.intensities(thickness: thickness, outside: isMR ? 0 : CTScanner.air, pool: pool)
            plane = PlaneBlur(sigma: blur / spacing, border: .edge)(plane, geometry.size, pool: pool)
            if !isMR { for i in plane.indices { plane[i] += Float(CTScanner.offset) } }
            if wanted.contains("clean") {
                values["clean"] = .image(try Image(geometry: geometry, pixels: AlignedBuffer(plane)))
            }
            if wanted.contains("image") {
                try acquisition(&plane, size: geometry.size, spacing: gridSpacing, draws: draws, pool: pool)
                values["image"] = .image(try Image(geometry: geometry, pixels: AlignedBuffer(plane)))
            }
        }
        guard wanted.contains(where: { $0 != "image" && $0 != "clean" }) else { return values }
        let stack = anatomy.stack(pool: pool), table = table
        func labels(_ labels: [Int32]) throws -> PhantomValue {
            .labels(try LabelMap(geometry: geometry, labels: AlignedBuffer(labels), table: table))
        }
        if wanted.contains("truth") { values["truth"] = try labels(stack.truth) }
        if wanted.contains("posterior") {
            let posterior = annotators.posterior(of: stack, pool: pool)
            values["posterior"] = .probabilities(
                try ProbabilityMap(
                    geometry: geometry, classes: ["background"] + classes, values: AlignedBuffer(posterior)))
        }
        for annotator in 1...annotators.count {
            let name = annotator == 1 ? "label" : "label\(annotator)"
            guard wanted.contains(name) else { continue }
            values[name] = try labels(annotators.label(by: annotator, of: stack, draws: &draws, pool: pool))
        }
        return values
    }
}
