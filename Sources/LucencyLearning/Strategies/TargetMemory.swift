import LucencyFoundation
import LucencyImaging
import LucencyNetworks

/// What a network said of each case so far: in each cell of a grid over the case a moving average of its probabilities,
/// which begins with zeros. Kept as halves, in a file where there is a folder.
///
/// Half precision rounds an average by at most one part in 2000.
package final class TargetMemory {
    /// The cells of one case.
    private struct Grid {
        /// Of the case.
        let size: GridSize
        let cells: GridSize
        /// Its first number.
        let offset: Int
    }

    private let grids: [Grid]
    private let classes: Int
    /// Pixels of a cell along each axis; so many that there is one cell, where cases have one average each.
    private let every: Int
    private let momentum: Float
    private let memory: ScratchMemory
    private let numbers: UnsafeMutableBufferPointer<UInt16>

    /// Probabilities are held at least so far from 0 and 1, and made to sum to 1 again, before they are averaged.
    private static let margin: Float = 1e-4

    /// - Throws: `Diagnostic` when there is no room.
    package init(_ sizes: [GridSize], classes: Int, every: Int, momentum: Float, folder: String?) throws(Diagnostic) {
        var offset = 0
        grids = sizes.map { size in
            func cells(_ extent: Int) -> Int { (extent - 1) / every + 1 }
            let grid = Grid(
                size: size, cells: GridSize(cells(size.x), cells(size.y), cells(size.z)), offset: offset)
            offset += classes * grid.cells.count
            return grid
        }
        (self.classes, self.every, self.momentum) = (classes, every, momentum)
        memory = try ScratchMemory(byteCount: 2 * offset, folder: folder)
        numbers = memory.bytes.bindMemory(to: UInt16.self)
    }

    package var byteCount: Int { memory.bytes.count }

    /// The averages at pixels of a case: between the middles of cells linear, beyond the outermost ones constant.
    /// - Parameters:
    ///   - places: indices into the case; those below 0 get zeros.
    ///   - target: class × place.
    package func read(
        _ item: Int, at places: AlignedBuffer<Int32>, into target: UnsafeMutablePointer<Float>
    ) {
        let grid = grids[item], count = places.count, cells = grid.cells.count
        let base = numbers.baseAddress.map { $0 + grid.offset }
        guard let base else { return }
        places.withUnsafeBufferPointer { places in
            for index in places.indices {
                let place = Int(places[index])
                guard place >= 0 else {
                    for number in 0..<classes { target[number &* count &+ index] = 0 }
                    continue
                }
                guard every > 1 else {
                    for number in 0..<classes {
                        target[number &* count &+ index] = ElementType.float(half: base[number &* cells &+ place])
                    }
                    continue
                }
                let corners = corners(of: place, grid)
                for number in 0..<classes {
                    var sum: Float = 0
                    for corner in 0..<8 where corners.weights[corner] > 0 {
                        let value = base[number &* cells &+ corners.cells[corner]]
                        sum += corners.weights[corner] * ElementType.float(half: value)
                    }
                    target[number &* count &+ index] = sum
                }
            }
        }
    }

    /// The cells between whose middles a pixel lies, and their shares.
    private func corners(of place: Int, _ grid: Grid) -> (cells: SIMD8<Int>, weights: SIMD8<Float>) {
        let size = grid.size, cells = grid.cells
        func pair(_ pixel: Int, _ count: Int) -> (lower: Int, upper: Int, fraction: Float) {
            let middle = (Float(pixel) + 0.5) / Float(every) - 0.5
            let inside = min(max(middle, 0), Float(count - 1)), lower = Int(inside)
            return (lower, min(lower + 1, count - 1), inside - Float(lower))
        }
        let x = pair(place % size.x, cells.x), y = pair(place / size.x % size.y, cells.y)
        let z = pair(place / (size.x * size.y), cells.z)
        var indices = SIMD8<Int>(), weights = SIMD8<Float>()
        for corner in 0..<8 {
            let (right, below, behind) = (corner & 1 == 1, corner & 2 == 2, corner & 4 == 4)
            let row = (behind ? z.upper : z.lower) * cells.y + (below ? y.upper : y.lower)
            indices[corner] = row * cells.x + (right ? x.upper : x.lower)
            weights[corner] =
                (right ? x.fraction : 1 - x.fraction) * (below ? y.fraction : 1 - y.fraction)
                * (behind ? z.fraction : 1 - z.fraction)
        }
        return (indices, weights)
    }

    /// The cell in which a pixel lies.
    private func cell(of place: Int, _ grid: Grid) -> Int {
        guard every > 1 else { return place }
        let size = grid.size, cells = grid.cells
        let row = place / (size.x * size.y) / every * cells.y + place / size.x % size.y / every
        return row * cells.x + place % size.x / every
    }

    /// t ← β t + (1 - β) p in the cells that are seen; p is the mean over a cell's pixels.
    /// - Parameters:
    ///   - places: indices into the case; those below 0 are left out.
    ///   - probabilities: class × place.
    package func update(
        _ item: Int, at places: AlignedBuffer<Int32>, with probabilities: UnsafePointer<Float>
    ) {
        let grid = grids[item], count = places.count, cells = grid.cells.count
        guard let base = numbers.baseAddress.map({ $0 + grid.offset }) else { return }
        places.withUnsafeBufferPointer { places in
            guard every > 1 else {
                withUnsafeTemporaryAllocation(of: Float.self, capacity: classes) { values in
                    for index in places.indices where places[index] >= 0 {
                        for number in 0..<classes { values[number] = probabilities[number &* count &+ index] }
                        blend(values, into: base + Int(places[index]), stride: cells)
                    }
                }
                return
            }
            // Sums of the cells that are seen, class by class, and behind them how many pixels that are.
            var sums = AlignedBuffer<Float>(repeating: 0, count: (classes + 1) * cells)
            sums.withUnsafeMutableBufferPointer { sums in
                for index in places.indices where places[index] >= 0 {
                    let cell = cell(of: Int(places[index]), grid)
                    for number in 0..<classes {
                        sums[number &* cells &+ cell] += probabilities[number &* count &+ index]
                    }
                    sums[classes &* cells &+ cell] += 1
                }
                withUnsafeTemporaryAllocation(of: Float.self, capacity: classes) { values in
                    for cell in 0..<cells where sums[classes &* cells &+ cell] > 0 {
                        let share = 1 / sums[classes &* cells &+ cell]
                        for number in 0..<classes { values[number] = share * sums[number &* cells &+ cell] }
                        blend(values, into: base + cell, stride: cells)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func blend(
        _ values: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutablePointer<UInt16>, stride: Int
    ) {
        var total: Float = 0
        for number in 0..<classes {
            values[number] = min(max(values[number], Self.margin), 1 - Self.margin)
            total += values[number]
        }
        let share = (1 - momentum) / total
        for number in 0..<classes {
            let place = target + number &* stride
            place.pointee = ElementType.half(
                momentum * ElementType.float(half: place.pointee) + share * values[number])
        }
    }

    /// Pixels of a case whose label is not the class that the network named most, and how sure of that it was.
    package struct Suspects: Hashable, Sendable {
        /// By the label that they have.
        package var pixels: [Int]
        /// Σ of the largest averages.
        package var confidence = 0.0
        /// Pixels that were looked at.
        package var seen = 0

        package var count: Int { pixels.reduce(0, +) }
    }

    /// - Parameter labels: of the case; numbers that are no class are left out, as are pixels that were never seen.
    package func suspects(_ item: Int, labels: AlignedBuffer<Int32>) -> Suspects {
        let grid = grids[item], cells = grid.cells.count
        var found = Suspects(pixels: Array(repeating: 0, count: classes))
        labels.withUnsafeBufferPointer { labels in
            for place in labels.indices where labels[place] >= 0 && labels[place] < classes {
                let cell = grid.offset + cell(of: place, grid)
                // Halves that are not negative stand in the order of their bits.
                var best = 0, largest = numbers[cell]
                for number in 1..<classes where numbers[cell &+ number &* cells] > largest {
                    (best, largest) = (number, numbers[cell &+ number &* cells])
                }
                guard largest > 0 else { continue }
                found.seen += 1
                guard best != Int(labels[place]) else { continue }
                found.pixels[Int(labels[place])] += 1
                found.confidence += Double(ElementType.float(half: largest))
            }
        }
        return found
    }

    /// Writes the averages as a file of little-endian halves: case, class, z, y, x.
    package func write(to path: String) throws(Diagnostic) { try memory.write(to: path) }

    /// Takes over what `write` wrote.
    /// - Throws: `Diagnostic` when it was of other cases.
    package func read(from path: String) throws(Diagnostic) { try memory.read(path) }
}
