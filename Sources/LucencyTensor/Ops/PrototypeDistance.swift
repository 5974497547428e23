import LucencyFoundation

/// The mean absolute difference between the vector of each site and each of its image's prototypes.
///
/// Inputs: features N, D, space; prototypes N, K, D. Result: N, K, space.
struct PrototypeDistance: Operation {
    var name: String { "prototype-distance" }
    var addsGradients: Bool { true }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }

    /// Sites of a task.
    private static let piece = 1024

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], prototypes = inputs[1]
        guard x.rank >= 2, prototypes.rank == 3, prototypes.images == x.images, prototypes[2] == x.channels else {
            throw mismatch("needs features N, D, space and prototypes N, K, D", x, prototypes)
        }
        return [try x.with(channels: prototypes[1])]
    }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        2 * outputs[0].count * inputs[0].channels
    }

    func forward(_ context: OperationContext) {
        let shape = context.inputShapes[0], width = shape.channels, sites = shape.pixels
        let classes = context.inputShapes[1].channels, share = 1 / Float(width)
        let x = SharedPointer(context.inputs[0]), prototypes = SharedPointer(context.inputs[1])
        let y = SharedPointer(context.outputs[0])
        let pieces = (sites + Self.piece - 1) / Self.piece
        context.parallel(shape.images * pieces) { task in
            let image = task / pieces, first = task % pieces * Self.piece, count = min(Self.piece, sites - first)
            for number in 0..<classes {
                let prototype = prototypes + (image &* classes &+ number) &* width
                let sum = y + ((image &* classes &+ number) &* sites &+ first)
                sum.update(repeating: 0, count: count)
                for channel in 0..<width {
                    let row = x + ((image &* width &+ channel) &* sites &+ first), value = prototype[channel]
                    for site in 0..<count { sum[site] += abs(row[site] - value) }
                }
                for site in 0..<count { sum[site] *= share }
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let shape = context.inputShapes[0], width = shape.channels, sites = shape.pixels
        let classes = context.inputShapes[1].channels, share = 1 / Float(width)
        let x = SharedPointer(context.inputs[0]), prototypes = SharedPointer(context.inputs[1])
        let dy = SharedPointer(gradient), accumulates = context.accumulates
        let dx = context.inputGradients[0].map { SharedPointer($0) }
        let dPrototypes = context.inputGradients[1].map { SharedPointer($0) }
        context.parallel(shape.images * width) { task in
            let image = task / width, channel = task % width, row = x + task &* sites
            if let dx, !accumulates[0] { (dx + task &* sites).update(repeating: 0, count: sites) }
            for number in 0..<classes {
                let place = image &* classes &+ number, value = (prototypes + (place &* width &+ channel)).pointee
                let from = dy + place &* sites
                if let dx {
                    let target = dx + task &* sites
                    for site in 0..<sites { target[site] += share * from[site] * Self.sign(row[site] - value) }
                }
                if let dPrototypes {
                    var sum = 0.0
                    for site in 0..<sites { sum -= Double(from[site] * Self.sign(row[site] - value)) }
                    let target = dPrototypes + (place &* width &+ channel)
                    target.pointee = Float(sum) * share + (accumulates[1] ? target.pointee : 0)
                }
            }
        }
    }

    @inline(__always)
    private static func sign(_ difference: Float) -> Float { difference > 0 ? 1 : difference < 0 ? -1 : 0 }
}

extension Tape {
    /// The mean over channels of |x - m|, for each prototype m of the image; its slope is 0 where they are equal.
    /// - Parameters:
    ///   - features: x, N, D, space.
    ///   - prototypes: m, N, K, D.
    /// - Returns: N, K, space.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func prototypeDistance(_ features: Value, prototypes: Value) throws(Diagnostic) -> Value {
        try record(PrototypeDistance(), features, prototypes)
    }
}
