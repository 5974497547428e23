/// How up to three arrays are read together in the row-major order of a common shape, some of them broadcast: dimensions
/// that all arrays run through alike are merged, so that rows are as long as can be.
struct StridedLoop: Sendable {
    /// Extents, outermost first; the last one is the row's. Never empty.
    private(set) var extents: [Int]
    /// For each array, the step in elements along each dimension; 0 where it is broadcast.
    private(set) var strides: [[Int]]

    /// - Parameters:
    ///   - shape: the common shape.
    ///   - arrays: their dimensions, aligned at the end; extents of 1 are repeated.
    init(_ shape: [Int], arrays: [[Int]]) {
        let steps = arrays.map { dimensions in
            var steps = [Int](repeating: 0, count: shape.count), step = 1
            for axis in dimensions.indices.reversed() {
                if dimensions[axis] > 1 { steps[axis + shape.count - dimensions.count] = step }
                step *= dimensions[axis]
            }
            return steps
        }
        self.init(extents: shape, steps: steps)
    }

    /// - Parameter steps: for each array, the step along each dimension.
    init(extents shape: [Int], steps: [[Int]]) {
        var extents: [Int] = [], strides: [[Int]] = steps.map { _ in [] }
        for axis in shape.indices where shape[axis] > 1 {
            let merges =
                !extents.isEmpty
                && steps.indices.allSatisfy { strides[$0][extents.count - 1] == steps[$0][axis] * shape[axis] }
            if merges {
                extents[extents.count - 1] *= shape[axis]
                for array in steps.indices { strides[array][extents.count - 1] = steps[array][axis] }
            } else {
                extents.append(shape[axis])
                for array in steps.indices { strides[array].append(steps[array][axis]) }
            }
        }
        if extents.isEmpty {
            extents = [1]
            strides = steps.map { _ in [0] }
        }
        self.extents = extents
        self.strides = strides
    }

    var count: Int { extents.reduce(1, *) }
    /// Elements of a row.
    var width: Int { extents[extents.count - 1] }
    /// Step of an array along a row.
    func step(_ array: Int) -> Int { strides[array][extents.count - 1] }

    /// Calls `body` for every row, or part of one, among `count` elements from `first` on: the position of its first element
    /// in the common shape, its offset in the first and second array, and its elements.
    func rows(
        from first: Int, count: Int, _ body: (_ position: Int, _ a: Int, _ b: Int, _ count: Int) -> Void
    ) {
        var position = first
        let end = first + count, width = width, last = extents.count - 1
        let second = strides.count > 1 ? 1 : 0
        while position < end {
            var row = position / width
            let column = position - row * width
            var a = column * strides[0][last], b = column * strides[second][last]
            for axis in stride(from: last - 1, through: 0, by: -1) {
                let index = row % extents[axis]
                row /= extents[axis]
                a += index * strides[0][axis]
                b += index * strides[second][axis]
            }
            let size = min(width - column, end - position)
            body(position, a, b, size)
            position += size
        }
    }
}

/// Sums over some dimensions of a row-major array, in float64 and in an order that follows from the shape alone.
struct AxisSum: Sendable {
    /// Kept and summed dimensions take turns: [kept][summed][kept]…, merged where neighbours are alike.
    private let kept: StridedLoop
    private let summed: StridedLoop
    /// Whether the fastest dimension is a summed one.
    private let sumsRows: Bool

    /// - Parameter isSummed: for each dimension.
    init(_ dimensions: [Int], isSummed: [Bool]) {
        var steps = [Int](repeating: 0, count: dimensions.count), step = 1
        for axis in dimensions.indices.reversed() {
            steps[axis] = step
            step *= dimensions[axis]
        }
        func loop(_ wanted: Bool) -> StridedLoop {
            let axes = dimensions.indices.filter { isSummed[$0] == wanted }
            return StridedLoop(extents: axes.map { dimensions[$0] }, steps: [axes.map { steps[$0] }])
        }
        kept = loop(false)
        summed = loop(true)
        sumsRows = dimensions.indices.last { dimensions[$0] > 1 }.map { isSummed[$0] } ?? true
    }

    /// Results.
    var count: Int { kept.count }
    /// Terms of each result.
    var terms: Int { summed.count }

