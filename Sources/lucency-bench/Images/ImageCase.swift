import Foundation
import Lucency

/// An operation on images that peers do too.
struct ImageCase {
    let name: String
    /// Modules in Python that are asked one by one.
    let peers: [String]
    /// What the peers' script is told: `op`, `file` and what else the operation takes.
    let request: JSONValue
    /// How far the two sides' checks may lie apart, relative to their size; nil where they cannot be compared.
    let tolerance: Double?
    /// Makes our side ready on some threads; what it returns is timed, and gives a number by which the two sides' results
    /// are compared.
    let prepare: (ThreadPool) throws -> () throws -> Double

    init(
        _ name: String, peers: [String], request: JSONValue, tolerance: Double? = 1e-6,
        prepare: @escaping (ThreadPool) throws -> () throws -> Double
    ) {
        self.name = name
        self.peers = peers
        self.request = request
        self.tolerance = tolerance
        self.prepare = prepare
    }
}

/// What is worked on: made by code, the same everywhere.
enum ImageMaterial {
    /// A gray micrograph of whole numbers 0...255, with grain: smooth shapes alone would flatter run lengths.
    static func micrograph(_ size: GridSize) throws -> Image {
        var random = PhiloxStream(seed: 1)
        let noise = AlignedBuffer<Float>((0..<size.count).map { _ in Float(random.normal()) })
        let image = try Image(geometry: Geometry(size: size), pixels: noise)
        let smooth = try FrequencyFilter(.lowPass(.pixels(24)), border: .periodic)(image)
        let deviation = smooth.pixels.withUnsafeBufferPointer { pixels in
            (pixels.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(pixels.count)).squareRoot()
        }
        return try image.mapping { index, _ in
            let value = 128 + 40 * smooth.pixels[index] / Float(deviation) + 3 * noise[index]
            return min(255, max(0, value.rounded()))
        }
    }

    /// The micrograph in 16 bits, with grain in the low ones.
    static func deep(_ micrograph: Image) throws -> Image {
        var random = PhiloxStream(seed: 2)
        return try micrograph.mapping { _, value in value * 200 + Float(random.int(in: 0...127)) }
    }

    /// The micrograph and two darker copies of it as colours.
    static func colored(_ micrograph: Image) throws -> Image {
        let count = micrograph.size.count
        let pixels = AlignedBuffer<Float>(
            (0..<3 * count).map { index in
                (micrograph.pixels[index % count] * Float(4 - index / count) / 4).rounded()
            })
        return try Image(geometry: micrograph.geometry, colorModel: .rgb, pixels: pixels)
    }

    /// Objects: what is bright in the smoothed micrograph.
    static func objects(_ micrograph: Image) throws -> LabelMap {
        try Threshold(.otsu)(try FrequencyFilter(.lowPass(.pixels(8)))(micrograph))
    }
}

extension Image {
    fileprivate func mapping(_ value: (Int, Float) -> Float) throws -> Image {
        try Image(
            geometry: geometry, colorModel: colorModel,
            pixels: AlignedBuffer(pixels.array.enumerated().map { value($0, $1) }))
    }
}

extension AlignedBuffer where Element: BinaryFloatingPoint {
    /// The sum in double precision.
    var total: Double { withUnsafeBufferPointer { $0.reduce(0) { $0 + Double($1) } } }
}

extension AlignedBuffer where Element: BinaryInteger {
    var total: Double { withUnsafeBufferPointer { $0.reduce(0) { $0 + Double($1) } } }
}
