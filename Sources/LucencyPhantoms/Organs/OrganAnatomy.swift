import LucencyFoundation
import LucencyImaging

/// One patient's anatomy, with everything drawn: structures from the back to the front, as functions of the place.
struct OrganAnatomy: Sendable {
    struct Structure: Sendable {
        let name: String
        /// 0 for what annotators do not mark.
        let label: Int32
        let intensity: Double
        let texture: Double
        let softness: Double
        let blend: Double
        let parts: [Superellipsoid]
        let amplitude: Double
        let deformation: LatticeField?
    }

    let structures: [Structure]
    let texture: LatticeField
    private let warp: [LatticeField]
    private let warpAmplitude: Double
    let grid: OrganGrid

    /// Where deformations are cut off, standard deviations.
    private static let limit = 3.0

    init(_ organs: Organs, grid: OrganGrid, draws: inout PhantomDraws) {
        self.grid = grid
        let bounds = grid.bounds(thickness: organs.thickness)
        func field(_ name: String, _ scale: Double) -> LatticeField {
            LatticeField(spacing: scale, from: bounds.lower, to: bounds.upper, random: draws.stream(name))
        }
        warpAmplitude = organs.warp.amplitude
        warp = warpAmplitude > 0 ? ["x", "y", "z"].map { field("warp.\($0)", organs.warp.scale) } : []
        texture = field("texture", organs.textureScale)
        let build = SIMD3(
            draws.number("build.breadth", in: organs.build.breadth),
            draws.number("build.depth", in: organs.build.depth),
            draws.number("build.height", in: organs.build.height))
        var structures: [Structure] = [], label: Int32 = 0
        for organ in organs.organs {
            if organ.isLabelled { label += 1 }
            let spread = organ.isLabelled ? organs.annotators.spread(of: organ.name) : 0
            let bias = organ.isLabelled ? max(0, organs.annotators.border(of: organ.name).bias) : 0
            let border = 5 * OrganAnatomy.borderWidth(softness: organ.softness, spacing: grid.spacing.x)
            let margin =
                Self.limit * (warpAmplitude * 3.0.squareRoot() + organ.deformation.amplitude) + organ.blend
                + max(border, bias + Annotators.reach * spread)
            var parts: [Superellipsoid] = []
            for (number, part) in organ.parts.enumerated() {
                let name = "\(organ.name).\(number + 1)"
                let isOne = part.count == 1
                let count = isOne ? 1 : draws.count("\(name).count", in: part.count)
                for copy in 0..<count {
                    parts.append(
                        Superellipsoid(
                            part, build: build, margin: margin, name: isOne ? name : "\(name).\(copy + 1)",
                            draws: &draws))
                }
            }
            let isCT = if case .ct = organs.modality { true } else { false }
            let amplitude = organ.deformation.amplitude
            structures.append(
                Structure(
                    name: organ.name, label: organ.isLabelled ? label : 0,
                    intensity: draws.number("\(organ.name).intensity", in: isCT ? organ.ct : organ.mr),
                    texture: isCT ? organ.ctTexture : organ.mrTexture, softness: organ.softness, blend: organ.blend,
                    parts: parts, amplitude: amplitude,
                    deformation: amplitude > 0
                        ? field("\(organ.name).deformation", organ.deformation.scale) : nil))
        }
        self.structures = structures
    }

    /// The standard deviation of a border's profile: its own softness and the pixel's width, whose box has the variance
    /// width²/12.
    static func borderWidth(softness: Double, spacing: Double) -> Double {
        (softness * softness + spacing * spacing / 12).squareRoot()
    }

    /// How far a row of pixels is displaced: three rows of `grid.size.x` values, in mm.
    func displacements(y: Double, z: Double, into rows: UnsafeMutablePointer<Float>) {
        let width = grid.size.x, limit = Float(Self.limit)
        guard !warp.isEmpty else {
            rows.update(repeating: 0, count: 3 * width)
            return
        }
        for axis in 0..<3 {
            let row = rows + axis * width
            warp[axis].row(x: grid.x(0), step: grid.spacing.x, count: width, y: y, z: z, into: row)
            for i in 0..<width { row[i] = min(max(row[i], -limit), limit) * Float(warpAmplitude) }
        }
    }

    /// A structure's distances (mm, negative inside) along a row.
    /// - Parameters:
    ///   - displacements: of that row.
    ///   - scratch: room for a row.
    ///   - out: a row; only what is in the returned range is written.
    /// - Returns: the columns that the structure can reach.
    func distances(
        _ structure: Structure, y: Double, z: Double, displacements: UnsafePointer<Float>,
        scratch: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
    ) -> Range<Int> {
        var range = 0..<0
        for part in structure.parts where part.reaches(y: y, z: z) {
            let columns = grid.columns(from: part.lower.x, to: part.upper.x)
            guard !columns.isEmpty else { continue }
            range =
                range.isEmpty
                ? columns : min(range.lowerBound, columns.lowerBound)..<max(range.upperBound, columns.upperBound)
        }
        guard !range.isEmpty else { return range }
        for column in range { out[column] = .infinity }
        let width = grid.size.x
        let isOne = structure.parts.count == 1, blend = structure.blend
        for part in structure.parts where part.reaches(y: y, z: z) {
            for column in grid.columns(from: part.lower.x, to: part.upper.x) {
                let place = SIMD3(
                    grid.x(column) + Double(displacements[column]), y + Double(displacements[column &+ width]),
                    z + Double(displacements[column &+ 2 &* width]))
                let distance = part.distance(place)
                if isOne {
                    out[column] = Float(distance)
                } else {
                    // The smooth minimum of a and b: min − (k − |a − b|)²/4k where they are nearer than k.
                    let other = Double(out[column]), overlap = max(0, blend - abs(other - distance))
                    let dip = overlap > 0 ? overlap * overlap / (4 * blend) : 0
                    out[column] = Float(min(other, distance) - dip)
                }
            }
        }
        if let field = structure.deformation {
            field.row(
                x: grid.x(range.lowerBound), step: grid.spacing.x, count: range.count, y: y, z: z, into: scratch)
            let limit = Float(Self.limit), amplitude = Float(structure.amplitude)
            for (i, column) in range.enumerated() {
                out[column] += min(max(scratch[i], -limit), limit) * amplitude
            }
        }
        return range
    }
}
