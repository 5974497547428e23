import LucencyFoundation
import LucencyImaging

/// Renders pictures like electron micrographs of nerve tissue, with the truth: cells with dark membranes of 6–10 px,
/// mitochondria, vesicles, cytoplasm, uneven illumination, blur and shot noise, at 4 nm per pixel.
///
/// A picture depends on the seed, its index and the settings alone, not on threads or on other pictures.
public struct Membranes: Sendable, Hashable {
    /// Pixels, 32...8192.
    public var width: Int
    public var height: Int
    /// Shot noise: the standard deviation as a multiple of the square root of the intensity, 0...10; 0 for none.
    public var noise: Interval
    /// The illumination's deviation from even, as a fraction of the intensity, 0...0.5.
    public var unevenness: Interval
    /// How large cells are, 0.5...3; at 1 the widest are about 120 px across.
    public var cellSize: Interval
    /// Typical thickness of membranes in pixels, 3...20.
    public var thickness: Interval

    /// The label of membranes and that of the inside of cells.
    public static let membraneLabel: Int32 = 1, cellLabel: Int32 = 0

    public init(
        width: Int = 512, height: Int = 512, noise: Interval = 1.5, unevenness: Interval = 0.09,
        cellSize: Interval = 1, thickness: Interval = 7.2
    ) {
        self.width = width
        self.height = height
        self.noise = noise
        self.unevenness = unevenness
        self.cellSize = cellSize
        self.thickness = thickness
    }
}

extension Membranes: Phantom {
    public var products: [PhantomProduct] {
        [
            PhantomProduct("image", .image(channels: 1, bits: 8), "The micrograph."),
            PhantomProduct("clean", .image(channels: 1, bits: 8), "The micrograph without noise."),
            PhantomProduct("label", .labels, "0 cell, 1 membrane."),
        ]
    }

    public var geometry: Geometry {
        get throws { try Geometry(size: GridSize(width, height), spacing: [4e-6, 4e-6, 4e-6], source: .stated(.nm)) }
    }

    public func scratchBytes(_ wanted: Set<String>) -> Int {
        bytes(ofNumbers: 8 * Double(width) * Double(height))
    }

    public func check() throws {
        guard 32...8192 ~= width, 32...8192 ~= height else {
            throw Diagnostic(
                .badArgument, "a phantom of \(width) × \(height) pixels is outside 32...8192",
                remedy: "give sides from 32 to 8192")
        }
        try requireInterval(noise, "noise", within: 0...10)
        try requireInterval(unevenness, "unevenness", within: 0...0.5)
        try requireInterval(cellSize, "cellSize", within: 0.5...3)
        try requireInterval(thickness, "thickness", within: 3...20)
    }

    public func render(
        _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
    ) throws -> [String: PhantomValue] {
        try check()
        let picture = MembranePicture(
            width: width, height: height, noise: draws.number("noise", in: noise),
            unevenness: draws.number("unevenness", in: unevenness),
            cellSize: draws.number("cellSize", in: cellSize), thickness: draws.number("thickness", in: thickness),
            seed: draws.seed, index: draws.index)
        let tissue = picture.tissue(pool: pool), geometry = try self.geometry
        var values: [String: PhantomValue] = [:]
        if wanted.contains("image") || wanted.contains("clean") {
            let lit = picture.lit(tissue.plane, pool: pool)
            for (name, isNoisy) in [("image", true), ("clean", false)] where wanted.contains(name) {
                let pixels = picture.exposed(lit, isNoisy: isNoisy, pool: pool)
                values[name] = .image(try Image(geometry: geometry, pixels: AlignedBuffer(pixels)))
            }
        }
        if wanted.contains("label") {
            values["label"] = .labels(
                try LabelMap(
                    geometry: geometry, labels: AlignedBuffer(tissue.mask),
                    table: [
                        Self.membraneLabel: LabelClass(name: "membrane", color: [255, 255, 255]),
                        Self.cellLabel: LabelClass(name: "cell", color: [0, 0, 0]),
                    ]))
        }
        return values
    }
}
