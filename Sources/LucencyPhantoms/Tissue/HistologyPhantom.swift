import LucencyFoundation
import LucencyImaging

extension Histology: Phantom {
    public var products: [PhantomProduct] {
        let fine = try? geometry
        return [
            PhantomProduct("image", .image(channels: 3, bits: 8), "The picture through the microscope's camera."),
            PhantomProduct(
                "clean", .floatImage(channels: 3), "The light that reaches the camera: no noise, no rounding."),
            PhantomProduct("label", .labels, "Background, stroma, epithelium, nucleus, lumen, fat, blood."),
            PhantomProduct("nuclei", .labels, "One number per nucleus."),
            PhantomProduct("hematoxylin", .floatImage(channels: 1), "The true concentration of hematoxylin."),
            PhantomProduct("eosin", .floatImage(channels: 1), "The true concentration of eosin."),
        ]
            + Self.factors.map { factor in
                PhantomProduct(
                    "low\(factor)", .image(channels: 3, bits: 8),
                    "The picture through a camera with pixels \(factor) times as wide.",
                    geometry: fine.flatMap { try? TissueMicroscope.geometry($0, factor: factor) })
            }
    }

    /// The grid at the first of the magnifications; pictures state the spacing of their own.
    public var geometry: Geometry {
        get throws {
            try checkSettings()
            return try geometry(at: magnifications.first ?? 40)
        }
    }

    private func geometry(at magnification: Int) throws -> Geometry {
        let side = pixelSide(at: magnification) / 1000
        return try Geometry(size: GridSize(width, height), spacing: [side, side, side], source: .stated(.mm))
    }

    public func check() throws { try checkSettings() }

    public var factNames: [String] { ["class", "patient", "laboratory", "magnification"] }

    /// The seed stands in the patient's name: patients of different seeds are different people.
    public func facts(seed: UInt64, index: Int) -> [String: JSONValue] {
        var draws = PhantomDraws(seed: seed, index: index)
        let patient = HistologyPatient(self, draws: &draws)
        return [
            "class": .string(patient.isMalignant ? "malignant" : "benign"),
            "patient": .string("patient-\(seed)-\(patient.number)"),
            "laboratory": .string("laboratory-\(patient.laboratory)"),
            "magnification": .integer(magnification(of: index)),
        ]
    }

    private func magnification(of index: Int) -> Int {
        magnifications.isEmpty ? 40 : magnifications[index % magnifications.count]
    }

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        let side = pixelSide(at: magnifications.min() ?? 40), pitch = max(side, 1)
        let wide = Double(width) * side + 2 * TissueFields.margin,
            high = Double(height) * side + 2 * TissueFields.margin
        // Planes of stain, labels, light and sensor; maps of the tissue; a nucleus takes 60 numbers and 30 µm².
        let pixels = Double(width) * Double(height), points = wide * high / (pitch * pitch)
        return bytes(ofNumbers: 20 * pixels + 12 * points + 2 * wide * high)
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        try checkSettings()
        let patient = HistologyPatient(self, draws: &draws)
        let magnification = magnification(of: draws.index)
        draws.note("magnification", .integer(magnification))
        draws.note("pixelMicrometres", .number(pixelSide(at: magnification)))
        let blur = draws.number("blur", in: microscope.blur)
        let vignette = draws.number("vignette", in: microscope.vignette)
        let geometry = try geometry(at: magnification)
        let tissue = TissuePlanes(
            self, patient: patient, pixel: pixelSide(at: magnification), draws: draws, pool: pool)
        draws.note("nuclei", .integer(tissue.count))

        var values: [String: PhantomValue] = [:]
        func plane(_ pixels: [Float]) throws -> PhantomValue {
            .image(try Image(geometry: geometry, pixels: AlignedBuffer(pixels)))
        }
        if wanted.contains("hematoxylin") { values["hematoxylin"] = try plane(tissue.hematoxylin) }
        if wanted.contains("eosin") { values["eosin"] = try plane(tissue.eosin) }
        if wanted.contains("nuclei") {
            values["nuclei"] = .labels(
                try LabelMap(geometry: geometry, labels: AlignedBuffer(tissue.instances), table: [:]))
        }
        if wanted.contains("label") {
            let table = Label.allCases.map { ($0.rawValue, LabelClass(name: "\($0)", color: $0.color)) }
            values["label"] = .labels(
                try LabelMap(
                    geometry: geometry, labels: AlignedBuffer(tissue.labels),
                    table: Dictionary(uniqueKeysWithValues: table)))
        }
        let pictures = wanted.intersection(["image", "clean"] + Self.factors.map { "low\($0)" })
        guard !pictures.isEmpty else { return values }
        let optics = TissueMicroscope(
            blur: blur * TissueMicroscope.diffraction(at: magnification) / pixelSide(at: magnification),
            vignette: vignette)
        let light = optics.exposed(
            patient.stain.transmitted(hematoxylin: tissue.hematoxylin, eosin: tissue.eosin, pool: pool), width: width,
            height: height, pool: pool)
        if wanted.contains("clean") {
            values["clean"] = .image(
                try Image(geometry: geometry, colorModel: .rgb, pixels: AlignedBuffer(light.flatMap { $0 })))
        }
        if wanted.contains("image") {
            let pixels = TissueMicroscope.sensed(
                light, width: width, noise: microscope.noise, draws: draws, name: "noise")
            values["image"] = .image(try Image(geometry: geometry, colorModel: .rgb, pixels: AlignedBuffer(pixels)))
        }
        for factor in Self.factors where wanted.contains("low\(factor)") {
            let coarse = TissueMicroscope.coarse(
                light, width: width, height: height, factor: factor, sigma: microscope.lowBlur, pool: pool)
            let pixels = TissueMicroscope.sensed(
                coarse, width: width / factor, noise: microscope.lowNoise, draws: draws, name: "noise.low\(factor)")
            values["low\(factor)"] = .image(
                try Image(
                    geometry: TissueMicroscope.geometry(geometry, factor: factor), colorModel: .rgb,
                    pixels: AlignedBuffer(pixels)))
        }
        return values
    }
}
