import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Objects that the annotator overlooked: connected objects become background, each with the same probability.
public struct MissingObjects: LabelCorruptionStep, Hashable {
    public var probability: Double
    /// The classes concerned; empty: all.
    public var classes: [Int]
    /// Which pixels of an object hang together.
    public var connectivity: Connectivity

    public init(probability: Double = 0.2, classes: [Int] = [], connectivity: Connectivity = .full) {
        self.probability = probability
        self.classes = classes
        self.connectivity = connectivity
    }

    public var namedClasses: [Int] { classes }

    public func check() throws {
        try requireProbability(probability, "probability")
        try requireClasses(classes, "classes")
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let objects = try ComponentRuns(labels, .labels, connectivity)
        let concerned = Set(labels.classes(classes))
        // One draw per object, whatever its class, so that the choice of classes does not change which are missing.
        let isMissing = objects.values.map { random.uniform() < probability && concerned.contains($0) }
        var result = labels.labels
        result.withUnsafeMutableBufferPointer { result in
            for (run, component) in zip(objects.runs, objects.components) where isMissing[Int(component) - 1] {
                result[run.start..<run.end].update(repeating: 0)
            }
        }
        return try labels.replaced(by: result)
    }
}
