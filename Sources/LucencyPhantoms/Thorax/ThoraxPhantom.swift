import LucencyFoundation
import LucencyImaging

/// Radiographs of the chest from behind (PA) with the truth: a patient made of analytic surfaces, path lengths through
/// soft tissue, lung and bone, attenuation by Beer and Lambert at effective energies, scatter, blur and noise.
///
/// Rays are parallel. The patient's right side is at the left of the image, bones are bright.
public struct ThoraxPhantom: Sendable, Hashable {
    /// Pixels along each side, 64...2048.
    public var size = 512
    /// Side of the image in mm.
    public var fieldOfView = 370.0
    public var body = ThoraxBody()
    public var organs = ThoraxOrgans()
    public var skeleton = ThoraxSkeleton()
    public var nodules = ThoraxNodules()
    public var exposure = ThoraxExposure()
    public var display = ThoraxDisplay()

    public init() {}
}

extension ThoraxPhantom: Phantom {
    public var products: [PhantomProduct] {
        let gray = PhantomProduct.Kind.image(channels: 1, bits: display.bits > 8 ? 16 : 8)
        return [
            PhantomProduct("image", gray, "The radiograph."),
            PhantomProduct("clean", gray, "The radiograph without noise."),
            PhantomProduct("softTissue", gray, "The same without noise, with soft tissue in place of bone."),
            PhantomProduct(
                "bone", .floatImage(channels: 1),
                "What bone adds to the log attenuation: that of clean less that of softTissue."),
            PhantomProduct(
                "subtraction", gray, "The soft-tissue image from two noisy exposures at a low and a high energy."),
            PhantomProduct(
                "boneSubtraction", .floatImage(channels: 1), "Bone's path in mm from the two noisy exposures."),
            PhantomProduct(
                "label", .labels,
                "0 background, 1 body, 2 right lung, 3 left lung, 4 mediastinum, 5 heart; higher ones on top."),
            PhantomProduct(
                "lungs", .labels, "1 right, 2 left; without heart, great vessels and what lies below the domes."),
            PhantomProduct("heart", .labels, "1 heart, also where it lies before the diaphragm."),
            PhantomProduct("clavicles", .labels, "1 right, 2 left."),
            PhantomProduct("ribs", .labels, "1…12 right, 13…24 left, from above; the thickest where ribs cross."),
            PhantomProduct("nodules", .labels, "Numbers of the nodules, as they are recorded."),
            PhantomProduct("bonePath", .floatImage(channels: 1), "mm of compact bone along each ray."),
            PhantomProduct(
                "softPath", .floatImage(channels: 1), "mm of soft tissue along each ray, lung counted by its mass."),
        ]
    }

    public var geometry: Geometry {
        get throws {
            guard 64...2048 ~= size else {
                throw Diagnostic(
                    .badArgument, "a chest radiograph of \(size) pixels is outside 64...2048",
                    remedy: "choose a size from 64 to 2048")
            }
            guard 150...800 ~= fieldOfView else {
                throw Diagnostic(
                    .badArgument, "a field of view of \(fieldOfView) mm does not fit a chest",
                    remedy: "choose 150 to 800 mm; films are 350 to 430 mm wide")
            }
            let spacing = fieldOfView / Double(size)
            return try Geometry(size: GridSize(size, size), spacing: [spacing, spacing, spacing], source: .stated(.mm))
        }
    }

