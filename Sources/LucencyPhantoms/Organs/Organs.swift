import LucencyFoundation
import LucencyImaging

/// Slices or volumes of an abdomen with many organs of low contrast and soft borders, as by computed tomography or
/// magnetic resonance; with labels by virtual annotators and the probability with which they give each label.
///
/// The anatomy is a stack of deformed superellipsoids in mm, so that fewer and larger pixels show the same patient.
/// x points to the patient's left, y to posterior, z to superior; a slice is seen from the feet.
public struct Organs: Hashable, Sendable {
    /// Pixels, 16...1024.
    public var width = 192
    public var height = 192
    /// Slices, 1...512.
    public var depth = 1
    /// Of pixels in the slice, mm, 0.2...20.
    public var spacing = 2.0
    /// From slice to slice, mm, 0.2...20.
    public var sliceSpacing = 5.0
    /// Thickness of a slice, mm, 0...20; 0 for an infinitely thin one.
    public var thickness = 5.0
    /// Where the middle slice lies, mm along z from the body's centre.
    public var level = Interval(-30, 30)
    /// How large the patient is.
    public var build = PatientBuild()
    /// Displacement of all places together.
    public var warp = OrganDeformation(amplitude: 3, scale: 60)
    /// The size of mottles in tissue, mm.
    public var textureScale = 5.0
    /// From the back to the front: later ones cover earlier ones.
    public var organs = Organ.abdomen
    /// Standard deviation of the scanner's blur in the slice, mm.
    public var blur = 1.0
    public var modality = OrganScanner.ct(CTScanner())
    public var annotators = Annotators()

    public init() {}

    /// The classes without background, in the order of their labels 1, 2, ….
    public var classes: [String] { organs.filter(\.isLabelled).map(\.name) }

    /// More nodes of a random field would take too much memory.
    private static let fieldLimit = 1 << 24

    public func check() throws {
        guard 16...1024 ~= width, 16...1024 ~= height, 1...512 ~= depth else {
            throw Diagnostic(
                .badArgument,
                "a phantom of \(width) × \(height) × \(depth) pixels is outside 16...1024 and 1...512 slices")
        }
        guard 0.2...20 ~= spacing, 0.2...20 ~= sliceSpacing, 0...20 ~= thickness, 0...20 ~= blur else {
            throw Diagnostic(
                .badArgument,
                "spacing \(spacing), sliceSpacing \(sliceSpacing), thickness \(thickness) or blur \(blur) mm is out of range",
                remedy: "spacings are 0.2...20 mm, thickness and blur 0...20 mm")
        }
        guard Self.isWithin(level, 5000), Self.isFactor(build.breadth), Self.isFactor(build.depth),
            Self.isFactor(build.height)
        else {
            throw Diagnostic(
                .badArgument, "level or build is out of range",
                remedy: "the level is -5000...5000 mm, the build's factors are 0.2...5")
        }
        guard !organs.isEmpty, organs.count <= 64 else {
            throw Diagnostic(.badArgument, "\(organs.count) organs are outside 1...64")
        }
        guard !classes.isEmpty else {
            throw Diagnostic(.badArgument, "no organ is labelled", remedy: "set `labelled: true` for one at least")
        }
        for (number, organ) in organs.enumerated() {
            try organ.check(isMR: isMR)
            if organs[..<number].contains(where: { $0.name == organ.name }) {
                throw Diagnostic(
                    .badArgument, "two organs are called '\(organ.name)'",
                    remedy: "give one organ several `parts` instead")
            }
        }
        try checkScanner()
        try annotators.check(organs: classes)
        try BufferLimit.require(
            GridSize(width, height, depth), planes: classes.count + 1, for: "a phantom's posterior")
        try checkFields()
    }

    private func checkScanner() throws {
        switch modality {
        case .ct(let scanner):
            guard 0...1000 ~= scanner.noise.lower, 0...1000 ~= scanner.noise.upper, 0.01...10 ~= scanner.cutoff else {
                throw Diagnostic(
                    .badArgument, "noise or cutoff of the scanner is out of range",
                    remedy: "noise is 0...1000 HU, cutoff 0.01...10 cycles per mm")
            }
            try TomographyNoise(sigma: scanner.noise.upper, cutoff: scanner.cutoff * spacing)
                .check(width: width, height: height)
        case .mr(let scanner):
            guard 0...10_000 ~= scanner.noise.lower, 0...10_000 ~= scanner.noise.upper, 0...3 ~= scanner.shading.lower,
                0...3 ~= scanner.shading.upper, 1...64 ~= scanner.coils.lower, 1...64 ~= scanner.coils.upper
            else {
                throw Diagnostic(
                    .badArgument, "noise, shading or coils of the scanner is out of range",
                    remedy: "noise is 0...10000, shading 0...3, coils 1...64")
            }
        }
    }

