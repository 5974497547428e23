import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyTensor

/// The boundary loss: the mean over pixels and classes of p φ, where φ is the signed distance to the boundary of the class
/// in the label map, positive outside. Probability far from its class costs most.
///
/// H. Kervadec et al., "Boundary loss for highly unbalanced segmentation", MIDL 2019, equation 5. As in the authors' program,
/// φ is the distance to the nearest pixel of the class outside, and one pixel less than the distance to the nearest pixel
/// of another class inside, so that the outermost pixels of the class have 0; it is 0 for a class without a boundary. In a
/// metric unit one pixel stands for the smallest spacing [ours; there 1].
public struct BoundaryTerm: ObjectiveTerm {
    public static let name = "boundary"
    public static let goesWithoutTarget = true

    /// The paper begins with 0.01 and adds as much after every epoch; here the weight is constant.
    public var weight = 0.01
    /// Whether class 0 counts. The paper has the foreground only.
    public var includesBackground = false
    /// Of distances: pixels, or a metric unit, for which the label map must state its spacing.
    public var unit = LengthUnit.px

    public init() {}
    public init(weight: Double, includesBackground: Bool = false, unit: LengthUnit = .px) {
        self.weight = weight
        self.includesBackground = includesBackground
        self.unit = unit
    }

    public func problems(classes: Int?) -> [Diagnostic] { [] }

    private static let distances = "boundary.distances"
    public var additionalInputs: [String] { [Self.distances] }

    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        var spacing: SIMD3<Double> = [1, 1, 1]
        if let scale = unit.millimetres {
            try labels.geometry.requireStatedSpacing(for: "a distance in \(unit.rawValue)")
            spacing = labels.geometry.spacing / scale
        }
        let size = labels.size, whole = Region(x: 0, y: 0, z: 0, size: size)
        // Along an axis of one pixel there are no neighbours.
        let step = (0..<3).reduce(Double.infinity) { size[$1] > 1 ? min($0, spacing[$1]) : $0 }
        let present = Set(labels.presentLabels())
        return AlignedBuffer<Float>(count: classes * size.count) { out in
            out.initialize(repeating: 0)
            for number in (includesBackground ? 0 : 1)..<max(1, classes) {
                let label = Int32(clamping: number)
                // A class without pixels, or with all of them, has no boundary.
                guard present.contains(label), present.contains(where: { $0 >= 0 && $0 != label }) else { continue }
                let inside = Mask(labels, in: whole) { $0 == label }
                let outside = Mask(labels, in: whole) { $0 >= 0 && $0 != label }
                let toClass = DistanceTransform.squared(to: inside, spacing: spacing, pool: pool)
                let toOthers = DistanceTransform.squared(to: outside, spacing: spacing, pool: pool)
                let first = number * size.count
                labels.labels.withUnsafeBufferPointer { labels in
                    for index in labels.indices where labels[index] >= 0 {
                        out[first + index] =
                            labels[index] == label
                            ? Float(step - toOthers[index].squareRoot()) : Float(toClass[index].squareRoot())
                    }
                }
            }
        }
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        let cost = try tape.expectedCost(
            logits, costs: inputs.additional(Self.distances), labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
        let counted = logits.shape.channels - (includesBackground ? 0 : 1)
        return try tape.scale(cost, by: 1 / Float(max(1, counted)))
    }
}
