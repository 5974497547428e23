import LucencyFoundation
import LucencyImaging

/// Regional maxima by their dynamics: how far one must go down from a maximum to reach a higher one.
package enum Peaks {
    /// The peaks of an image's first channel, in memory order.
    package static func indices(of image: Image, above prominence: Double) -> [Int] {
        let values = image.withChannel(0) { AlignedBuffer($0) }
        return prominent(
            values, within: AlignedBuffer(repeating: 1, count: image.size.count), size: image.size, above: prominence
        ).sorted()
    }

    /// The first pixel of every maximum whose dynamics exceed `prominence`; the highest of each connected part always
    /// stays. Pixels are joined from the highest down, so each meeting of two parts is the pass between their peaks.
    static func prominent(
        _ values: AlignedBuffer<Float>, within isInside: AlignedBuffer<UInt8>, size: GridSize, above prominence: Double
    ) -> [Int] {
        let neighbours = Neighbourhood(size, .full)
        let order = (0..<size.count).filter { isInside[$0] != 0 }.sorted {
            values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
        }
        // The root of a part is its peak, which comes first in the order; −1 where nothing is joined yet.
        var parents = [Int](repeating: -1, count: size.count)
        var discarded = Set<Int>()
        return parents.withUnsafeMutableBufferPointer { parents in
            func root(_ index: Int) -> Int {
                var index = index
                while parents[index] != index {
                    parents[index] = parents[parents[index]]
                    index = parents[index]
                }
                return index
            }
            var peaks: [Int] = []
            values.withUnsafeBufferPointer { values in
                for index in order {
                    parents[index] = index
                    var own = index
                    neighbours.forEach(of: index) { other in
                        guard parents[other] >= 0 else { return }
                        let theirs = root(other)
                        guard theirs != own else { return }
                        // The lower peak ends here; of equals the later one.
                        let isOwnHigher =
                            values[own] != values[theirs] ? values[own] > values[theirs] : own < theirs
                        let (high, low) = isOwnHigher ? (own, theirs) : (theirs, own)
                        if low != index, Double(values[low]) - Double(values[index]) <= prominence {
                            discarded.insert(low)
                        }
                        parents[low] = high
                        own = high
                    }
                    // A pixel that joins nothing higher is a peak, unless it is found to be none.
                    if own == index { peaks.append(index) }
                }
            }
            return peaks.filter { !discarded.contains($0) }
        }
    }
}