    /// Results that one task works out where the fastest dimension is kept.
    private static let columns = 256
    /// Terms of a partial sum where there are few results.
    private static let partial = 1 << 14

    private var partials: Int { sumsRows ? (terms + Self.partial - 1) / Self.partial : 1 }

    /// Floats of working memory, shared and of each worker.
    var scratch: Int { partials > 1 ? 2 * count * partials : 0 }
    var workerScratch: Int { Self.width + 2 * Self.columns }
    /// The longest piece of a row for which terms are asked.
    private static let width = 2048

    /// - Parameters:
    ///   - terms: gives the address of `count` adjacent terms from an offset on; it may write them to the memory it is given.
    ///   - store: takes the sum of a result.
    func run(
        _ context: OperationContext, scratch: UnsafeMutablePointer<Float>,
        terms:
            @escaping @Sendable (_ offset: Int, _ count: Int, _ memory: UnsafeMutablePointer<Float>) ->
            UnsafePointer<Float>,
        store: @escaping @Sendable (_ index: Int, _ sum: Double) -> Void
    ) {
        if sumsRows {
            sumRows(context, scratch, terms, store)
        } else {
            sumColumns(context, terms, store)
        }
    }

    private func offset(_ index: Int) -> Int {
        var offset = 0
        kept.rows(from: index, count: 1) { _, a, _, _ in offset = a }
        return offset
    }

    private func sumRows(
        _ context: OperationContext, _ scratch: UnsafeMutablePointer<Float>,
        _ terms: @escaping @Sendable (Int, Int, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>,
        _ store: @escaping @Sendable (Int, Double) -> Void
    ) {
        let partials = partials, count = count
        let sums = SharedPointer(
            UnsafeMutableRawPointer(scratch).bindMemory(to: Double.self, capacity: partials * count))
        // Small results in groups, so that a task is worth its start.
        let group = partials > 1 ? 1 : max(1, Self.partial / max(1, self.terms))
        context.parallelWithScratch((count * partials + group - 1) / group) { task, memory in
            for item in task * group..<min(count * partials, (task + 1) * group) {
                let index = item / partials, first = item % partials * Self.partial
                let start = offset(index)
                var total = 0.0
                summed.rows(from: first, count: min(Self.partial, self.terms - first)) { _, a, _, size in
                    var done = 0
                    while done < size {
                        let part = min(Self.width, size - done)
                        total += sum(terms(start + a + done, part, memory), part)
                        done += part
                    }
                }
                if partials > 1 { (sums + item).pointee = total } else { store(index, total) }
            }
        }
        guard partials > 1 else { return }
        for index in 0..<count {
            var total = 0.0
            for part in 0..<partials { total += sums.pointer[index * partials + part] }
            store(index, total)
        }
    }

    private func sumColumns(
        _ context: OperationContext,
        _ terms: @escaping @Sendable (Int, Int, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>,
        _ store: @escaping @Sendable (Int, Double) -> Void
    ) {
        let width = kept.width, perRow = (width + Self.columns - 1) / Self.columns
        context.parallelWithScratch(count / width * perRow) { task, memory in
            let column = task % perRow * Self.columns, first = task / perRow * width + column
            let size = min(Self.columns, width - column), start = offset(first)
            let sums = UnsafeMutableRawPointer(memory + Self.width).bindMemory(to: Double.self, capacity: size)
            sums.update(repeating: 0, count: size)
            summed.rows(from: 0, count: self.terms) { _, a, _, count in
                for term in 0..<count {
                    let source = terms(start + a + term * summed.step(0), size, memory)
                    for index in 0..<size { sums[index] += Double(source[index]) }
                }
            }
            for index in 0..<size { store(first + index, sums[index]) }
        }
    }

    /// Four sums side by side, which the processor can add at the same time.
    private func sum(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
        var sums = SIMD4<Double>.zero
        let whole = count & ~3
        var index = 0
        while index < whole {
            sums += SIMD4(
                Double(values[index]), Double(values[index &+ 1]), Double(values[index &+ 2]),
                Double(values[index &+ 3]))
            index &+= 4
        }
        var total = (sums.x + sums.y) + (sums.z + sums.w)
        while index < count {
            total += Double(values[index])
            index &+= 1
        }
        return total
    }
}