    /// Lattice points of all random fields that exist at a time.
    var fieldPoints: Double {
        let grid = OrganGrid(size: GridSize(width, height, depth), spacing: [spacing, spacing, sliceSpacing], level: 0)
        let bounds = grid.bounds(thickness: thickness)
        let scales =
            [textureScale] + Array(repeating: warp.scale, count: 3) + organs.map(\.deformation.scale)
            + Array(repeating: annotators.correlation, count: classes.count)
        return scales.reduce(0) { sum, scale in
            guard scale >= 1, scale.isFinite else { return sum }
            return sum + Double(LatticeField.count(spacing: scale, from: bounds.lower, to: bounds.upper))
        }
    }

    private func checkFields() throws {
        let scales = [textureScale, warp.scale, annotators.correlation] + organs.map(\.deformation.scale)
        guard scales.allSatisfy({ $0 >= 1 && $0.isFinite }), 0...50 ~= warp.amplitude else {
            throw Diagnostic(
                .badArgument, "a texture, warp or deformation has a scale below 1 mm or an amplitude outside 0...50 mm")
        }
        let grid = OrganGrid(size: GridSize(width, height, depth), spacing: [spacing, spacing, sliceSpacing], level: 0)
        let bounds = grid.bounds(thickness: thickness)
        for scale in scales {
            let count = LatticeField.count(spacing: scale, from: bounds.lower, to: bounds.upper)
            guard count <= Self.fieldLimit else {
                throw Diagnostic(
                    .badArgument, "a random field of scale \(scale) mm over this grid would have \(count) points",
                    remedy: "choose a larger scale or a smaller field of view")
            }
        }
    }

    var isMR: Bool { if case .mr = modality { true } else { false } }

    static func isFinite(_ interval: Interval) -> Bool {
        interval.lower.isFinite && interval.upper.isFinite && interval.lower <= interval.upper
    }

    static func isWithin(_ interval: Interval, _ limit: Double) -> Bool {
        isFinite(interval) && interval.lower >= -limit && interval.upper <= limit
    }

    private static func isFactor(_ interval: Interval) -> Bool {
        isFinite(interval) && interval.lower >= 0.2 && interval.upper <= 5
    }
}

extension Organ {
    func check(isMR: Bool) throws {
        guard !name.isEmpty, name != "background", name.allSatisfy({ $0.isLetter || $0.isNumber }) else {
            throw Diagnostic(
                .badArgument, "an organ cannot be called '\(name)'",
                remedy: "names are letters and digits; background is what no organ covers")
        }
        guard color.count == 3, color.allSatisfy({ 0...255 ~= $0 }) else {
            throw Diagnostic(
                .badArgument, "the color of '\(name)' is \(color)", remedy: "write [red, green, blue], each 0...255")
        }
        guard Organs.isFinite(ct), Organs.isFinite(mr), ct.lower >= -1024, ct.upper <= 60_000, mr.lower >= 0,
            mr.upper <= 60_000, 0...5000 ~= ctTexture, 0...5000 ~= mrTexture
        else {
            throw Diagnostic(
                .badArgument, "intensity or texture of '\(name)' is out of range",
                remedy: "ct is -1024...60000 HU, mr 0...60000, textures 0...5000")
        }
        guard 0...50 ~= softness, 0...50 ~= blend, 0...50 ~= deformation.amplitude else {
            throw Diagnostic(
                .badArgument, "softness, blend or deformation of '\(name)' is outside 0...50 mm")
        }
        guard 1...64 ~= parts.count else {
            throw Diagnostic(.badArgument, "'\(name)' has \(parts.count) parts; there are 1...64")
        }
        for part in parts {
            guard part.center.count == 3, part.center.allSatisfy({ Organs.isWithin($0, 5000) }), part.radii.count == 3,
                part.radii.allSatisfy({ Organs.isFinite($0) && $0.lower >= 0.5 && $0.upper <= 5000 }),
                Organs.isFinite(part.rotation), 1.2...8 ~= part.exponent, Organs.isFinite(part.count),
                0...100 ~= part.count.lower, part.count.upper <= 100
            else {
                throw Diagnostic(
                    .badArgument, "a part of '\(name)' is out of range",
                    remedy:
                        "center and radii are three numbers or ranges in mm (-5000...5000, radii 0.5...5000), the exponent is 1.2...8, the count 0...100"
                )
            }
        }
    }
}
