import LucencyFoundation
import LucencyImaging

/// Connected components as runs of equal pixels along rows, joined by union–find.
///
/// Components are numbered from 1 in the order of their first pixel in memory (as `skimage.measure.label` and
/// `scipy.ndimage.label` do), because the root of a set is always its first run.
package struct ComponentRuns: Sendable {
    /// What counts as an object.
    package enum Objects: Sendable {
        /// Every label but 0; pixels of different labels never join.
        case labels
        /// Every label but 0, as if they were one.
        case foreground
        /// Label 0.
        case background
    }

    package struct Run: Sendable {
        /// Pixels `start..<end` in memory order, all within one row.
        package let start, end: Int
        /// The pixels' label; 1 for `.foreground` and `.background`.
        package let value: Int32
    }

    package let size: GridSize
    package let runs: [Run]
    /// The component of each run, from 1.
    package let components: [Int32]
    /// Pixels per component; index 0 is component 1.
    package let pixelCounts: [Int]
    /// The label of each component; index 0 is component 1.
    package let values: [Int32]

    package init(_ labels: LabelMap, _ objects: Objects, _ connectivity: Connectivity) throws(Diagnostic) {
        let size = labels.size
        let (runs, rows) = labels.labels.withUnsafeBufferPointer { labels in
            switch objects {
            case .labels: Self.runs(labels, size) { $0 }
            case .foreground: Self.runs(labels, size) { $0 == 0 ? 0 : 1 }
            case .background: Self.runs(labels, size) { $0 == 0 ? 1 : 0 }
            }
        }
        try self.init(size: size, runs: runs, rows: rows, connectivity)
    }

    package init(_ mask: Mask, _ connectivity: Connectivity) throws(Diagnostic) {
        let (runs, rows) = mask.bits.withUnsafeBufferPointer { Self.runs($0, mask.size) { Int32($0) } }
        try self.init(size: mask.size, runs: runs, rows: rows, connectivity)
    }

    private init(size: GridSize, runs: [Run], rows: [Int], _ connectivity: Connectivity) throws(Diagnostic) {
        var parents = Array(0..<runs.count)
        Self.join(runs, rows, size, connectivity, &parents)
        var components = [Int32](repeating: 0, count: runs.count)
        var pixelCounts: [Int] = [], values: [Int32] = []
        for index in 0..<runs.count {
            let root = Self.root(of: index, &parents)
            if root == index {
                guard values.count < Int(Int32.max) else {
                    throw Diagnostic(.tooLarge, "more than \(Int32.max) connected components")
                }
                values.append(runs[index].value)
                pixelCounts.append(0)
                components[index] = Int32(values.count)
            } else {
                components[index] = components[root]
            }
            pixelCounts[Int(components[index]) - 1] += runs[index].end - runs[index].start
        }
        self.size = size
        self.runs = runs
        self.components = components
        self.pixelCounts = pixelCounts
        self.values = values
    }

    /// Runs of equal non-zero values, and for each row the index of its first run (with one entry more at the end).
    private static func runs<Value: FixedWidthInteger & SIMDScalar & BitwiseCopyable>(
        _ pixels: UnsafeBufferPointer<Value>, _ size: GridSize, _ value: (Value) -> Int32
    ) -> ([Run], rows: [Int]) {
        var runs: [Run] = [], rows: [Int] = []
        rows.reserveCapacity(size.y * size.z + 1)
        let bytes = UnsafeRawBufferPointer(pixels)
        for row in 0..<size.y * size.z {
            rows.append(runs.count)
            var index = row &* size.x
            let end = index &+ size.x
            while index < end {
                let current = value(pixels[index]), start = index
                index &+= 1
                // Runs are long: eight pixels at a time while they are the same.
                let same = SIMD8<Value>(repeating: pixels[start])
                while index &+ 8 <= end,
                    bytes.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.stride, as: SIMD8<Value>.self)
                        == same
                { index &+= 8 }
                while index < end, value(pixels[index]) == current { index &+= 1 }
                if current != 0 { runs.append(Run(start: start, end: index, value: current)) }
            }
        }
        rows.append(runs.count)
        return (runs, rows)
    }

    /// Joins runs with those of the neighbouring rows that come before.
    private static func join(
        _ runs: [Run], _ rows: [Int], _ size: GridSize, _ connectivity: Connectivity, _ parents: inout [Int]
    ) {
        let margin = connectivity == .full ? 1 : 0
        func join(_ row: Int, with other: Int) {
            let shift = (row - other) * size.x, last = rows[other + 1]
            var first = rows[other]
            for index in rows[row]..<rows[row + 1] {
                let run = runs[index], low = run.start - shift - margin, high = run.end - shift + margin
                while first < last, runs[first].end <= low { first += 1 }
                var candidate = first
                while candidate < last, runs[candidate].start < high {
                    if runs[candidate].value == run.value { unite(index, candidate, &parents) }
                    candidate += 1
                }
            }
        }
        for z in 0..<size.z {
            for y in 0..<size.y {
                let row = z * size.y + y
                if y > 0 { join(row, with: row - 1) }
                guard z > 0 else { continue }
                for dy in -margin...margin where y + dy >= 0 && y + dy < size.y {
                    join(row, with: row - size.y + dy)
                }
            }
        }
    }

    private static func root(of index: Int, _ parents: inout [Int]) -> Int {
        var index = index
        while parents[index] != index {
            parents[index] = parents[parents[index]]
            index = parents[index]
        }
        return index
    }

    private static func unite(_ a: Int, _ b: Int, _ parents: inout [Int]) {
        let a = root(of: a, &parents), b = root(of: b, &parents)
        if a < b { parents[b] = a } else { parents[a] = b }
    }

    /// How many components there are.
    package var count: Int { values.count }

    /// A buffer with `number(component)` (from 1) on the components' pixels, and 0 elsewhere.
    package func painted(_ number: (Int32) -> Int32) -> AlignedBuffer<Int32> {
        AlignedBuffer(count: size.count) { out in
            out.initialize(repeating: 0)
            for (run, component) in zip(runs, components) {
                let label = number(component)
                guard label != 0 else { continue }
                for index in run.start..<run.end { out[index] = label }
            }
        }
    }

    /// Whether a run touches the grid's edge.
    package func touchesEdge(_ run: Run) -> Bool {
        let row = run.start / size.x, y = row % size.y, z = row / size.y
        return run.start % size.x == 0 || run.end % size.x == 0 || y == 0 || y == size.y - 1
            || (size.z > 1 && (z == 0 || z == size.z - 1))
    }
}
