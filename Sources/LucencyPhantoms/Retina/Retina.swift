import LucencyFoundation
import LucencyImaging

/// Photographs of the back of the eye, with the vessels' truth: two pairs of arcades of arteries and veins that grow from
/// the optic disc and branch by Murray's law, around a macula without vessels, before a choroid whose pattern and colour
/// vary; through a camera that blurs, darkens towards its edge, and has noise.
///
/// Lengths are millimetres on the retina, so a picture of another size shows the same eye.
public struct Retina: Sendable, Hashable {
    /// Side of the square picture in pixels, 64...2048.
    public var size = 512
    /// The angle that the circular field of view spans, degrees, 20...60.
    public var fieldOfView = 45.0
    public var anatomy = RetinaAnatomy()
    public var vessels = RetinaVessels()
    public var fundus = RetinaFundus()
    public var lesions = RetinaLesions()
    public var camera = RetinaCamera()

    public init() {}

    /// Millimetres of retina per degree of visual angle near the fovea of an average eye (N. Drasdo and C. W. Fowler,
    /// "Non-linear projection of the retinal image in a wide-angle schematic eye", Br. J. Ophthalmol. 58 (1974)).
    static let millimetresPerDegree = 0.288
    /// Diameter of the field of view as a fraction of the picture's side.
    static let filled = 0.94

    /// Radius of the field of view, mm.
    var reach: Double { fieldOfView * Self.millimetresPerDegree / 2 }
    /// Millimetres per pixel.
    var spacing: Double { 2 * reach / (Self.filled * Double(size)) }
}

extension Retina: Phantom {
    public var products: [PhantomProduct] {
        [
            PhantomProduct("image", .image(channels: 3, bits: 8), "The photograph, RGB."),
            PhantomProduct("clean", .image(channels: 3, bits: 8), "The photograph without noise."),
            PhantomProduct("label", .labels, "0 background, 1 vessel."),
            PhantomProduct("vessels", .labels, "0 background, 1 artery, 2 vein; at crossings the artery."),
            PhantomProduct("disc", .labels, "0 background, 1 rim of the optic disc, 2 cup."),
            PhantomProduct("lesions", .labels, "0 background, 1 microaneurysm, 2 exudate."),
            PhantomProduct("fov", .labels, "0 outside, 1 inside the field of view."),
        ]
    }

    public var geometry: Geometry {
        get throws {
            try Geometry(size: GridSize(size, size), spacing: [spacing, spacing, spacing], source: .stated(.mm))
        }
    }

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        // Five planes of vessels; the scene, its blur and its noise in colour; lesions.
        let planes = wanted.isDisjoint(with: ["image", "clean"]) ? 7.0 : 20
        return bytes(ofNumbers: planes * Double(size) * Double(size))
    }

    public func check() throws {
        guard 64...2048 ~= size else {
            throw Diagnostic(
                .badArgument, "a retina of \(size) pixels is not possible", remedy: "give a side from 64 to 2048")
        }
        guard 20...60 ~= fieldOfView else {
            throw Diagnostic(
                .badArgument, "a field of view of \(fieldOfView)° is out of range", remedy: "give 20 to 60 degrees")
        }
        try anatomy.check()
        try vessels.check()
        try fundus.check()
        try lesions.check()
        try camera.check()
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        try check()
        let eye = anatomy.drawn(&draws, reach: reach)
        let trees = vessels.grown(in: eye, &draws)
        let spots = lesions.drawn(in: eye, &draws)
        // Drawn whatever is wanted, so that the record is the same.
        let colors = fundus.drawn(&draws), light = camera.drawn(&draws)
        let raster = VesselRaster(trees, size: size, spacing: spacing, pool: pool)
        let grid = RetinaGrid(size: size, spacing: spacing, reach: reach)
        var values: [String: PhantomValue] = [:]
        let geometry = try self.geometry
        func labels(_ values: [Int32], _ table: [Int32: LabelClass]) throws -> PhantomValue {
            .labels(try LabelMap(geometry: geometry, labels: AlignedBuffer(values), table: table))
        }
        if !wanted.isDisjoint(with: ["image", "clean"]) {
            let scene = grid.painted(eye, colors, spots, raster, light, draws, pool)
            let clean = light.blurred(scene, size, pool)
            if wanted.contains("image") {
                let noisy = light.noisy(clean, size, draws, pool)
                values["image"] = .image(
                    try Image(geometry: geometry, colorModel: .rgb, pixels: AlignedBuffer(noisy)))
            }
            if wanted.contains("clean") {
                let rounded = clean.map { min(max($0, 0), 255).rounded() }
                values["clean"] = .image(
                    try Image(geometry: geometry, colorModel: .rgb, pixels: AlignedBuffer(rounded)))
            }
        }
        let background = LabelClass(name: "background", color: [0, 0, 0])
        if wanted.contains("label") {
            values["label"] = try labels(
                grid.masked { raster.kind(at: $0) == 0 ? 0 : 1 },
                [0: background, 1: LabelClass(name: "vessel", color: [255, 255, 255])])
        }
        if wanted.contains("vessels") {
            values["vessels"] = try labels(
                grid.masked { raster.kind(at: $0) },
                [
                    0: background, 1: LabelClass(name: "artery", color: [230, 60, 50]),
                    2: LabelClass(name: "vein", color: [60, 90, 230]),
                ])
        }
        if wanted.contains("disc") {
            values["disc"] = try labels(
                grid.masked { x, y in eye.disc(x, y) >= 1 ? 0 : eye.cup(x, y) < 1 ? 2 : 1 },
                [
                    0: background, 1: LabelClass(name: "disc rim", color: [240, 170, 80]),
                    2: LabelClass(name: "cup", color: [255, 240, 190]),
                ])
        }
        if wanted.contains("lesions") {
            values["lesions"] = try labels(
                grid.masked(spots),
                [
                    0: background, 1: LabelClass(name: "microaneurysm", color: [200, 40, 40]),
                    2: LabelClass(name: "exudate", color: [250, 230, 90]),
                ])
        }
        if wanted.contains("fov") {
            values["fov"] = try labels(
                grid.masked { _ in 1 },
                [
                    0: LabelClass(name: "outside", color: [0, 0, 0]),
                    1: LabelClass(name: "field of view", color: [255, 255, 255]),
                ])
        }
        return values
    }
}
