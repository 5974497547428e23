import LucencyFoundation
import LucencyImaging

// Operations on whole objects and holes, by connected components.

extension Morphology {
    /// Keeps the components that `isKept` (index from 0) accepts.
    static func filtered(_ labels: LabelMap, _ found: ComponentRuns, _ isKept: (Int) -> Bool) -> AlignedBuffer<Int32> {
        found.painted { isKept(Int($0) - 1) ? found.values[Int($0) - 1] : 0 }
    }

    static func withoutSmallObjects(
        _ labels: LabelMap, minimum: ObjectSize, connectivity: Connectivity
    ) throws(Diagnostic) -> AlignedBuffer<Int32> {
        let minimum = try minimum.pixels(of: labels.geometry)
        let found = try ComponentRuns(labels, .labels, connectivity)
        return filtered(labels, found) { Double(found.pixelCounts[$0]) >= minimum }
    }

    static func largestComponents(
        _ labels: LabelMap, connectivity: Connectivity
    ) throws(Diagnostic) -> AlignedBuffer<Int32> {
        let found = try ComponentRuns(labels, .labels, connectivity)
        var largest: [Int32: Int] = [:]
        for index in 0..<found.count {
            if let best = largest[found.values[index]], found.pixelCounts[best] >= found.pixelCounts[index] { continue }
            largest[found.values[index]] = index
        }
        return filtered(labels, found) { largest[found.values[$0]] == $0 }
    }

    /// Fills enclosed components of label 0 with fewer than `limit` pixels (all of them when nil).
    static func withoutHoles(
        _ labels: LabelMap, smallerThan limit: Double?, connectivity: Connectivity
    ) throws(Diagnostic) -> AlignedBuffer<Int32> {
        let found = try ComponentRuns(labels, .background, connectivity.dual)
        let limit = limit ?? .infinity
        var isHole = found.pixelCounts.map { Double($0) < limit }
        for (run, component) in zip(found.runs, found.components) where found.touchesEdge(run) {
            isHole[Int(component) - 1] = false
        }
        // Faces shared with each label, per hole.
        var contacts: [Int: [Int32: Int]] = [:]
        let size = labels.size
        labels.labels.withUnsafeBufferPointer { labels in
            for (run, component) in zip(found.runs, found.components) where isHole[Int(component) - 1] {
                var faces = contacts[Int(component) - 1] ?? [:]
                func meet(_ index: Int) { if labels[index] != 0 { faces[labels[index], default: 0] += 1 } }
                // A hole touches no edge, so every neighbour exists.
                meet(run.start - 1)
                meet(run.end)
                for index in run.start..<run.end {
                    meet(index - size.x)
                    meet(index + size.x)
                    guard size.z > 1 else { continue }
                    meet(index - size.x * size.y)
                    meet(index + size.x * size.y)
                }
                contacts[Int(component) - 1] = faces
            }
        }
        let fills = contacts.mapValues { faces in
            faces.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key ?? 0
        }
        var filled = labels.labels
        filled.withUnsafeMutableBufferPointer { out in
            for (run, component) in zip(found.runs, found.components) {
                guard let label = fills[Int(component) - 1] else { continue }
                for index in run.start..<run.end { out[index] = label }
            }
        }
        return filled
    }
}
