/// What rays pass on their way through a patient, per pixel, in mm: soft tissue; lung, as if it had the table's density
/// everywhere; bone, as compact bone.
///
/// Spongy bone counts as compact bone for the part of its volume that is bone, and as soft tissue for the marrow.
public struct PathLengths: Sendable, Equatable {
    public let width: Int
    public let height: Int
    public var soft: [Float]
    public var lung: [Float]
    public var bone: [Float]

    /// - Parameters: planes in rows of `width` pixels, all of the same count.
    public init(width: Int, height: Int, soft: [Float], lung: [Float], bone: [Float]) {
        self.width = width
        self.height = height
        self.soft = soft
        self.lung = lung
        self.bone = bone
    }

    /// A slab of the same thickness everywhere.
    public init(width: Int, height: Int, slabOfSoft soft: Float, lung: Float = 0, bone: Float = 0) {
        func plane(_ value: Float) -> [Float] { Array(repeating: value, count: width * height) }
        self.init(width: width, height: height, soft: plane(soft), lung: plane(lung), bone: plane(bone))
    }

    /// The same patient with soft tissue in place of bone.
    public var withoutBone: PathLengths {
        var other = self
        for i in bone.indices { other.soft[i] += bone[i] }
        other.bone = Array(repeating: 0, count: bone.count)
        return other
    }

    /// Means over blocks of `factor` × `factor` pixels.
    func reduced(by factor: Int, scale: Float) -> PathLengths {
        PathLengths(
            width: width / factor, height: height / factor,
            soft: blockMeans(soft, width: width, factor: factor, scale: scale),
            lung: blockMeans(lung, width: width, factor: factor, scale: scale),
            bone: blockMeans(bone, width: width, factor: factor, scale: scale))
    }
}

/// Means over blocks, times `scale`.
func blockMeans(_ plane: [Float], width: Int, factor: Int, scale: Float) -> [Float] {
    guard factor > 1 else { return scale == 1 ? plane : plane.map { $0 * scale } }
    let columns = width / factor, rows = width > 0 ? plane.count / width / factor : 0
    var result = [Float](repeating: 0, count: columns * rows)
    let weight = scale / Float(factor * factor)
    for row in 0..<rows * factor {
        let target = row / factor &* columns, source = row &* width
        for column in 0..<columns {
            var sum: Float = 0
            for k in 0..<factor { sum += plane[source &+ column &* factor &+ k] }
            result[target &+ column] += sum * weight
        }
    }
    return result
}
