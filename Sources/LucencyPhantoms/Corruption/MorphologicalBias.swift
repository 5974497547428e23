import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// An annotator who always draws too generously, or too tightly: classes are dilated or eroded by a length.
///
/// Dilation claims background only; where several classes reach a pixel, the lowest takes it. Erosion leaves background.
/// Borders at the edge of the image stay where they are.
public struct MorphologicalBias: LabelCorruptionStep, Hashable {
    /// How far borders move: outwards where positive, inwards where negative.
    public var bias: Length
    /// Standard deviation of the bias between label maps, in the same unit.
    public var spread: Length
    /// The classes concerned; empty: all. For another bias per class use several steps.
    public var classes: [Int]

    public init(bias: Length = .pixels(2), spread: Length = .pixels(0), classes: [Int] = []) {
        self.bias = bias
        self.spread = spread
        self.classes = classes
    }

    public var namedClasses: [Int] { classes }

    public func check() throws {
        try requireClasses(classes, "classes")
        guard bias.value.isFinite else { throw Diagnostic(.badArgument, "a bias of \(bias) is not possible") }
        try requireLength(spread, "a spread")
        guard spread.value == 0 || spread.unit == bias.unit else {
            throw Diagnostic(
                .badArgument, "a bias of \(bias) with a spread of \(spread) mixes units",
                remedy: "give the spread in \(bias.unit.rawValue)")
        }
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let amount = bias.value + spread.value * random.normal()
        let element = try StructuringElement(.ball, radius: Length(abs(amount), bias.unit))
            .resolved(in: labels.geometry)
        let concerned = Set(labels.classes(classes)), grid = labels.size
        var result = labels.labels
        for (label, tight) in labels.boundingBoxes() where concerned.contains(label) {
            let margin = amount > 0 ? element.reach : (0, 0, 0)
            let box = tight.grown(by: (margin.0 + 1, margin.1 + 1, margin.2 + 1), within: grid)
            let before = Mask(labels, in: box) { $0 == label }
            let after = amount > 0 ? before.dilated(by: element, pool: pool) : before.eroded(by: element, pool: pool)
            result.withUnsafeMutableBufferPointer { result in
                after.bits.withUnsafeBufferPointer { after in
                    for index in 0..<after.count {
                        let x = index % box.size.x, y = index / box.size.x % box.size.y
                        let z = index / (box.size.x &* box.size.y)
                        let place = ((z &+ box.z) &* grid.y &+ y &+ box.y) &* grid.x &+ x &+ box.x
                        if after[index] != 0, result[place] == 0 { result[place] = label }
                        if after[index] == 0, result[place] == label { result[place] = 0 }
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }
}
