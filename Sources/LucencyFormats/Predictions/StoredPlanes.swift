import LucencyFoundation
import LucencyImaging

/// The numbers of a file before anyone knows which axis counts classes.
struct StoredPlanes {
    /// In C order.
    let values: AlignedBuffer<Float>
    /// Extents, slowest first.
    let shape: [Int]
    /// The stored type, such as `uint8` or `float32`.
    let type: String
    /// Half the distance between neighbouring probabilities that the type can tell apart; 0 where that is beyond float32.
    let halfStep: Float

    /// Reads an image (channels and planes are axes) or a NumPy array. Integers of 8 and 16 bits are shares of their
    /// largest value.
    /// - Parameter array: the name of the array in an NPZ; nil takes the only one, or one that is called as probabilities
    ///   usually are.
    static func read(_ path: String, array: String?, limits: ReadLimits) throws -> StoredPlanes {
        if NumPyFile.fileExtensions.contains(ImageFormats.fileExtension(of: path)) {
            return try numPy(path, array: array, limits: limits)
        }
        let image = try ImageFormats.reader(for: path).readImage(path, pages: .automatic, region: nil, limits: limits)
        let shape = [image.channels, image.size.z, image.size.y, image.size.x]
        let stored = image.origin?.stored ?? .float32
        switch stored.kind {
        case .float:
            return StoredPlanes(
                values: image.pixels, shape: shape, type: stored.description,
                halfStep: stored.bits == 16 ? halfOfHalf : 0)
        case .unsigned where stored.bits <= 16:
            let top = Float((1 << stored.bits) - 1)
            return StoredPlanes(
                values: divided(image.pixels, by: top), shape: shape, type: stored.description, halfStep: 0.5 / top)
        default: throw notProbabilities(stored.description).located(in: path)
        }
    }

    private static func numPy(_ path: String, array name: String?, limits: ReadLimits) throws(Diagnostic)
        -> StoredPlanes
    {
        let file = try NumPyFile(path, limits: limits)
        let array = try file.array(try Self.choice(of: name, among: file.names, in: path))
        let type = array.type.description
        switch (array.type.kind, array.type.bytes) {
        case (.float, let bytes):
            return StoredPlanes(
                values: array.floats(), shape: array.shape, type: type, halfStep: bytes == 2 ? halfOfHalf : 0)
        case (.unsigned, 1), (.unsigned, 2):
            let top = Float((1 << (8 * array.type.bytes)) - 1)
            return StoredPlanes(
                values: divided(array.floats(), by: top), shape: array.shape, type: type, halfStep: 0.5 / top)
        case (.bool, _): return StoredPlanes(values: array.floats(), shape: array.shape, type: type, halfStep: 0)
        default: throw notProbabilities(type).located(in: path)
        }
    }

    /// Half a step of half-precision numbers just below 1.
    private static let halfOfHalf: Float = 0x1p-12

    private static let usualNames = [
        "probabilities", "probability", "probs", "softmax", "pred", "prediction", "predictions",
    ]

    private static func choice(of name: String?, among names: [String], in path: String) throws(Diagnostic) -> String {
        if let name, names != [""] { return name }
        if names.count == 1 { return names[0] }
        let usual = names.filter { usualNames.contains($0.lowercased()) }
        guard usual.count == 1 else {
            throw Diagnostic(
                .badArgument,
                "the archive has \(names.count) arrays, and none is plainly the probabilities: "
                    + names.prefix(8).joined(separator: ", "), at: .init(file: path), remedy: "name it: `--array NAME`")
        }
        return usual[0]
    }

    private static func divided(_ values: AlignedBuffer<Float>, by top: Float) -> AlignedBuffer<Float> {
        values.withUnsafeBufferPointer { values in
            AlignedBuffer(count: values.count) { out in
                for index in 0..<values.count { out[index] = values[index] / top }
            }
        }
    }

    private static func notProbabilities(_ type: String) -> Diagnostic {
        Diagnostic(
            .unsupportedFeature, "numbers of type \(type) are no probabilities",
            remedy: "store them as float32 or float16, or as uint8 or uint16 over the full range")
    }
}