    /// Products that need the path lengths.
    private static let pictures: Set = [
        "image", "clean", "softTissue", "bone", "subtraction", "boneSubtraction", "bonePath", "softPath",
    ]

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        let pixels = Double(size) * Double(size)
        guard !wanted.isDisjoint(with: Self.pictures) else {
            return bytes(ofNumbers: 4 * pixels)
        }
        let factor = Double(ThoraxFilm.factor(spacing: fieldOfView / Double(size)))
        return bytes(ofNumbers: (9 * factor * factor + 24) * pixels)
    }

    public func check() throws {
        _ = try geometry
        try ThoraxLimits.check(self)
        _ = try ChestAttenuation(energy: exposure.energy)
        _ = try DualEnergy(lowEnergy: exposure.lowEnergy, highEnergy: exposure.highEnergy)
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        try check()
        let geometry = try geometry
        let anatomy = ThoraxAnatomy(body: body, organs: organs, skeleton: skeleton, &draws)
        let scene = ThoraxScene(anatomy, nodules: nodules, &draws)
        let film = ThoraxFilm(self, anatomy, &draws)
        var values: [String: PhantomValue] = [:]
        func put(_ name: String, _ plane: @autoclosure () -> [Float]) throws {
            guard wanted.contains(name) else { return }
            values[name] = .image(try Image(geometry: geometry, pixels: AlignedBuffer(plane())))
        }

        if !wanted.isDisjoint(with: Self.pictures) {
            let paths = pathLengths(scene, film, draws, pool)
            try put("bonePath", paths.bone)
            try put("softPath", paths.softEquivalent)
            let acquisition = try ThoraxAcquisition(self, film, paths, draws, pool)
            try put("image", acquisition.radiograph())
            try put("clean", acquisition.clean())
            try put("softTissue", acquisition.softTissue())
            try put("bone", acquisition.bone())
            if wanted.contains("subtraction") || wanted.contains("boneSubtraction") {
                let (soft, bone) = try acquisition.subtraction()
                try put("subtraction", soft)
                try put("boneSubtraction", bone)
            }
        }
        try addMasks(wanted, ThoraxTruth(scene: scene, grid: film.grid), geometry, &values)
        return values
    }

    /// What the rays of a picture pass, without scatter, blur or noise.
    /// - Throws: `Diagnostic` as `check`.
    public func pathLengths(seed: UInt64, index: Int, pool: ThreadPool = .serial) throws -> PathLengths {
        try check()
        var draws = PhantomDraws(seed: seed, index: index)
        let anatomy = ThoraxAnatomy(body: body, organs: organs, skeleton: skeleton, &draws)
        let scene = ThoraxScene(anatomy, nodules: nodules, &draws)
        return pathLengths(scene, ThoraxFilm(self, anatomy, &draws), draws, pool)
    }

    private func pathLengths(
        _ scene: ThoraxScene, _ film: ThoraxFilm, _ draws: PhantomDraws, _ pool: ThreadPool
    ) -> PathLengths {
        ThoraxPaths(scene: scene, draws: draws).render(film.fine, side: film.side, pool: pool)
            .reduced(by: film.factor, scale: Float(scene.anatomy.size))
    }

    private func addMasks(
        _ wanted: Set<String>, _ truth: ThoraxTruth, _ geometry: Geometry, _ values: inout [String: PhantomValue]
    ) throws {
        func put(_ name: String, _ table: [(Int32, String, SIMD3<UInt8>)], _ mask: @autoclosure () -> [Int32]) throws {
            guard wanted.contains(name) else { return }
            var classes: [Int32: LabelClass] = [0: LabelClass(name: "background", color: [0, 0, 0])]
            for (label, name, color) in table { classes[label] = LabelClass(name: name, color: color) }
            values[name] = .labels(try LabelMap(geometry: geometry, labels: AlignedBuffer(mask()), table: classes))
        }
        let colors: [SIMD3<UInt8>] = [
            [0, 0, 0], [70, 70, 80], [86, 180, 233], [0, 114, 178], [230, 159, 0], [213, 94, 0],
        ]
        let regions = ThoraxTruth.Region.allCases.map { ($0.rawValue, $0.name, colors[Int($0.rawValue)]) }
        let sides: [(Int32, String, SIMD3<UInt8>)] = [(1, "right", [86, 180, 233]), (2, "left", [0, 114, 178])]
        try put("label", regions, truth.regions())
        try put("lungs", sides, truth.lungs())
        try put("heart", [(1, "heart", [213, 94, 0])], truth.heart())
        try put("clavicles", sides, truth.clavicles())
        try put(
            "ribs",
            (1...24).map { (Int32($0), "\($0 <= 12 ? "right" : "left") rib \(($0 - 1) % 12 + 1)", Self.shade($0)) },
            truth.ribs())
        try put(
            "nodules", truth.scene.nodules.map { (Int32($0.number), "nodule \($0.number)", Self.shade($0.number)) },
            truth.nodules())
    }

    /// Colours that tell neighbours apart.
    private static func shade(_ number: Int) -> SIMD3<UInt8> {
        [UInt8(80 + number * 67 % 176), UInt8(80 + number * 109 % 176), UInt8(80 + number * 41 % 176)]
    }
}
